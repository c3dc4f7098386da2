#include "deflate/redo.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "deflate/cheapest.hpp"
#include "deflate/huffman.hpp"
#include "deflate/trees.hpp"

namespace nncomp::deflate {
namespace {

[[noreturn]] void damaged() { throw FormatError("a deflate stream is damaged: what it is redone from does not fit"); }

const Trees& fixed_trees() {
  static const Trees trees = [] {
    Trees fixed;
    fixed.literals.assign(FIXED_LITERALS.begin(), FIXED_LITERALS.end());
    fixed.distances.assign(DISTANCES, 5);
    return fixed;
  }();
  return trees;
}

// Writes tokens with the Huffman codes of a block.
struct Codes {
  CodeWriter literals, distances;

  void put(BitWriter& out, Token token, uint8_t literal) const {
    if (!token.is_match()) return literals.put(out, literal);
    const int length = LENGTH_CODE[token.length], distance = distance_code(token.distance);
    const Extra more = LENGTH_CODES[size_t(length)], far = DISTANCE_CODES[size_t(distance)];
    literals.put(out, END + 1 + length);
    out.put(uint32_t(token.length - more.base), more.extra);
    distances.put(out, distance);
    out.put(uint32_t(token.distance - far.base), far.extra);
  }
};

// Like all code_...() functions here: passes the known value to the side, and returns it, or the one that was read.
Parameters code_parameters(Side& side, Model& m, const Parameters& given) {
  if (side.flag(m.same_parameters, given == m.parameters)) return m.parameters;
  Parameters p;
  const auto between = [&](Numbers& model, int value, int least, int most) {
    return uint8_t(uint32_t(least) + side.number(model, uint32_t(value - least), uint32_t(most - least)));
  };
  p.preset = between(m.preset, given.preset, 0, int(PRESET_COUNT) - 1);
  p.window_bits = between(m.window_bits, given.window_bits, MIN_WINDOW_BITS, MAX_WINDOW_BITS);
  p.hash_bits = between(m.hash_bits, given.hash_bits, MIN_HASH_BITS, MAX_HASH_BITS);
  p.block_bits = between(m.block_bits, given.block_bits, MIN_BLOCK_BITS, MAX_BLOCK_BITS);
  p.filtered = side.flag(m.filtered, given.filtered);
  p.truncates = side.flag(m.truncates, given.truncates);
  m.parameters = p;
  return p;
}

Piece code_piece(Side& side, Model& m, const Piece& given, size_t size) {
  Piece piece;
  if (!side.flag(m.piece, !given.is_whole())) return piece;
  piece.cut = side.flag(m.cut, given.cut);
  piece.begun = side.flag(m.begun, given.begun);
  if (!piece.begun) return piece;
  piece.window = side.number(m.window, given.window, uint32_t(std::min<size_t>(size, MAX_DISTANCE)));
  piece.tokens = side.number(m.tokens, given.tokens, MAX_BLOCK_TOKENS);
  piece.offset = uint8_t(side.number(m.offset, given.offset, 7));
  piece.low = uint8_t(side.number(m.low, given.low, (1u << piece.offset) - 1));
  return piece;
}

// Redoes one stream. An encoder passes it as `known`; with null it is read from the side. Either way the same tokens
// are predicted and the same bits written to `out`.
class Redo {
 public:
  Redo(Side& side, Model& model, std::span<const uint8_t> plain, const Stream* known, const Fit& fit, BitWriter& out)
      : side_(side),
        m_(model),
        plain_(plain),
        known_(known),
        piece_(code_piece(side, model, known ? known->piece : Piece{}, plain.size())),
        walk_(plain, code_parameters(side, model, fit.parameters), piece_.window),
        exact_(side.flag(model.exact, fit.exact)),
        out_(out) {
    if (!exact_ && side.flag(model.cheap, fit.cheap)) cheapest_.emplace(plain);
  }

  void run() {
    out_.put(piece_.low, piece_.offset);
    bool end = false;
    for (size_t i = 0; !end; ++i) end = block(known_ ? &known_->blocks[i] : nullptr, i == 0 && piece_.begun);
    if (walk_.left() != 0) damaged();
    const uint32_t most = (1u << out_.missing()) - 1;
    const uint8_t padding = code_padding(known_ ? known_->padding : 0, most);
    out_.put(padding, out_.missing());
  }

 private:
  // Codes a block; returns whether it is the last one. The header of one that has `begun` is in the piece before.
  bool block(const Block* given, bool begun) {
    walk_.begin_block(begun ? piece_.tokens : 0);
    const bool stored = !begun && side_.flag(m_.stored[before_], given && given->type == STORED);
    before_ = stored ? 2 : 1;
    const bool last = stored ? stored_block(given) : coded_block(given, begun);
    return last || (piece_.cut && walk_.left() == 0);
  }

