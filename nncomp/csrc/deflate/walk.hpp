// A stream's tokens one by one beside what zlib would do: tokens, ends of blocks, types and codes of blocks.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "deflate/format.hpp"
#include "deflate/matcher.hpp"

namespace nncomp::deflate {

constexpr uint32_t MAX_STORED = 65535;         // bytes of a stored block
constexpr uint32_t MAX_BLOCK_TOKENS = 1 << 20; // of blocks that are redone: what they need memory for

class Walk {
 public:
  // Begins at place `at` of `plain`.
  Walk(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at);

  void begin_block(uint32_t tokens);  // that it has already

  Token predict() { return matcher_.predict(); }
  void accept(Token token);
  Matcher& matcher() { return matcher_; }
  uint32_t at() const { return matcher_.at(); }
  uint32_t left() const { return matcher_.left(); }

  // Whether zlib would end the block after the last token.
  bool ends() const;

  // Whether zlib would end the stream with the block that has ended.
  bool is_last() const;

  // Goes over a stored block of `size` bytes in tokens that zlib would have chosen. Whether they end with the block,
  // and the block where zlib would have ended it.
  bool skip(uint32_t size);

  // The same, as far as zlib would go. Bytes.
  uint32_t skip();

  // What zlib would send for the tokens of the block so far.
  struct Choice {
    Type type;  // FIXED or DYNAMIC
    Trees trees;
  };
  Choice choose() const;

 private:
  bool is_full() const;

  Parameters parameters_;
  Method method_;
  Matcher matcher_;
  std::array<uint32_t, LITERALS> literals_{};
  std::array<uint32_t, DISTANCES> distances_{};
  std::span<const uint8_t> plain_;
  uint32_t start_ = 0, count_ = 0, matches_ = 0;
  uint32_t token_at_ = 0;  // where the last token begins
  bool literal_ = false;   // whether it is one
};

}  // namespace nncomp::deflate
