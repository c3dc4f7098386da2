// Least squares in integers (docs/numerics.md, section 11): the weights of the linear prediction that would have been
// the best for what was seen, by Cholesky's method. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "root.hpp"

namespace nncomp {
namespace {

// Factors of sums of products. Entry [i][j] of `sum`, j <= i, is that of inputs i and j, input `taps` being what is
// predicted; each is below 2^53. `row` is how long rows are.
template <int taps>
class Cholesky {
 public:
  template <int row>
  explicit Cholesky(const int64_t (&sum)[taps + 1][row]) {
    int64_t largest = 1;
    for (int i = 0; i <= taps; ++i) largest = sum[i][i] > largest ? sum[i][i] : largest;
    const int bits = highest_bit(uint64_t(largest)) + 1;  // <= 53
    const int shift = SCALE - (bits < LEAST_BITS ? LEAST_BITS : bits);
    int64_t a[taps + 1][taps + 1];  // |a| < 2^63 throughout
    for (int i = 0; i <= taps; ++i) {
      for (int j = 0; j <= i; ++j) a[i][j] = sum[i][j] * (int64_t(1) << shift);
      a[i][i] += int64_t(1) << RIDGE;
    }
    for (int j = 0; j < taps; ++j) {
      int32_t* const f = factor_[j];
      const int64_t pivot = a[j][j], least = int64_t(1) << RIDGE;
      root_[j] = isqrt(uint64_t(pivot < least ? least : pivot));  // 2^18 … 2^28.1
      inverse_[j] = (int64_t(1) << INVERSE) / root_[j];
      for (int i = j + 1; i <= taps; ++i) f[i] = quotient(a[i][j], j, FACTOR_BITS);
      for (int i = j + 1; i <= taps; ++i) {
        for (int k = j + 1; k <= i && k < taps; ++k) a[i][k] -= int64_t(f[i]) * f[k];
      }
    }
  }

  // The weights of the first `count` inputs alone, 2^16 being one, within ±2^WEIGHT_BITS.
  void solve(int count, int32_t* weight) const {
    for (int i = count - 1; i >= 0; --i) {
      int64_t v = int64_t(factor_[i][taps]) * (1 << 16);  // < 2^54 throughout
      for (int k = i + 1; k < count; ++k) v -= int64_t(factor_[i][k]) * weight[k];
      weight[i] = quotient(v, i, WEIGHT_BITS);
    }
  }

 private:
  static constexpr int SCALE = 56;        // bits to which sums are scaled before they are solved
  static constexpr int LEAST_BITS = 20;   // bits that the largest sum is taken to have at least
  static constexpr int RIDGE = 36;        // 2^RIDGE is added to the diagonal, and its least pivot
  static constexpr int INVERSE = 50;      // roots of pivots are inverted as 2^INVERSE / root
  static constexpr int FACTOR_BITS = 29, WEIGHT_BITS = 20;  // bits to which factors and weights are limited

  // v/root, within ±2^bits. root · inverse is about 2^INVERSE; the product has 80 bits, and is made in two parts.
  int32_t quotient(int64_t v, int j, int bits) const {
    const int64_t most = root_[j] << bits;
    v = v < -most ? -most : v > most ? most : v;
    const int64_t high = v >> 28, low = v & ((int64_t(1) << 28) - 1);
    return int32_t((high * inverse_[j] + (low * inverse_[j] >> 28)) >> (INVERSE - 28));
  }

  int32_t factor_[taps][taps + 1];  // [column][row]
  int64_t root_[taps], inverse_[taps];
};

}  // namespace
}  // namespace nncomp
