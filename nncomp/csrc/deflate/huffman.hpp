// Huffman codes of deflate: readers and writers of symbols, and the code lengths and items that zlib chooses.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "bits.hpp"
#include "deflate/format.hpp"

namespace nncomp::deflate {

// Reads the symbols of a canonical Huffman code.
class CodeReader {
 public:
  // Takes the code with these lengths, at most MAX_BITS each. Returns whether it is acceptable: complete, or a single
  // symbol of one bit, or, with `may_be_empty`, no symbol at all.
  bool build(std::span<const uint8_t> lengths, bool may_be_empty);

  // The next symbol, or −1 if the next bits are not a code.
  int next(BitReader& in) const {
    const uint32_t bits = uint32_t(in.peek());
    const uint16_t found = fast_[bits & mask_];
    if (found == 0) return slow(in, bits);
    in.skip(found & 15);
    return found >> 4;
  }

 private:
  static constexpr int FAST = 10;  // longest codes that are found in a table, in bits
  int slow(BitReader& in, uint32_t bits) const;

  uint32_t mask_ = 0;  // selects the bits that index the table
  std::array<uint16_t, 1 << FAST> fast_;  // [next bits]: symbol · 16 + length; 0: longer, or no code
  std::array<uint16_t, MAX_BITS + 1> count_;  // [length]: how many codes have it
  std::vector<uint16_t> sorted_;  // symbols in the order of their codes
};

// Writes the symbols of a canonical Huffman code.
struct CodeWriter {
  std::array<uint16_t, 288> code{};  // [symbol]: its bits, the first one lowest
  std::array<uint8_t, 288> length{};  // [symbol]: how many bits; 0: it has no code, and nothing is written

  // Takes any lengths ≤ MAX_BITS of at most 288 symbols. Lengths that form no code give meaningless bits, but never an
  // error.
  explicit CodeWriter(std::span<const uint8_t> lengths);

  void put(BitWriter& out, int symbol) const { out.put(code[size_t(symbol)], length[size_t(symbol)]); }
};

// The code lengths that zlib chooses for these frequencies, up to the last symbol that has a code (docs/deflate.md,
// section 5). No length is above max_bits.
std::vector<uint8_t> code_lengths(std::span<const uint32_t> frequencies, int max_bits);

// Appends the items with which zlib sends a list of code lengths.
void append_items(std::span<const uint8_t> lengths, std::vector<Item>& items);

// The item with which zlib would go on at index `at` of a list.
Item next_item(std::span<const uint8_t> lengths, size_t at);

// Sets the code of the items, `lengths` and `sent`, as zlib would choose it for trees.items.
void complete(Trees& trees);

// Bits that sending the codes takes, the block's first three bits excluded.
uint64_t size_of(const Trees& trees);

}  // namespace nncomp::deflate
