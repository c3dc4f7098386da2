// The tokens that take the fewest bits with a block's codes, which is what encoders look for that take their time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"
#include "deflate/nearest.hpp"

namespace nncomp::deflate {

class Cheapest {
 public:
  explicit Cheapest(std::span<const uint8_t> plain);

  // Begins a block between places, with lengths of its codes.
  void begin(uint32_t at, uint32_t end, std::span<const uint8_t> literals, std::span<const uint8_t> distances);

  // A token that may be chosen, and the bits that it takes, with those after it up to the end of the section.
  struct Choice {
    uint32_t bits;
    Token token;
  };

  // The cheapest token at a place, which does not go back, and how many bits it is ahead of the next one; MOST_AHEAD
  // stands for more. Throws FormatError where all that takes too long.
  static constexpr uint32_t MOST_AHEAD = 15;
  Token at(uint32_t place, uint32_t& ahead);

  // All choices there, the cheapest first.
  std::vector<Choice> choices(uint32_t place) const;

 private:
  static constexpr uint32_t SECTION = 1 << 15;      // bytes of content, at most
  static constexpr size_t SECTION_MATCHES = 1 << 18;  // in a section, at most, but for those of its last place
  void begin_section(uint32_t at);
  template <class Visit>
  void visit(uint32_t place, Visit visit) const;

  std::span<const uint8_t> plain_;
  Nearest nearest_;
  uint32_t end_ = 0;                        // of the block
  uint32_t section_ = 0, section_end_ = 0;  // places
  std::array<uint8_t, 256> literal_{};      // bits
  std::array<uint8_t, MAX_MATCH + 1> length_{};
  std::array<uint8_t, DISTANCES> distance_{};
  std::vector<Token> matches_;    // of the places of the section
  std::vector<uint32_t> first_;   // of each place, the first of its matches
  std::vector<uint32_t> bits_;    // from each place to the end of the section
  std::vector<Token> best_;
  std::vector<uint8_t> ahead_;
};

}  // namespace nncomp::deflate
