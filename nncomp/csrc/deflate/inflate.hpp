// Takes a deflate stream apart: RFC 1951, strictly.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deflate/checksum.hpp"
#include "deflate/format.hpp"

namespace nncomp::deflate {

struct Limits {
  uint64_t plain = 0;         // bytes of content of a stream
  uint32_t block_tokens = 0;  // of a block
  uint32_t blocks = 0;
};

// Where one stands in a stream at the end of some bytes, if it goes on behind them.
struct Inside {
  std::vector<uint8_t> window;   // the content's last bytes, MAX_DISTANCE at most
  std::vector<uint8_t> pending;  // the bytes from the one in which begins what is not there entirely
  uint8_t offset = 0;            // bits of the first of them that come before
  bool in_block = false;         // else a block's header is next
  Block block;                   // and how many tokens it has had
};

// The stream that begins with `bytes` and ends anywhere in them. If it ends behind them, or is over the limit of its
// content, what there is of it, which may be nothing. None where there is no such stream, it is over another limit, or
// it holds what redoing has no means for: a length of 258 that is written as 227 + 31. `tried` becomes the bytes of
// content that were found, in any case.
std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried);

// The same for the rest of a stream inside of which `data` begins: behind its first match in `data`. `start` becomes
// the place of that.
std::optional<Stream> take_up(std::span<const uint8_t> data, const Inside& inside, const Limits& limits, size_t& start);

// Where a stream ends that begins with `bytes`, or inside of which they begin, in front of them or behind.
struct Followed {
  size_t end = 0;                // if it does not go on
  std::optional<Inside> inside;  // if it goes on
};
std::optional<Followed> follow(std::span<const uint8_t> bytes, const Inside* inside, uint64_t& tried);

// How much of the code of items four of its lengths take, of 128.
inline constexpr auto SHARES = [] {
  std::array<uint16_t, 4096> shares{};
  for (size_t i = 0; i < 4096; ++i) {
    for (size_t at = 0; at < 12; at += 3) shares[i] = uint16_t(shares[i] + ((128 >> (i >> at & 7)) & 127));
  }
  return shares;
}();

// Whether these may be the first bytes of a dynamic block, of which 16 are there: the code of items is complete. It
// seldom is by chance, and this is asked at each byte.
inline bool may_be_dynamic(const uint8_t* bytes) {
  if ((bytes[0] >> 1 & 3) != DYNAMIC || bytes[0] >> 3 > LITERALS - 257 || (bytes[1] & 31) >= DISTANCES) return false;
  const int count = 4 + (bytes[1] >> 5 | (bytes[2] & 1) << 3);
  uint64_t lengths = little32(&bytes[2]) | uint64_t(little32(&bytes[6])) << 32;
  lengths = (lengths >> 1) & ((uint64_t(1) << (3 * count)) - 1);
  uint32_t share = 0;
  for (int at = 0; at < 60; at += 12) share += SHARES[lengths >> at & 4095];
  return share == 128;
}

// Whether a block may begin with these bytes, of which 16 are there.
inline bool may_be_block(const uint8_t* bytes) {
  switch (bytes[0] >> 1 & 3) {
    case STORED: return ((bytes[1] ^ bytes[3]) & (bytes[2] ^ bytes[4])) == 0xFF;
    case FIXED: return true;
    default: return may_be_dynamic(bytes);
  }
}

// Whether a dynamic block begins with `bytes`, 16 at least: its codes are complete. Fast where none does.
bool begins_dynamic(std::span<const uint8_t> bytes);

}  // namespace nncomp::deflate
