// What symbols cost: docs/numerics.md, section 8. In integers, so that it is the same everywhere.
#pragma once

#include <bit>
#include <cstdint>

#include "coder/coder.hpp"

namespace nncomp {

constexpr int COST_BITS = 24;  // a cost is in 1/2^24 of a bit

// The logarithm of x >= 1 to base 2, in 1/2^COST_BITS, rounded down: digit by digit, by squaring.
inline uint64_t binary_logarithm(uint32_t x) {
  const int whole = std::bit_width(x) - 1;
  uint64_t mantissa = uint64_t(x) << (31 - whole);  // 2^31 … 2^32 - 1, for 1 … 2
  uint64_t digits = uint64_t(whole);
  for (int i = 0; i < COST_BITS; ++i) {
    mantissa = (mantissa * mantissa) >> 31;
    const uint64_t digit = mantissa >> 32;
    mantissa >>= digit;
    digits = 2 * digits + digit;
  }
  return digits;
}

// What a lane's symbols so far have taken: what is written, and by how much the interval is narrower than 2^32.
inline uint64_t spent(const Encoder& coder) {
  return ((8 * coder.size + 32) << COST_BITS) - binary_logarithm(coder.range);
}

}  // namespace nncomp
