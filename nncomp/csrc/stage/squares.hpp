// Recursive least squares in integers (docs/numerics.md, section 11): the weights of a linear prediction that fit the
// samples so far best, older ones counting less. Everything is in unnamed namespaces: see
// kernels/body.hpp.
#pragma once

#include <cstdint>

#include "cholesky.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

// The decays of sums, which lose 2^-decay of themselves per batch, and how many batches there are between solutions.
struct Forgetting {
  int decay[SQUARES];
  uint32_t every;
};
constexpr Forgetting OF_SOUND = {{3, 5}, 8}, OF_ROWS = {{6, 9}, 32};

// Takes in a sample: the differences x before it, and `y`, its own from the one before.
inline void learn_squares(LeastSquares& q, const Forgetting& forgetting, const int32_t (&x)[TAPS], int32_t y) {
  int32_t* const row = q.seen[q.count++ % BATCH];
  for (int i = 0; i < TAPS; ++i) row[i] = x[i];
  row[TAPS] = y;
  if (q.count % BATCH) return;
  for (int i = 0; i <= TAPS; ++i) {
    for (int part = 0; part <= i; part += PART) {
      int64_t more[PART] = {};  // < 2^35
      for (const auto& seen : q.seen) {
        for (int j = 0; j < PART; ++j) more[j] += int64_t(seen[i]) * seen[part + j];
      }
      for (int o = 0; o < SQUARES; ++o) {
        int64_t* const sum = q.sum[o][i] + part;  // < 2^53
        for (int j = 0; j < PART; ++j) sum[j] += more[j] * 256 - (sum[j] >> forgetting.decay[o]);
      }
    }
  }
  if (q.count / BATCH % forgetting.every) return;
  for (int o = 0; o < SQUARES; ++o) {
    const Cholesky<TAPS> factors(q.sum[o]);
    factors.solve(TAPS, q.weight[o]);
    factors.solve(SHORT, q.weight[SQUARES + o]);
  }
}

}  // namespace
}  // namespace nncomp::mix
