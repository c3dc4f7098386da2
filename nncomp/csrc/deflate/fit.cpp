#include "deflate/fit.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "coder/error.hpp"
#include "deflate/walk.hpp"

namespace nncomp::deflate {
namespace {

constexpr size_t SAMPLE = 2048;  // matches that a first trial of a level looks at
// Trials end when they have looked at TRIALS times the stream's tokens, and FIRST_TRIALS more.
constexpr size_t TRIALS = 6;
constexpr size_t FIRST_TRIALS = 1 << 17;
constexpr size_t ALL = std::numeric_limits<size_t>::max();
constexpr int ORDER[] = {6, 9, 1, 5, 8, 7, 4, 3, 2};  // levels in the order of trials: the most common ones first

// How many tokens and ends of blocks zlib would choose otherwise with these parameters, within the first `count`
// matches. Stops at `cap`, which is also returned if it takes too long. Adds the tokens it looks at to `walked`.
size_t misses(const Stream& stream, const Parameters& parameters, size_t count, size_t cap, size_t& walked) try {
  Walk walk(stream.plain, parameters, stream.piece.window);
  uint32_t before = stream.piece.tokens;
  size_t missed = 0, next = 0;
  for (const Block& block : stream.blocks) {
    walk.begin_block(std::exchange(before, 0));
    if (block.type == STORED) {
      walk.skip(block.size);
      continue;
    }
    missed += block.tokens == 0 && walk.left() != 0;
    for (uint32_t i = 0; i < block.tokens; ++i, ++next) {
      if (missed >= cap || count == 0) return missed;
      const Token token = stream.tokens[next];
      ++walked;
      count -= token.is_match();
      missed += walk.predict() != token;
      walk.accept(token);
      missed += walk.left() != 0 && walk.ends() != (i + 1 == block.tokens);
    }
  }
  return missed;
} catch (const FormatError&) {
  return cap;  // it takes too long
}

// The block and hash bits that the ends of blocks suggest: zlib ends a block when its buffer of tokens is full, and
// the memory level determines the sizes of that buffer and of the hash table.
Parameters by_blocks(const Stream& stream, Parameters parameters) {
  parameters.block_bits = 14;
  parameters.hash_bits = 15;
  parameters.truncates = false;
  uint32_t most = 0;
  uint32_t before = stream.piece.tokens;
  uint32_t last = 0;
  for (const Block& block : stream.blocks) {
    last = block.tokens + std::exchange(before, 0);
    if (block.last || block.open || block.type == STORED) continue;
    most = std::max(most, last + 1);
    parameters.truncates |= last != 0 && last % 4096 == 0;
  }
  if (parameters.truncates || (most == 0 && last >= 1u << 14)) {
    parameters.block_bits = MAX_BLOCK_BITS;
  } else if (std::has_single_bit(most) && most >= 1u << MIN_BLOCK_BITS && most <= 1u << MAX_BLOCK_BITS) {
    parameters.block_bits = uint8_t(std::countr_zero(most));
    parameters.hash_bits = std::min<uint8_t>(parameters.block_bits + 1, 15);  // 15 and 15 are gzip's, 15 and 16 rare
  }
  return parameters;
}

// The bits of the smallest window that allows all distances of the stream.
uint8_t least_window(const Stream& stream) {
  uint32_t farthest = 0;
  for (const Token token : stream.tokens) farthest = std::max<uint32_t>(farthest, token.distance);
  int bits = MIN_WINDOW_BITS;
  while (bits < MAX_WINDOW_BITS && (1u << bits) - LOOK_AHEAD < farthest) ++bits;
  return uint8_t(bits);
}

// Whether the matches look like those of Z_FILTERED, which takes none of 5 bytes or less.
bool looks_filtered(const Stream& stream) {
  size_t matches = 0, least = MAX_MATCH;
  for (const Token token : stream.tokens) {
    if (!token.is_match()) continue;
    ++matches;
    least = std::min<size_t>(least, token.length);
  }
  return matches >= 16 && least == 6;
}

// The search for the best parameters: those that miss the fewest tokens.
class Fitting {
 public:
  Fitting(const Stream& stream, const Parameters& guess) : stream_(stream), best_(guess) {}

  Fit run() {
    missed_ = misses(stream_, best_, ALL, ALL, walked_);
    if (missed_ == 0) return {best_, true};
    const size_t guessed = missed_;
    const Parameters guess = best_;
    missed_ = ALL;
    choose_preset(by_blocks(stream_, {}));
    missed_ = misses(stream_, best_, ALL, ALL, walked_);
    if (guessed <= missed_) {
      best_ = guess;
      missed_ = guessed;
    }
    if (missed_ != 0 && missed_ <= stream_.tokens.size() / 8 + 8) refine();
    return {best_, missed_ == 0};
  }

 private:
  // The best preset in samples, with the other parameters as the stream's tokens suggest them.
  void choose_preset(Parameters parameters) {
    const auto is_match = [](Token token) { return token.is_match(); };
    const auto is_far = [](Token token) { return token.distance > 1; };
    parameters.preset = 0;
    best_ = parameters;
    if (std::none_of(stream_.tokens.begin(), stream_.tokens.end(), is_match)) return;
    if (std::none_of(stream_.tokens.begin(), stream_.tokens.end(), is_far)) {
      parameters.preset = 1;
      attempt(parameters, SAMPLE);
    }
    const uint8_t window = least_window(stream_);
    if (stream_.plain.size() > size_t(2) << window) parameters.window_bits = window;
    parameters.filtered = looks_filtered(stream_);
    for (const int level : ORDER) {
      parameters.preset = uint8_t(level + LEVEL);
      attempt(parameters, SAMPLE);
    }
  }

  // Makes these parameters the best if they miss fewer tokens within the first `count` matches.
  void attempt(const Parameters& parameters, size_t count) {
    if (parameters == best_ || missed_ == 0 || walked_ > FIRST_TRIALS + TRIALS * stream_.tokens.size()) return;
    const size_t missed = misses(stream_, parameters, count, missed_, walked_);
    if (missed >= missed_) return;
    missed_ = missed;
    best_ = parameters;
  }

  // Varies one parameter after the other and looks at all tokens: for parameters that matter at few of them.
  void refine() {
    Parameters p = best_;
    for (p.window_bits = least_window(stream_); p.window_bits <= MAX_WINDOW_BITS; ++p.window_bits) attempt(p, ALL);
    const Parameters start = best_;
    for (const int level : ORDER) {
      p = start;
      p.preset = uint8_t(level + LEVEL);
      attempt(p, ALL);
    }
    p = best_;
    p.filtered = !p.filtered;
    attempt(p, ALL);
    p = best_;
    p.truncates = !p.truncates;
    attempt(p, ALL);
    p = best_;
    for (p.hash_bits = MAX_HASH_BITS; p.hash_bits >= MIN_HASH_BITS; --p.hash_bits) attempt(p, ALL);
  }

  const Stream& stream_;
  Parameters best_;
  size_t missed_ = 0;  // by the best ones
  size_t walked_ = 0;  // tokens that trials have looked at
};

}  // namespace

Fit fit(const Stream& stream, const Parameters& guess) { return Fitting(stream, guess).run(); }

}  // namespace nncomp::deflate