  // The bits up to a byte boundary, as a number of at most `most`.
  uint8_t code_padding(uint8_t given, uint32_t most) {
    if (!side_.flag(m_.padded, given != 0)) return 0;
    return uint8_t(side_.number(m_.padding, given, most));
  }

  // Whether the block says that it is the last one.
  bool code_last(const Block* given) {
    const bool expected = walk_.is_last();
    return side_.flag(m_.last[expected], given && given->last);
  }

  bool stored_block(const Block* given) {
    const uint32_t start = walk_.at();
    const uint32_t size = stored_size(given);
    const bool last = code_last(given);
    out_.put(last, 3);
    const int missing = out_.missing();
    out_.put(code_padding(given ? given->padding : 0, (1u << missing) - 1), missing);
    out_.put(size | (size ^ 0xFFFF) << 16, 32);
    for (uint32_t i = 0; i < size; ++i) out_.put(plain_[start + i], 8);
    return last;
  }

  // The bytes of a stored block; moves behind them. zlib chooses tokens before it decides to store a block: a size
  // that follows from the expected tokens is "hidden", and is not coded.
  uint32_t stored_size(const Block* given) {
    if (given) {
      const uint32_t left = walk_.left();
      const bool hidden = walk_.skip(given->size);
      if (side_.flag(m_.hidden, hidden)) return given->size;
      return code_size(given->size, left);
    }
    if (!side_.flag(m_.hidden, false)) {
      const uint32_t size = code_size(0, walk_.left());
      walk_.skip(size);
      return size;
    }
    const uint32_t size = walk_.skip();
    if (size > MAX_STORED) damaged();
    return size;
  }

  // A size that is coded, with `left` bytes of content left.
  uint32_t code_size(uint32_t given, uint32_t left) {
    const uint32_t most = std::min(left, MAX_STORED);
    if (side_.flag(m_.whole_rest, given == most)) return most;
    if (last_size_ < most && side_.flag(m_.same_size, given == last_size_)) return last_size_;
    return last_size_ = side_.number(m_.size, given, most);
  }

  // A block with Huffman codes; returns whether it is the last one.
  bool coded_block(const Block* given, bool begun) {
    tokens_.clear();
    const uint32_t start = walk_.at();
    uint32_t size = 0;
    if (cheapest_) {
      size = side_.number(m_.block, given ? given->size : 0, walk_.left());
      walk_.skip(size);  // with zlib's tokens, from which the codes are predicted
    } else {
      const bool nothing = walk_.left() == 0;
      const bool empty = nothing || (!exact_ && side_.flag(m_.empty[0], given && given->tokens == 0));
      if (!empty) tokens(given);
    }
    const Walk::Choice choice = walk_.choose();
    const bool dynamic = side_.flag(m_.dynamic[choice.type == DYNAMIC], given && given->type == DYNAMIC);
    const Trees trees = dynamic ? code_trees(side_, m_, given ? &given->trees : nullptr, choice.trees) : fixed_trees();
    if (cheapest_) cheap_tokens(given, start, size, trees);
    const bool last = code_last(given);
    if (!begun) {
      out_.put(uint32_t(last) | (dynamic ? DYNAMIC : FIXED) << 1, 3);
      if (dynamic) write_trees(out_, trees);
    }
    const Codes codes{CodeWriter(trees.literals), CodeWriter(trees.distances)};
    uint32_t at = start;
    for (const Token token : tokens_) {
      codes.put(out_, token, plain_[at]);
      at += token.length;
    }
    const bool ends = !piece_.cut || walk_.left() != 0 || !side_.flag(m_.open, given && given->open);
    if (ends) codes.literals.put(out_, END);
    return last;
  }

  // The tokens of a block that begins at `at` and has `size` bytes, predicted by Cheapest.
  void cheap_tokens(const Block* given, uint32_t at, uint32_t size, const Trees& trees) {
    const uint32_t end = at + size;
    cheapest_->begin(at, end, trees.literals, trees.distances);
    while (at < end) {
      if (tokens_.size() == MAX_BLOCK_TOKENS) damaged();
      tokens_.push_back(code_cheap(given ? known_->tokens[next_++] : Token{}, at, end));
      at += tokens_.back().length;
    }
  }

