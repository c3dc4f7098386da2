// What zlib's deflate would do next: docs/deflate.md, sections 3 and 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"

namespace nncomp::deflate {

// How tokens are chosen.
enum class Method : uint8_t { LITERALS, RUNS, GREEDY, LAZY };

struct Preset {
  Method method;
  uint16_t good, lazy, nice, chain;
};

inline constexpr Preset PRESETS[] = {
    {Method::LITERALS, 0, 0, 0, 0},     {Method::RUNS, 0, 0, 0, 0},         {Method::GREEDY, 4, 4, 8, 4},
    {Method::GREEDY, 4, 5, 16, 8},      {Method::GREEDY, 4, 6, 32, 32},     {Method::LAZY, 4, 4, 16, 16},
    {Method::LAZY, 8, 16, 32, 32},      {Method::LAZY, 8, 16, 128, 128},    {Method::LAZY, 8, 32, 128, 256},
    {Method::LAZY, 32, 128, 258, 1024}, {Method::LAZY, 32, 258, 258, 4096},
};
constexpr uint32_t PRESET_COUNT = sizeof PRESETS / sizeof *PRESETS;
constexpr int LEVEL = 1;  // preset = level + LEVEL

constexpr int MIN_WINDOW_BITS = 9, MAX_WINDOW_BITS = 15;
constexpr int MIN_HASH_BITS = 8, MAX_HASH_BITS = 16;
constexpr int MIN_BLOCK_BITS = 7, MAX_BLOCK_BITS = 15;

struct Parameters {
  uint8_t preset = 6 + LEVEL;
  uint8_t window_bits = 15;
  uint8_t hash_bits = 15;
  uint8_t block_bits = 14;  // a block ends with 2^block_bits − 1 tokens
  bool filtered = false;    // matches of up to 5 bytes are left out
  bool truncates = false;   // a block may end early, as in gzip

  bool operator==(const Parameters&) const = default;
};

struct Match {
  uint32_t length = 0;  // at least MIN_MATCH, or 0: none
  uint32_t distance = 0;
};

// Chains of earlier places with the same hash, and the choice of the next token. Moves on with the tokens that the
// stream really has.
class Matcher {
 public:
  // Begins at place `at` of `plain`.
  Matcher(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at);

  // The token at the place where the last one ended. Throws FormatError where that takes too long: what is searched is
  // bounded by the size of the content.
  Token predict();

  // The match that was found where a token was predicted, whether or not it was chosen.
  Match candidate() const { return here_; }

  // Goes on behind `token`, which fits into the content.
  void accept(Token token);

  uint32_t at() const { return at_; }
  uint32_t left() const { return uint32_t(plain_.size()) - at_; }

  // Once a token was predicted: how many places before it, the nearest first and up to that one, match `token` in its
  // length; −1 where that does not lead to its distance. And the distance of the place with that number, or 0.
  int32_t hops(Token token);
  uint32_t distance(uint32_t length, uint32_t hops);

 private:
  Match search(uint32_t at, uint32_t than);
  Match longest(uint32_t at, uint32_t place, uint32_t than, uint32_t left);
  void insert_before(uint32_t at);
  uint32_t hash(uint32_t at) const;
  uint32_t link(uint32_t at);
  template <class Visit>
  void visit(uint32_t length, Visit visit);

  // A shortcut through long chains: places that have more bytes in common than a hash takes have a chain of their own.
  // Which place that is in the chain of the hash is known by numbers, so that none is found that would not be.
  static constexpr uint32_t PREFIX = 6;  // bytes
  bool has_prefixes() const { return !prefix_head_.empty(); }
  void link_prefix(uint32_t at, uint32_t found);
  uint32_t prefix_before(uint32_t place) const;
  uint32_t turn(uint32_t at, uint32_t place) const;
  template <class Visit>
  void walk(uint32_t at, uint32_t place, const uint32_t& same, uint32_t chain, Visit visit);

  std::span<const uint8_t> plain_;
  Preset preset_;
  bool filtered_;
  uint32_t farthest_;  // the longest distance
  int shift_;
  uint32_t hash_mask_, window_mask_;
  std::vector<uint32_t> head_, previous_;  // the last place with a hash, the one before a place; 0: none
  std::vector<uint32_t> prefix_head_;  // likewise of prefixes
  std::vector<uint16_t> prefix_gap_;  // how far before a place is the one before; 0: none
  std::vector<uint16_t> number_;  // of a place in the chain of its hash, modulo 2^16
  uint32_t at_ = 0;
  uint32_t inserted_ = 0;  // all before are inserted, or never will be
  uint32_t before_ = 0;  // the length of the match that was given up for a literal before `at_`, or 0
  Match here_;  // at `at_`, if known
  bool known_ = false;
  Match after_;  // at `at_ + 1`, where a literal was chosen for it
  bool deferred_ = false;
  uint64_t budget_;  // steps of search that are left
};

}  // namespace nncomp::deflate
