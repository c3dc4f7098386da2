#include "deflate/walk.hpp"

#include <algorithm>

#include "coder/error.hpp"
#include "deflate/huffman.hpp"

namespace nncomp::deflate {

Walk::Walk(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at)
    : parameters_(parameters),
      method_(PRESETS[parameters.preset].method),
      matcher_(plain, parameters, at),
      plain_(plain) {}

void Walk::begin_block(uint32_t tokens) {
  literals_.fill(0);
  distances_.fill(0);
  start_ = at();
  count_ = tokens;
  matches_ = 0;
}

void Walk::accept(Token token) {
  token_at_ = at();
  literal_ = !token.is_match();
  ++count_;
  if (literal_) {
    ++literals_[plain_[token_at_]];
  } else {
    ++matches_;
    ++literals_[size_t(END) + 1 + LENGTH_CODE[token.length]];
    ++distances_[size_t(distance_code(token.distance))];
  }
  matcher_.accept(token);
}

bool Walk::ends() const { return left() == 0 || is_full(); }

// Whether the block has as many tokens as zlib buffers, or, with `truncates`, compresses so well that it ends early.
bool Walk::is_full() const {
  if (count_ == (1u << parameters_.block_bits) - 1) return true;
  if (!parameters_.truncates || count_ == 0 || count_ % 4096 != 0 || parameters_.preset <= 2 + LEVEL) return false;
  uint64_t bits = 8 * uint64_t(count_);
  for (size_t i = 0; i < DISTANCES; ++i) bits += uint64_t(distances_[i]) * (5u + DISTANCE_CODES[i].extra);
  const uint32_t bytes = token_at_ + (method_ == Method::LAZY) - start_;
  return matches_ < count_ / 2 && bits / 8 < bytes / 2;
}

bool Walk::is_last() const {
  // zlib ends a full block before it knows that nothing follows, unless lazy matching has held back the last literal.
  return left() == 0 && (count_ == 0 || !is_full() || (method_ == Method::LAZY && literal_));
}

bool Walk::skip(uint32_t size) {
  bool whole = true, ended = left() == 0;
  while (size > 0) {
    whole = whole && !ended;
    Token token = predict();
    if (token.length > size) {
      whole = false;
      token.length = uint16_t(size);
    }
    size -= token.length;
    accept(token);
    ended = ends();
  }
  return whole && ended;
}

uint32_t Walk::skip() {
  const uint32_t start = at();
  while (left() != 0) {
    accept(predict());
    if (ends()) break;
  }
  return at() - start;
}

Walk::Choice Walk::choose() const {
  static const Choice nothing = choose({}, {});
  return at() == start_ ? nothing : choose(literals_, distances_);
}

Walk::Choice Walk::choose(std::array<uint32_t, LITERALS> literals, const std::array<uint32_t, DISTANCES>& distances) {
  literals[END] = 1;
  Choice out;
  Trees& trees = out.trees;
  trees.literals = code_lengths(literals, MAX_BITS);
  trees.distances = code_lengths(distances, MAX_BITS);
  append_items(trees.literals, trees.items);
  append_items(trees.distances, trees.items);
  complete(trees);
  uint64_t fixed = 0, dynamic = size_of(trees);
  for (size_t i = 0; i < LITERALS; ++i) {
    if (literals[i] == 0) continue;
    const uint64_t extra = i > size_t(END) ? LENGTH_CODES[i - END - 1].extra : 0;
    fixed += literals[i] * (FIXED_LITERALS[i] + extra);
    dynamic += literals[i] * (trees.literals[i] + extra);
  }
  for (size_t i = 0; i < DISTANCES; ++i) {
    if (distances[i] == 0) continue;
    fixed += distances[i] * (uint64_t(5) + DISTANCE_CODES[i].extra);
    dynamic += distances[i] * (uint64_t(trees.distances[i]) + DISTANCE_CODES[i].extra);
  }
  out.type = (fixed + 10) / 8 <= (dynamic + 10) / 8 ? FIXED : DYNAMIC;
  return out;
}

}  // namespace nncomp::deflate
