// Walks through a stream's tokens and predicts what zlib would choose next: tokens, ends of blocks, their types and
// Huffman codes (docs/deflate.md, sections 3 to 5).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "deflate/format.hpp"
#include "deflate/matcher.hpp"

namespace nncomp::deflate {

constexpr uint32_t MAX_STORED = 65535;         // bytes of a stored block
constexpr uint32_t MAX_BLOCK_TOKENS = 1 << 20; // tokens of a block that is redone: bounds a decoder's memory

class Walk {
 public:
  // Begins at position `at` of `plain`.
  Walk(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at);

  // Begins a block, of which `tokens` tokens come before the position.
  void begin_block(uint32_t tokens);

  // As those of Matcher.
  Token predict() { return matcher_.predict(); }
  void accept(Token token);
  Matcher& matcher() { return matcher_; }
  uint32_t at() const { return matcher_.at(); }
  uint32_t left() const { return matcher_.left(); }

  // Whether zlib would end the block after the last token.
  bool ends() const;

  // Whether zlib would mark the block that has ended as the last one.
  bool is_last() const;

  // Moves over `size` bytes in the tokens that zlib would choose; the last one is shortened if it reaches further.
  // Returns whether it does not, and zlib would end the block there and not before.
  bool skip(uint32_t size);

  // Moves over the tokens that zlib would choose up to where it would end the block. Returns their bytes.
  uint32_t skip();

  // How zlib would send the tokens of the block so far.
  struct Choice {
    Type type;  // FIXED or DYNAMIC
    Trees trees;
  };
  Choice choose() const;

 private:
  bool is_full() const;
  static Choice choose(std::array<uint32_t, LITERALS> literals, const std::array<uint32_t, DISTANCES>& distances);

  Parameters parameters_;
  Method method_;
  Matcher matcher_;
  std::array<uint32_t, LITERALS> literals_{};  // frequencies in the block
  std::array<uint32_t, DISTANCES> distances_{};  // likewise
  std::span<const uint8_t> plain_;
  uint32_t start_ = 0, count_ = 0, matches_ = 0;  // of the block: its position, its tokens, how many are matches
  uint32_t token_at_ = 0;  // where the last token begins
  bool literal_ = false;  // whether it is a literal
};

}  // namespace nncomp::deflate