  Token code_cheap(Token given, uint32_t at, uint32_t end) {
    uint32_t ahead = 0;
    const Token expected = cheapest_->at(at, ahead);
    const bool hit = side_.flag(m_.cheapest[expected.is_match()][ahead][history_], given == expected);
    history_ = (history_ << 1 | hit) & 7;
    if (hit) return expected;
    const std::vector<Cheapest::Choice> choices = cheapest_->choices(at);
    uint32_t rank = 1;
    while (rank < choices.size() && choices[rank].token != given) ++rank;
    rank = side_.number(m_.rank, rank, uint32_t(choices.size()));  // 0 would be the expected one
    if (rank == 0) damaged();
    if (rank < choices.size()) return choices[rank].token;
    const uint32_t far = std::min(at, MAX_DISTANCE), most = std::min(MAX_MATCH, end - at);
    given.length = uint16_t(side_.number(m_.other_length, given.length, most));
    if (far == 0 || given.length < MIN_MATCH) damaged();
    given.distance = uint16_t(1 + side_.number(m_.other_distance, given.distance - 1u, far - 1));
    return given;
  }

  // The tokens of a block that is not empty, predicted by zlib's choice, and where it ends.
  void tokens(const Block* given) {
    for (bool end = false; !end;) {
      if (walk_.left() == 0 || tokens_.size() == MAX_BLOCK_TOKENS) damaged();
      const Token token = code_token(given ? known_->tokens[next_++] : Token{});
      walk_.accept(token);
      tokens_.push_back(token);
      end = walk_.ends();
      if (!exact_ && walk_.left() != 0) end = side_.flag(m_.ends[end], given && tokens_.size() == given->tokens);
    }
  }

  Token code_token(Token given) {
    const Token expected = walk_.predict();
    if (exact_) return expected;
    const Match candidate = walk_.matcher().candidate();
    const int kind = kind_of(expected, candidate);
    const bool hit = side_.flag(m_.expected[kind][history_], given == expected);
    history_ = (history_ << 1 | hit) & 7;
    if (hit) return expected;
    if (expected.is_match() && !side_.flag(m_.match[kind], given.is_match())) return {};
    return code_match(given, candidate, kind);
  }

  // The class of an expected token: 0 a literal, 1 a literal where a match was found too, then matches by the
  // logarithm of their length and by distance.
  static int kind_of(Token expected, Match candidate) {
    if (!expected.is_match()) return candidate.length != 0;
    const int length = int(std::bit_width(expected.length - 2u)) - 1;  // 0 … 8
    return 2 + 3 * length + (expected.distance > 256) + (expected.distance > 4096);
  }

  // A match that is not the expected token. Its length is coded relative to the candidate's.
  Token code_match(Token given, Match candidate, int kind) {
    const uint32_t most = std::min(MAX_MATCH, walk_.left());
    const int32_t from = int32_t(std::max(candidate.length, MIN_MATCH));
    const int32_t length = from + side_.difference(m_.length[kind], given.length - from, MAX_MATCH);
    if (length < int32_t(MIN_MATCH) || length > int32_t(most)) damaged();
    given.length = uint16_t(length);
    Matcher& matcher = walk_.matcher();
    const int32_t hops = side_.reads() ? 0 : matcher.hops(given);
    if (side_.flag(m_.near, hops >= 0)) {
      given.distance = uint16_t(matcher.distance(given.length, side_.number(m_.hops, uint32_t(hops), MAX_DISTANCE)));
      if (given.distance == 0) damaged();
    } else {
      const uint32_t far = std::min(walk_.at(), MAX_DISTANCE);
      if (far == 0) damaged();
      given.distance = uint16_t(1 + side_.number(m_.distance, given.distance - 1u, far - 1));
    }
    return given;
  }

  Side& side_;
  Model& m_;
  std::span<const uint8_t> plain_;
  const Stream* known_;
  Piece piece_;
  Walk walk_;
  bool exact_;
  std::optional<Cheapest> cheapest_;
  BitWriter& out_;
  size_t next_ = 0;         // index of the next known token
  int before_ = 0;          // the block before: 0 there is none, 1 not stored, 2 stored
  uint32_t history_ = 7;    // bits: which of the last three tokens were as expected, the latest lowest
  uint32_t last_size_ = 0;  // the last size of a stored block that was coded as a number
  std::vector<Token> tokens_;  // of the block at hand
};

}  // namespace

void put_stream(Side& side, Model& model, const Stream& stream, const Fit& fit, BitWriter& out) {
  Redo(side, model, stream.plain, &stream, fit, out).run();
}

void get_stream(Side& side, Model& model, std::span<const uint8_t> plain, BitWriter& out) {
  Redo(side, model, plain, nullptr, {}, out).run();
}

}  // namespace nncomp::deflate
