// Huffman codes of deflate: to read with, to write with, and as zlib builds them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "deflate/bits.hpp"
#include "deflate/format.hpp"

namespace nncomp::deflate {

// Reads the symbols of a canonical code.
class CodeReader {
 public:
  // Whether these are lengths of a code: complete, or of one symbol with length 1, or, if `may_be_empty`, of none.
  bool build(std::span<const uint8_t> lengths, bool may_be_empty);

  // The next symbol, or −1 where the bits are none.
  int next(BitReader& in) const {
    const uint32_t bits = uint32_t(in.peek());
    const uint16_t found = fast_[bits & mask_];
    if (found == 0) return slow(in, bits);
    in.skip(found & 15);
    return found >> 4;
  }

 private:
  static constexpr int FAST = 10;  // bits that are looked up at once, at most
  int slow(BitReader& in, uint32_t bits) const;

  uint32_t mask_ = 0;                             // bits that are looked up at once
  std::array<uint16_t, 1 << FAST> fast_;          // symbol · 16 + length, 0: longer ones
  std::array<uint16_t, MAX_BITS + 1> count_;      // codes of each length
  std::vector<uint16_t> sorted_;                  // symbols by their codes
};

// What is written for each symbol: its code, the first bit lowest.
struct CodeWriter {
  std::array<uint16_t, 288> code{};
  std::array<uint8_t, 288> length{};

  // Any lengths ≤ 15 of at most 288 symbols; what is no code gives bits without a meaning.
  explicit CodeWriter(std::span<const uint8_t> lengths);

  void put(BitWriter& out, int symbol) const { out.put(code[size_t(symbol)], length[size_t(symbol)]); }
};

// The lengths that zlib chooses, of as many symbols as it sends: docs/deflate.md, section 5.
std::vector<uint8_t> code_lengths(std::span<const uint32_t> frequencies, int max_bits);

// The pieces that zlib makes of a list of lengths.
void append_items(std::span<const uint8_t> lengths, std::vector<Item>& items);

// The piece that zlib would continue with at place `at` of a list.
Item next_item(std::span<const uint8_t> lengths, size_t at);

// Completes `trees`, whose items are there, as zlib does: the code of the items.
void complete(Trees& trees);

// Bits of the codes that are sent.
uint64_t size_of(const Trees& trees);

}  // namespace nncomp::deflate
