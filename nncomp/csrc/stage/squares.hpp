// Recursive least squares in integers (docs/numerics.md, section 11): the weights of a linear prediction that fit the
// samples so far best, older ones counting less. Everything is in unnamed namespaces: see
// kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "root.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

// The decays of sums, which lose 2^-decay of themselves per batch, and how many batches there are between solutions.
struct Forgetting {
  int decay[SQUARES];
  uint32_t every;
};
constexpr Forgetting OF_SOUND = {{3, 5}, 8}, OF_ROWS = {{6, 9}, 32};

constexpr int SCALE = 56;        // bits to which sums are scaled before they are solved
constexpr int LEAST_BITS = 20;   // bits that the largest sum is taken to have at least
constexpr int RIDGE = 36;        // 2^RIDGE is added to the diagonal, and its least pivot
constexpr int INVERSE = 50;      // roots of pivots are inverted as 2^INVERSE / root
constexpr int FACTOR_BITS = 29, WEIGHT_BITS = 20;  // bits to which factors and weights are limited

// v/root, within ±2^bits. root · inverse is about 2^INVERSE; the product has 80 bits, and is made in two parts.
inline int32_t quotient(int64_t v, int64_t root, int64_t inverse, int bits) {
  const int64_t most = root << bits;
  v = v < -most ? -most : v > most ? most : v;
  const int64_t high = v >> 28, low = v & ((int64_t(1) << 28) - 1);
  return int32_t((high * inverse + (low * inverse >> 28)) >> (INVERSE - 28));
}

// Decomposes the sums by Cholesky's method, and solves for the weights of all inputs and for those of the first SHORT
// inputs alone.
inline void find_weights(const int64_t (&sum)[TAPS + 1][ROW], int32_t (&all)[TAPS], int32_t (&first)[TAPS]) {
  int64_t largest = 1;
  for (int i = 0; i <= TAPS; ++i) largest = sum[i][i] > largest ? sum[i][i] : largest;
  const int bits = highest_bit(uint64_t(largest)) + 1;  // <= 53
  const int shift = SCALE - (bits < LEAST_BITS ? LEAST_BITS : bits);
  int64_t a[TAPS + 1][TAPS + 1];  // |a| < 2^63 throughout
  for (int i = 0; i <= TAPS; ++i) {
    for (int j = 0; j <= i; ++j) a[i][j] = sum[i][j] * (int64_t(1) << shift);
    a[i][i] += int64_t(1) << RIDGE;
  }
  int32_t factor[TAPS][TAPS + 1];  // [column][row]
  int64_t root[TAPS], inverse[TAPS];
  for (int j = 0; j < TAPS; ++j) {
    int32_t* const f = factor[j];
    const int64_t pivot = a[j][j], least = int64_t(1) << RIDGE;
    root[j] = isqrt(uint64_t(pivot < least ? least : pivot));  // 2^18 … 2^28.1
    inverse[j] = (int64_t(1) << INVERSE) / root[j];
    for (int i = j + 1; i <= TAPS; ++i) f[i] = quotient(a[i][j], root[j], inverse[j], FACTOR_BITS);
    for (int i = j + 1; i <= TAPS; ++i) {
      for (int k = j + 1; k <= i && k < TAPS; ++k) a[i][k] -= int64_t(f[i]) * f[k];
    }
  }
  const auto solve = [&](int taps, int32_t (&weight)[TAPS]) {  // the factors of the first rows are those of a part
    for (int i = taps - 1; i >= 0; --i) {
      int64_t v = int64_t(factor[i][TAPS]) * (1 << 16);  // < 2^54 throughout
      for (int k = i + 1; k < taps; ++k) v -= int64_t(factor[i][k]) * weight[k];
      weight[i] = quotient(v, root[i], inverse[i], WEIGHT_BITS);
    }
  };
  solve(TAPS, all);
  solve(SHORT, first);
}

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
  for (int o = 0; o < SQUARES; ++o) find_weights(q.sum[o], q.weight[o], q.weight[SQUARES + o]);
}

}  // namespace
}  // namespace nncomp::mix
