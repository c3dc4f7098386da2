// The checksums that stand behind deflate streams.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace nncomp::deflate {

inline constexpr auto CRC_TABLE = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    table[i] = c;
  }
  return table;
}();

// Of what follows bytes with the CRC-32 `before`.
inline uint32_t crc32(std::span<const uint8_t> bytes, uint32_t before = 0) {
  uint32_t c = ~before;
  for (const uint8_t b : bytes) c = c >> 8 ^ CRC_TABLE[(c ^ b) & 255];
  return ~c;
}

inline uint32_t adler32(std::span<const uint8_t> bytes) {
  uint64_t a = 1, b = 0;
  for (size_t i = 0; i < bytes.size();) {
    const size_t end = i + 4096 < bytes.size() ? i + 4096 : bytes.size();
    for (; i < end; ++i) {
      a += bytes[i];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return uint32_t(b << 16 | a);
}

inline uint32_t big32(const uint8_t* b) {
  return uint32_t(b[0]) << 24 | uint32_t(b[1]) << 16 | uint32_t(b[2]) << 8 | b[3];
}

inline uint32_t little32(const uint8_t* b) {
  return b[0] | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
}

}  // namespace nncomp::deflate
