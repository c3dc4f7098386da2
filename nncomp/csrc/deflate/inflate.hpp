// Parses deflate streams into tokens and content. Stricter than RFC 1951 asks, as zlib is: Huffman codes have to be
// complete, or of a single symbol.
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
  uint32_t block_tokens = 0;  // tokens of a block
  uint32_t blocks = 0;        // blocks of a stream
};

// The state of parsing at the end of some bytes, if the stream goes on behind them.
struct Inside {
  std::vector<uint8_t> window;   // the last bytes of the content, at most MAX_DISTANCE
  std::vector<uint8_t> pending;  // the last bytes, from the beginning of the token or block header that is incomplete
  uint8_t offset = 0;  // bits of the first pending byte that were parsed
  bool in_block = false;  // whether a token is next; otherwise a block header
  Block block;  // in_block: the block, with the tokens that it has had so far
};

// Parses the stream that begins with `bytes` and may end before they do. If it goes on behind them, or exceeds
// limits.plain, the result is the part that is there, which may be empty. None if this is no stream, or it exceeds
// another limit, or it has a match of 258 bytes coded as 227 + 31, which cannot be redone. `tried` becomes the bytes
// of content that were found, or those of the stream that were read if these are more, even if there is no result.
std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried);

// Parses the rest of a stream inside of which `data` begins. The result is the piece behind the first match that ends
// in `data`; `start` becomes the index of the byte in which it begins.
std::optional<Stream> take_up(std::span<const uint8_t> data, const Inside& inside, const Limits& limits, size_t& start);

// Parses a stream that begins with `bytes`, or inside of which they begin, without keeping it. None if it is none.
struct Followed {
  size_t end = 0;  // if the stream ends in `bytes`: the index behind it
  std::optional<Inside> inside;  // if it goes on behind them
};
std::optional<Followed> follow(std::span<const uint8_t> bytes, const Inside* inside, uint64_t& tried);

// [four lengths of 3 bits]: how much of the items' code space they take, in 1/128. A complete code takes all of it.
inline constexpr auto SHARES = [] {
  std::array<uint16_t, 4096> shares{};
  for (size_t i = 0; i < 4096; ++i) {
    for (size_t at = 0; at < 12; at += 3) shares[i] = uint16_t(shares[i] + ((128 >> (i >> at & 7)) & 127));
  }
  return shares;
}();

// Whether these 16 bytes may begin a dynamic block: the code of its items is complete, which it seldom is by chance.
// Asked at every byte of the data, hence without a loop over the lengths.
inline bool may_be_dynamic(const uint8_t* bytes) {
  if ((bytes[0] >> 1 & 3) != DYNAMIC || bytes[0] >> 3 > LITERALS - 257 || (bytes[1] & 31) >= DISTANCES) return false;
  const int count = 4 + (bytes[1] >> 5 | (bytes[2] & 1) << 3);
  uint64_t lengths = little32(&bytes[2]) | uint64_t(little32(&bytes[6])) << 32;
  lengths = (lengths >> 1) & ((uint64_t(1) << (3 * count)) - 1);
  uint32_t share = 0;
  for (int at = 0; at < 60; at += 12) share += SHARES[lengths >> at & 4095];
  return share == 128;
}

// Whether these 16 bytes may begin a block.
inline bool may_be_block(const uint8_t* bytes) {
  switch (bytes[0] >> 1 & 3) {
    case STORED: return ((bytes[1] ^ bytes[3]) & (bytes[2] ^ bytes[4])) == 0xFF;
    case FIXED: return true;
    default: return may_be_dynamic(bytes);
  }
}

// Whether a dynamic block begins with `bytes`, at least 16: its codes are acceptable. Fast if none does.
bool begins_dynamic(std::span<const uint8_t> bytes);

}  // namespace nncomp::deflate
