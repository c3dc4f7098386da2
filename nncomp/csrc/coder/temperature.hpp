// Probabilities that are sharper or flatter than those that are predicted: docs/numerics.md, section 8. In integers, so
// that what is generated is the same everywhere.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "coder/coder.hpp"
#include "coder/cost.hpp"

namespace nncomp {

constexpr int POWER_BITS = 16;  // a power is in 1/2^16
constexpr uint32_t PLAIN = 1u << POWER_BITS;  // leaves probabilities as they are
constexpr uint32_t MAX_POWER = 1u << (POWER_BITS + 8);

// 2^(1/2), 2^(1/4), … in 1/2^31, each the root of the one before, rounded down.
constexpr std::array<uint32_t, COST_BITS> roots_of_two() {
  std::array<uint32_t, COST_BITS> roots{};
  uint64_t last = uint64_t(2) << 31;
  for (uint32_t& root : roots) {
    uint64_t low = uint64_t(1) << 31, high = last;  // low² <= last·2^31 < high²
    while (high - low > 1) {
      const uint64_t middle = (low + high) / 2;
      (middle * middle <= last << 31 ? low : high) = middle;
    }
    root = uint32_t(low);
    last = low;
  }
  return roots;
}

// The probability of a 1, in 1/2^22, whose odds are those of p to the power of power/2^16: 0 < power <= MAX_POWER.
inline uint32_t tempered(uint32_t p, uint32_t power) {
  static constexpr std::array<uint32_t, COST_BITS> ROOTS = roots_of_two();
  constexpr uint32_t ONE = 1u << PROBABILITY_BITS;
  const uint32_t more = p > ONE - p ? p : ONE - p;
  const uint64_t odds = ((binary_logarithm(more) - binary_logarithm(ONE - more)) * power) >> POWER_BITS;  // log2
  uint64_t less = 1;
  if (odds < uint64_t(PROBABILITY_BITS) << COST_BITS) {
    uint64_t x = uint64_t(1) << 31;  // two to the power of what is behind the point of the odds
    for (int i = 0; i < COST_BITS; ++i) {
      if (odds >> (COST_BITS - 1 - i) & 1) x = (x * ROOTS[size_t(i)]) >> 31;
    }
    less = (uint64_t(ONE) << 31) / ((uint64_t(1) << 31) + (x << (odds >> COST_BITS)));
    if (less < 1) less = 1;
  }
  return more == p ? ONE - uint32_t(less) : uint32_t(less);
}

}  // namespace nncomp
