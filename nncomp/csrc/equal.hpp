// The length of the common prefix of two byte arrays.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nncomp {

// How many of the `most` bytes at a and at b are equal, before the first that differs.
inline size_t equal_bytes(const uint8_t* a, const uint8_t* b, size_t most) {
  size_t length = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; length + 8 <= most; length += 8) {
      uint64_t x, y;
      std::memcpy(&x, a + length, 8);
      std::memcpy(&y, b + length, 8);
      if (x != y) return length + size_t(std::countr_zero(x ^ y)) / 8;
    }
  }
  while (length < most && a[length] == b[length]) ++length;
  return length;
}

}  // namespace nncomp
