// Variable-length numbers: LEB128 of at most 63 bits, in its shortest form (docs/format.md, section 1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coder/error.hpp"

namespace nncomp {

constexpr int MAX_VARINT = 9;  // bytes

inline void put_varint(std::vector<uint8_t>& out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(uint8_t(number | 0x80));
  out.push_back(uint8_t(number));
}

// Reads a number, byte by byte by `next`. Throws FormatError unless it is in its shortest form and below 2^63.
template <class Next>
uint64_t read_varint(Next next) {
  uint64_t value = 0;
  for (int i = 0; i < MAX_VARINT; ++i) {
    const uint8_t byte = next();
    value |= uint64_t(byte & 0x7F) << 7 * i;
    if (byte < 0x80) {
      if (byte == 0 && i > 0) throw FormatError("a number is not in its shortest form");
      return value;
    }
  }
  throw FormatError("a number is too long");
}

// Reads the number that `from` begins with, and removes its bytes. require(condition) is the caller's, and throws
// where that is false: where `from` ends too early.
template <class Require>
uint64_t take_varint(std::span<const uint8_t>& from, Require require) {
  return read_varint([&] {
    require(!from.empty());
    const uint8_t byte = from[0];
    from = from.subspan(1);
    return byte;
  });
}

}  // namespace nncomp
