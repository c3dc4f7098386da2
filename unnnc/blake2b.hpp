// The hash function BLAKE2b (RFC 7693) with a digest of 16 bytes and no key.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace nncomp::unnnc {

class Blake2b {
 public:
  Blake2b() {
    for (size_t i = 0; i < 8; ++i) h_[i] = IV[i];
    h_[0] ^= 0x01010000 ^ SIZE;
  }

  void update(std::span<const uint8_t> data) {
    for (const uint8_t byte : data) {
      if (filled_ == sizeof block_)
        compress(false);  // not earlier: the last block, even if it is full, is compressed in another way
      block_[filled_++] = byte;
    }
  }

  // The digest of all data so far. The object is used up.
  std::array<uint8_t, 16> digest() {
    std::memset(block_ + filled_, 0, sizeof block_ - filled_);
    compress(true);
    std::array<uint8_t, SIZE> out;
    for (size_t i = 0; i < SIZE; ++i) out[i] = uint8_t(h_[i / 8] >> 8 * (i % 8));
    return out;
  }

 private:
  static constexpr size_t SIZE = 16;  // bytes of the digest
  static constexpr uint64_t IV[8] = {0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
                                     0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179};
  // clang-format off
  static constexpr uint8_t SIGMA[10][16] = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
      {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
      {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
      {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
      {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
  };
  // clang-format on

  void compress(bool last) {
    count_ += filled_;
    filled_ = 0;
    uint64_t m[16], v[16];
    for (size_t i = 0; i < 16; ++i) {
      m[i] = 0;
      for (size_t k = 0; k < 8; ++k) m[i] |= uint64_t(block_[8 * i + k]) << 8 * k;
      v[i] = i < 8 ? h_[i] : IV[i - 8];
    }
    v[12] ^= count_;
    if (last) v[14] = ~v[14];
    const auto mix = [&](size_t a, size_t b, size_t c, size_t d, uint64_t x, uint64_t y) {
      v[a] += v[b] + x;
      v[d] = std::rotr(v[d] ^ v[a], 32);
      v[c] += v[d];
      v[b] = std::rotr(v[b] ^ v[c], 24);
      v[a] += v[b] + y;
      v[d] = std::rotr(v[d] ^ v[a], 16);
      v[c] += v[d];
      v[b] = std::rotr(v[b] ^ v[c], 63);
    };
    for (size_t round = 0; round < 12; ++round) {
      const uint8_t* s = SIGMA[round % 10];
      for (size_t i = 0; i < 4; ++i) mix(i, i + 4, i + 8, i + 12, m[s[2 * i]], m[s[2 * i + 1]]);
      for (size_t i = 0; i < 4; ++i) {
        mix(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
      }
    }
    for (size_t i = 0; i < 8; ++i) h_[i] ^= v[i] ^ v[i + 8];
  }

  uint64_t h_[8];
  uint64_t count_ = 0;  // bytes compressed so far
  size_t filled_ = 0;   // bytes in block_
  uint8_t block_[128];
};

}  // namespace nncomp::unnnc
