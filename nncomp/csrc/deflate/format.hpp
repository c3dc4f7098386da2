// Deflate (RFC 1951): its constants and tables, and the values that a parsed stream consists of.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace nncomp::deflate {

constexpr uint32_t MIN_MATCH = 3, MAX_MATCH = 258;
constexpr uint32_t MAX_DISTANCE = 1 << 15;
constexpr uint32_t HASH_FACTOR = 0x9E3779B1;  // 2^32 / golden ratio: the highest bits of a product are a hash
constexpr int END = 256;  // the symbol that ends a block; below it are literals, above it match lengths
constexpr int LITERALS = 286, DISTANCES = 30, LENGTHS = 19;  // symbols of the three codes; the third codes lengths
constexpr int MAX_BITS = 15, MAX_LENGTH_BITS = 7;            // longest code of the first two, of the third

enum Type : uint8_t { STORED, FIXED, DYNAMIC };  // as RFC 1951 numbers them

// A literal or a match. A literal has distance 0 and length 1; its byte is the content's byte at its position.
struct Token {
  uint16_t length = 1;
  uint16_t distance = 0;  // of a match 1 … 32768

  bool is_match() const { return distance != 0; }
  bool operator==(const Token&) const = default;
};

// The values that a symbol stands for: `base` plus the number in the `extra` bits that follow it.
struct Extra {
  uint16_t base;
  uint8_t extra;
};

// Match lengths of the symbols from END + 1 on.
inline constexpr auto LENGTH_CODES = [] {
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

// Distances of the distance symbols.
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

// The index in LENGTH_CODES of a match length; 258 has a symbol of its own.
inline constexpr auto LENGTH_CODE = [] {
  std::array<uint8_t, MAX_MATCH + 1> code{};
  for (size_t i = 0; i < LENGTH_CODES.size(); ++i) {
    for (uint32_t j = LENGTH_CODES[i].base; j <= MAX_MATCH; ++j) code[j] = uint8_t(i);
  }
  return code;
}();

// The index in DISTANCE_CODES of a distance, 1 … 32768.
inline int distance_code(uint32_t distance) {
  const uint32_t d = distance - 1;
  if (d < 4) return int(d);
  int bits = 2;
  while (d >> (bits + 1)) ++bits;
  return 2 * bits + int(d >> (bits - 1) & 1);
}

// The order in which the code lengths of the third code are sent.
inline constexpr uint8_t LENGTH_ORDER[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

// Code lengths of the fixed code of literals and match lengths; in that of distances all 30 symbols have 5 bits.
inline constexpr auto FIXED_LITERALS = [] {
  std::array<uint8_t, 288> lengths{};
  for (size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  return lengths;
}();

// Part of the list of code lengths that a dynamic block sends. Symbols 0 … 15: one length; 16: the previous length
// `count` more times; 17 and 18: `count` zeros.
struct Item {
  uint8_t symbol;
  uint8_t count = 1;

  bool operator==(const Item&) const = default;
};

inline constexpr Extra REPEATS[3] = {{3, 2}, {3, 3}, {11, 7}};  // `count` of the symbols 16, 17, 18

// The header of a dynamic block: its Huffman codes, and how they are sent.
struct Trees {
  std::vector<uint8_t> literals, distances;  // code lengths, as many as are sent; 0: the symbol has no code
  std::vector<Item> items;                   // the items that send both lists, one behind the other
  std::array<uint8_t, LENGTHS> lengths{};    // code lengths of the items' symbols
  int sent = 0;                              // how many of these are sent, in LENGTH_ORDER

  bool operator==(const Trees&) const = default;
};

struct Block {
  Type type = STORED;
  bool last = false;
  uint8_t padding = 0;    // of a stored block: the bits between its type and the next byte boundary
  uint32_t size = 0;      // bytes of content
  uint32_t tokens = 0;    // how many it has; 0 in a stored block
  Trees trees;            // of a dynamic block
  bool open = false;      // its end symbol is missing, because the stream is cut off inside of it
};

// Which part of a stream is there. A piece without the stream's beginning begins inside a block, behind a match.
struct Piece {
  bool begun = false;   // the beginning is missing
  bool cut = false;     // the end is missing
  uint32_t window = 0;  // if begun: bytes of the content before the piece, which matches may refer to
  uint32_t tokens = 0;  // if begun: tokens of the first block that come before the piece
  uint8_t offset = 0;   // if begun: bits of the first byte that come before the piece
  uint8_t low = 0;      // if begun: these bits

  bool is_whole() const { return !begun && !cut; }
};

// A parsed stream, or a piece of one.
struct Stream {
  Piece piece;
  std::vector<uint8_t> plain;  // the content; of a piece, behind its window
  std::vector<Token> tokens;   // of all blocks
  std::vector<Block> blocks;
  uint8_t padding = 0;  // the bits between the stream's end and the next byte boundary
  uint64_t size = 0;    // bytes of compressed data
};

}  // namespace nncomp::deflate
