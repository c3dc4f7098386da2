// Weights of a linear prediction that would have been the best for what the lane has seen (docs/numerics.md, section
// 11): least squares, in integers. The older a sample, the less it counts. Everything is in unnamed namespaces: see
// kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "root.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

// How sums forget, 2^-decay of them a batch, and after how many batches weights are found anew.
struct Forgetting {
  int decay[SQUARES];
  uint32_t every;
};
constexpr Forgetting OF_SOUND = {{3, 5}, 8}, OF_ROWS = {{6, 9}, 32};

constexpr int SCALE = 56;        // sums are brought to so many bits
constexpr int LEAST_BITS = 20;   // those of fewer are taken as having so many
constexpr int RIDGE = 36;        // 2^RIDGE is added to the diagonal, and its least pivot
constexpr int INVERSE = 50;      // 2^INVERSE over the root of a pivot
constexpr int FACTOR_BITS = 29, WEIGHT_BITS = 20;  // of what they are limited to

// v/root, within ±2^bits. root · inverse is about 2^INVERSE; the product has 80 bits, and is made in two parts.
inline int32_t quotient(int64_t v, int64_t root, int64_t inverse, int bits) {
  const int64_t most = root << bits;
  v = v < -most ? -most : v > most ? most : v;
  const int64_t high = v >> 28, low = v & ((int64_t(1) << 28) - 1);
  return int32_t((high * inverse + (low * inverse >> 28)) >> (INVERSE - 28));
}

// Cholesky's factors of the sums, whose last row becomes what they make of the sample, and from these the weights of
// all inputs and those of the first alone.
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

// A sample was `y` above the one before where the differences were x.
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
