// Predicts the tokens of slow encoders (zopfli, 7-Zip), which look for those that take the fewest bits with a block's
// Huffman codes: a shortest path through the block (docs/deflate.md, section 6).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"
#include "deflate/nearest.hpp"

namespace nncomp::deflate {

// The cheapest tokens of one stream. A block is searched in sections, which bounds the memory. All positions are
// indices into the content.
class Cheapest {
 public:
  explicit Cheapest(std::span<const uint8_t> plain);

  // Begins the block with the content from `at` up to `end`, given the lengths of its two Huffman codes. Blocks come
  // in the order of the stream.
  void begin(uint32_t at, uint32_t end, std::span<const uint8_t> literals, std::span<const uint8_t> distances);

  // A token that may be chosen, and the fewest bits from its beginning to the end of the section if it is.
  struct Choice {
    uint32_t bits;
    Token token;
  };

  // The cheapest token at `place`, which never decreases from call to call. `ahead` becomes the number of bits by
  // which the second cheapest is worse, at most MOST_AHEAD. Throws FormatError if the search takes too long.
  static constexpr uint32_t MOST_AHEAD = 15;
  Token at(uint32_t place, uint32_t& ahead);

  // All tokens that may be chosen at the place of the last at(), the cheapest first.
  std::vector<Choice> choices(uint32_t place) const;

 private:
  static constexpr uint32_t SECTION = 1 << 15;        // bytes of content of a section, at most
  static constexpr size_t SECTION_MATCHES = 1 << 18;  // a section ends once it has so many matches
  void begin_section(uint32_t at);
  template <class Visit>
  void visit(uint32_t place, Visit visit) const;

  std::span<const uint8_t> plain_;
  Nearest nearest_;
  uint32_t end_ = 0;                        // of the block
  uint32_t section_ = 0, section_end_ = 0;  // positions where the section begins and ends
  // What symbols cost, in bits, with their extra bits: literals, match lengths, distance symbols.
  std::array<uint8_t, 256> literal_{};
  std::array<uint8_t, MAX_MATCH + 1> length_{};
  std::array<uint8_t, DISTANCES> distance_{};
  std::vector<Token> matches_;    // of all positions of the section
  std::vector<uint32_t> first_;   // [position in the section]: its first match; one more entry ends the last ones
  std::vector<uint32_t> bits_;    // [position in the section]: the fewest bits from there to the section's end
  std::vector<Token> best_;       // [position in the section]: the cheapest token
  std::vector<uint8_t> ahead_;    // [position in the section]: what at() returns
};

}  // namespace nncomp::deflate
