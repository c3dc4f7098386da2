// The checksums that follow deflate streams (CRC-32 in gzip and PNG, Adler-32 in zlib), and integers of fixed byte
// order.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace nncomp::deflate {

inline uint32_t little32(const uint8_t* b) {
  return b[0] | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
}

// CRC_TABLES[k][i]: what byte i contributes to a CRC-32 if k more bytes follow it. With eight tables, eight bytes are
// handled at once.
inline constexpr auto CRC_TABLES = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    tables[0][i] = c;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t i = 0; i < 256; ++i) tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
  }
  return tables;
}();

// The CRC-32 of bytes that follow others whose CRC-32 is `before`.
inline uint32_t crc32(std::span<const uint8_t> bytes, uint32_t before = 0) {
  const auto& t = CRC_TABLES;
  uint32_t c = ~before;
  const uint8_t* b = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, b += 8) {
    c ^= little32(b);
    c = t[7][c & 255] ^ t[6][c >> 8 & 255] ^ t[5][c >> 16 & 255] ^ t[4][c >> 24] ^ t[3][b[4]] ^ t[2][b[5]] ^
        t[1][b[6]] ^ t[0][b[7]];
  }
  for (; left > 0; --left, ++b) c = c >> 8 ^ t[0][(c ^ *b) & 255];
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

}  // namespace nncomp::deflate
