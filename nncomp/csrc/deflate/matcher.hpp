// Predicts the tokens that zlib's deflate would choose (docs/deflate.md, section 3). No zlib takes part, so that the
// prediction does not depend on its version.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"

namespace nncomp::deflate {

// How tokens are chosen: literals only; matches of distance 1 only; the longest match at once; or only if the next
// position has no longer one.
enum class Method : uint8_t { LITERALS, RUNS, GREEDY, LAZY };

// zlib's limits of a level. A search ends with a match of `nice` bytes, or after `chain` positions, or a quarter of
// that if there is one of `good` bytes already. LAZY looks for no longer match from `lazy` bytes on; GREEDY does not
// index the inner positions of matches above `lazy`.
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
constexpr int LEVEL = 1;  // the preset of zlib's level is level + LEVEL

constexpr uint32_t LOOK_AHEAD = MAX_MATCH + MIN_MATCH + 1;  // zlib: distances stay so far below the window's size
constexpr int MIN_WINDOW_BITS = 9, MAX_WINDOW_BITS = 15;
constexpr int MIN_HASH_BITS = 8, MAX_HASH_BITS = 16;
constexpr int MIN_BLOCK_BITS = 7, MAX_BLOCK_BITS = 15;

// How zlib was called, as far as it matters for its tokens and blocks.
struct Parameters {
  uint8_t preset = 6 + LEVEL;  // index of PRESETS
  uint8_t window_bits = 15;
  uint8_t hash_bits = 15;
  uint8_t block_bits = 14;  // a block is full with 2^block_bits − 1 tokens
  bool filtered = false;    // Z_FILTERED: matches of up to 5 bytes are not taken
  bool truncates = false;   // a block that compresses well may end early, as those of GNU gzip do

  bool operator==(const Parameters&) const = default;
};

struct Match {
  uint32_t length = 0;  // at least MIN_MATCH, or 0: there is none
  uint32_t distance = 0;
};

// Predicts token after token of one stream, and is told what the stream really has. As in zlib, earlier positions with
// the same hash of three bytes form a chain, the latest first. "Place" means a position in the content.
class Matcher {
 public:
  // Begins at place `at` of `plain`; the bytes before it are known.
  Matcher(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at);

  // The token that zlib would choose at at(). Throws FormatError if that takes too long: all searches together are
  // bounded by the size of the content.
  Token predict();

  // The match that `predict` found last at at(), chosen or not.
  Match candidate() const { return here_; }

  // The stream has `token` at at(), which fits into the content: moves behind it.
  void accept(Token token);

  uint32_t at() const { return at_; }
  uint32_t left() const { return uint32_t(plain_.size()) - at_; }

  // After `predict`, names a distance by the chain: how many places come before the one that `token`, a match, refers
  // to, counting those that match in its length, the nearest first; −1 if it is not among them. And the inverse: the
  // distance of the place with this number, or 0 if there is none.
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

  // A shortcut through long chains, which does not change what is found: places whose first PREFIX bytes have the same
  // hash form chains, too. Places are numbered within the chain of three bytes, so that the difference of two numbers
  // tells how many steps that chain would have taken.
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
  uint32_t farthest_;  // the longest distance of a match
  int shift_;  // of the hash, for each further byte
  uint32_t hash_mask_, window_mask_;
  // [hash]: the latest place of the chain; [place in the window]: the place before it in its chain; 0: none. A content
  // that is shorter than the window has tables of its own size, one of less than MIN_MATCH bytes none.
  std::vector<uint32_t> head_, previous_;
  std::vector<uint32_t> prefix_head_;  // [hash of a prefix]: the latest place; 0: none
  std::vector<uint16_t> prefix_gap_;  // [place in the window]: the distance to the one before it; 0: none
  std::vector<uint16_t> number_;  // [place in the window]: its number in its chain, modulo 2^16
  uint32_t at_ = 0;
  uint32_t inserted_ = 0;  // places before this one are in their chains, or never will be
  uint32_t before_ = 0;  // length of the match that was given up for a literal in front of at_, or 0
  Match here_;  // the match at at_, if known_
  bool known_ = false;
  Match after_;  // if deferred_: the longer match at at_ + 1, for which a literal is predicted
  bool deferred_ = false;
  uint64_t budget_;  // steps of search that are left
};

}  // namespace nncomp::deflate
