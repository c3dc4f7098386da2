// What RFC 1951 says of deflate, as tables, and a stream taken apart.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace nncomp::deflate {

constexpr uint32_t MIN_MATCH = 3, MAX_MATCH = 258;
constexpr uint32_t MAX_DISTANCE = 1 << 15;
constexpr int END = 256;  // the symbol that ends a block; below it are literals, above it lengths
constexpr int LITERALS = 286, DISTANCES = 30, LENGTHS = 19;  // symbols of the three codes
constexpr int MAX_BITS = 15, MAX_LENGTH_BITS = 7;            // of a code of the first two, of the third

enum Type : uint8_t { STORED, FIXED, DYNAMIC };

// A literal, which is the byte of the content at its place, has distance 0 and length 1.
struct Token {
  uint16_t length = 1;
  uint16_t distance = 0;  // 1 … 32768

  bool is_match() const { return distance != 0; }
  bool operator==(const Token&) const = default;
};

// A symbol with bits behind it: `extra` of them.
struct Extra {
  uint16_t base;
  uint8_t extra;
};

inline constexpr auto LENGTH_CODES = [] {  // of the symbols from 257 on
  std::array<Extra, 29> codes{};
  int base = 3;
  for (int i = 0; i < 28; ++i) {
    const int extra = i < 8 ? 0 : i / 4 - 1;
    codes[size_t(i)] = {uint16_t(base), uint8_t(extra)};
    base += 1 << extra;
  }
  codes[28] = {258, 0};
  return codes;
}();

inline constexpr auto DISTANCE_CODES = [] {
  std::array<Extra, DISTANCES> codes{};
  int base = 1;
  for (int i = 0; i < DISTANCES; ++i) {
    const int extra = i < 4 ? 0 : i / 2 - 1;
    codes[size_t(i)] = {uint16_t(base), uint8_t(extra)};
    base += 1 << extra;
  }
  return codes;
}();

// The place in LENGTH_CODES of a length.
inline constexpr auto LENGTH_CODE = [] {
  std::array<uint8_t, MAX_MATCH + 1> code{};
  for (size_t i = 0; i < LENGTH_CODES.size(); ++i) {
    for (uint32_t j = LENGTH_CODES[i].base; j <= MAX_MATCH; ++j) code[j] = uint8_t(i);
  }
  return code;
}();

// The place in DISTANCE_CODES of a distance, 1 … 32768.
inline int distance_code(uint32_t distance) {
  const uint32_t d = distance - 1;
  if (d < 4) return int(d);
  int bits = 2;
  while (d >> (bits + 1)) ++bits;
  return 2 * bits + int(d >> (bits - 1) & 1);
}

inline constexpr uint8_t LENGTH_ORDER[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

// The lengths of the fixed code of literals; that of distances is 5 for all 30.
inline constexpr auto FIXED_LITERALS = [] {
  std::array<uint8_t, 288> lengths{};
  for (size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  return lengths;
}();

// A piece of a list of lengths: 0 … 15, that length; 16, the last one `count` times; 17 and 18, zero `count` times.
struct Item {
  uint8_t symbol;
  uint8_t count = 1;

  bool operator==(const Item&) const = default;
};

inline constexpr Extra REPEATS[3] = {{3, 2}, {3, 3}, {11, 7}};  // of the symbols 16, 17, 18

// The codes of a dynamic block as they are sent.
struct Trees {
  std::vector<uint8_t> literals, distances;  // lengths of codes, as many as are sent
  std::vector<Item> items;                   // both of them
  std::array<uint8_t, LENGTHS> lengths{};    // of the code of the items
  int sent = 0;                              // how many of these are sent, in LENGTH_ORDER

  bool operator==(const Trees&) const = default;
};

struct Block {
  Type type = STORED;
  bool last = false;
  uint8_t padding = 0;    // of a stored block: the bits up to the next byte
  uint32_t size = 0;      // bytes of its content
  uint32_t tokens = 0;    // how many it has
  Trees trees;            // of a dynamic block
  bool open = false;      // whether its end is missing, as of the last one of a stream that is cut off
};

// What is there of a stream, where that is not all.
struct Piece {
  bool begun = false;   // its beginning is missing: it goes on behind a match, inside a block
  bool cut = false;     // its end is missing
  uint32_t window = 0;  // begun: bytes of content that come before
  uint32_t tokens = 0;  // begun: of the first block, that come before
  uint8_t offset = 0;   // begun: bits of the first byte that come before
  uint8_t low = 0;      // begun: these bits

  bool is_whole() const { return !begun && !cut; }
};

struct Stream {
  Piece piece;
  std::vector<uint8_t> plain;  // with what comes before
  std::vector<Token> tokens;  // of all blocks
  std::vector<Block> blocks;
  uint8_t padding = 0;  // the bits from its end to the next byte
  uint64_t size = 0;    // bytes of the stream
};

}  // namespace nncomp::deflate
