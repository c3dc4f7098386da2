#include "deflate/inflate.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "deflate/huffman.hpp"

namespace nncomp::deflate {
namespace {

struct Codes {
  CodeReader literals, distances;

  bool build(const Trees& trees) {
    return literals.build(trees.literals, false) && distances.build(trees.distances, true);
  }
};

const Codes& fixed_codes() {
  static const Codes codes = [] {
    constexpr uint8_t fives[] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
                                 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};  // 32: the last two are invalid
    Codes made;
    made.literals.build(FIXED_LITERALS, false);
    made.distances.build(fives, false);
    return made;
  }();
  return codes;
}

constexpr uint64_t MOST_EXPANDED = 1032;  // bytes of content that one byte can give: four matches of 258

enum class Ending { WHOLE, CUT, BROKEN };

// Parses one stream. With `keeps`, all of it is kept for take(); otherwise only the window is, for inside().
class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const Limits& limits, bool keeps)
      : in_(bytes), limits_(limits), keeps_(keeps) {}

  // Before run(): begins inside of a stream. The bytes begin with the pending ones of `inside`. With `keeps`, what is
  // kept begins behind the first match that ends in byte `from` or later. False if the block's codes are unacceptable.
  bool resume(const Inside& inside, uint64_t from) {
    in_.seek(inside.offset);
    from_ = 8 * from;
    skips_ = true;
    stream_.plain = inside.window;
    most_ = limits_.plain;
    limits_.plain += inside.window.size() + inside.pending.size() * MOST_EXPANDED;
    if (inside.in_block) {
      stream_.blocks.push_back(inside.block);
      count_ = inside.block.tokens;
      if (!begin(stream_.blocks.back())) return false;
    }
    mark(inside.in_block);
    return true;
  }

  Ending run() {
    bool fine = stream_.blocks.empty() || coded();
    while (fine && !over_) fine = block();
    tried_ = std::max(dropped_ + stream_.plain.size(), in_.position());
    if (fine && in_.valid()) {
      stream_.padding = uint8_t(in_.align());
      stream_.size = in_.position();
      return Ending::WHOLE;
    }
    // An incomplete code at the end is completed by zeros, and may then look like an invalid one.
    if (!full_ && in_.valid() && in_.left() > MAX_BITS) return Ending::BROKEN;
    cut();
    return Ending::CUT;
  }

  Stream take() { return std::move(stream_); }
  // After run(): bytes of content that were found, or those of the stream that were read: blocks may hold nothing.
  uint64_t tried() const { return tried_; }
  bool skips() const { return skips_; }  // whether nothing has been kept so far
  uint64_t start() const { return start_ / 8; }  // the byte in which that begins which is kept

  // After Ending::CUT, for the same bytes: the state from which another parser can resume.
  Inside inside(std::span<const uint8_t> bytes) {
    Inside out;
    const std::span<const uint8_t> plain = stream_.plain;
    const std::span<const uint8_t> window = plain.last(std::min<size_t>(plain.size(), MAX_DISTANCE));
    const std::span<const uint8_t> pending = bytes.subspan(mark_.bits / 8);
    out.window.assign(window.begin(), window.end());
    out.pending.assign(pending.begin(), pending.end());
    out.offset = uint8_t(mark_.bits % 8);
    out.in_block = mark_.open;
    if (mark_.open) {
      out.block = stream_.blocks.back();
      out.block.tokens = mark_.count;
    }
    return out;
  }

 private:
  // A point between two tokens or blocks, up to which the stream is valid: how much has been read and found.
  struct Mark {
    uint64_t bits = 0;
    size_t plain = 0, tokens = 0, blocks = 0;
    uint32_t count = 0;  // tokens of the block at hand
    bool open = false;  // whether this is inside of a block
  };

  void mark(bool open) {
    mark_ = {in_.bits(), stream_.plain.size(), stream_.tokens.size(), stream_.blocks.size(), count_, open};
  }

  // Drops what was found behind the mark.
  void cut() {
    stream_.plain.resize(mark_.plain);
    stream_.tokens.resize(mark_.tokens);
    stream_.blocks.resize(mark_.blocks);
    stream_.piece.cut = true;
    if (mark_.open) end_block(stream_.blocks.back(), mark_.count);
    if (!stream_.blocks.empty()) stream_.blocks.back().open = mark_.open;  // one from which this resumed was open
    in_.seek(mark_.bits);
    stream_.padding = uint8_t(in_.align());
    stream_.size = in_.position();
  }

  // Sets the sizes of a block that has had `count` tokens.
  void end_block(Block& block, uint32_t count) {
    block.size = uint32_t(stream_.plain.size() - first_);
    block.tokens = count - (stream_.blocks.size() == 1 ? stream_.piece.tokens : 0);
  }

  // Parses a block. This and the functions below return false if the stream is cut off, broken or over a limit.
  bool block() {
    if (stream_.blocks.size() >= limits_.blocks) return false;
    if (!keeps_) stream_.blocks.clear();
    Block& block = stream_.blocks.emplace_back();
    block.last = in_.take(1) != 0;
    const uint32_t type = in_.take(2);
    if (type > DYNAMIC) return false;
    block.type = Type(type);
    first_ = stream_.plain.size();
    count_ = 0;
    if (type == STORED) return stored(block);
    return begin(block) && coded();
  }

  bool stored(Block& block) {
    block.padding = uint8_t(in_.align());
    const uint32_t size = in_.take(16);
    if (in_.take(16) != (size ^ 0xFFFF)) return false;
    full_ = size > limits_.plain - stream_.plain.size();
    if (full_) return false;
    block.size = size;
    for (uint32_t i = 0; i < size; ++i) {
      stream_.plain.push_back(uint8_t(in_.take(8)));
      if (!in_.valid()) return false;
    }
    over_ = block.last;
    if (size != 0 || !keeps_) mark(false);
    trim();
    return in_.valid();
  }

  // Sets the codes of a block that is not stored. A dynamic block's header is read unless `block` has it already.
  bool begin(Block& block) {
    const bool fixed = block.type == FIXED;
    if (!fixed && block.trees.literals.empty() && !read_trees(in_, block.trees)) return false;
    if (!fixed && !own_.build(block.trees)) return false;
    codes_ = fixed ? &fixed_codes() : &own_;
    return true;
  }

  // Parses the tokens of a block up to its end symbol.
  bool coded() {
    if (!tokens()) return false;
    Block& block = stream_.blocks.back();
    end_block(block, count_);
    over_ = block.last;
    if (block.tokens != 0 || !keeps_) mark(false);
    return true;
  }

  bool tokens() {
    for (;;) {
      const int symbol = codes_->literals.next(in_);
      if (symbol < 0 || !in_.valid()) return false;
      if (symbol == END) return true;
      if (count_ >= limits_.block_tokens) return false;
      if (symbol < END) {
        full_ = stream_.plain.size() >= limits_.plain;
        if (full_) return false;
        stream_.plain.push_back(uint8_t(symbol));
        ++count_;
        if (keeps_) stream_.tokens.push_back({});
      } else if (!match(symbol - END - 1)) {
        return false;
      }
      mark(true);
      if (!keeps_) trim();
    }
  }

  // Parses a match behind its length symbol, END + 1 + code.
  bool match(int code) {
    if (code >= int(LENGTH_CODES.size())) return false;
    const Extra length_code = LENGTH_CODES[size_t(code)];
    const uint32_t length = length_code.base + in_.take(length_code.extra);
    if (LENGTH_CODE[length] != code) return false;
    const int symbol = codes_->distances.next(in_);
    if (symbol < 0 || symbol >= DISTANCES) return false;
    const Extra distance_code = DISTANCE_CODES[size_t(symbol)];
    const uint32_t distance = distance_code.base + in_.take(distance_code.extra);
    const size_t at = stream_.plain.size();
    if (distance > at || !in_.valid()) return false;
    full_ = length > limits_.plain - at;
    if (full_) return false;
    stream_.plain.resize(at + length);
    uint8_t* to = stream_.plain.data() + at;
    if (distance >= length) {
      std::memcpy(to, to - distance, length);
    } else {
      for (uint32_t i = 0; i < length; ++i) to[i] = to[int64_t(i) - int64_t(distance)];
    }
    ++count_;
    if (skips_ && keeps_ && in_.bits() >= from_) {
      keep();
    } else if (keeps_) {
      stream_.tokens.push_back({uint16_t(length), uint16_t(distance)});
    }
    return true;
  }

  // Begins to keep the stream, here behind a match: drops all but the window.
  void keep() {
    std::vector<uint8_t>& plain = stream_.plain;
    const size_t dropped = plain.size() - std::min<size_t>(plain.size(), MAX_DISTANCE);
    plain.erase(plain.begin(), plain.begin() + std::ptrdiff_t(dropped));
    dropped_ += dropped;
    limits_.plain = std::max<uint64_t>(most_, plain.size());
    stream_.tokens.clear();
    stream_.blocks.erase(stream_.blocks.begin(), stream_.blocks.end() - 1);
    Piece& piece = stream_.piece;
    piece.begun = true;
    piece.window = uint32_t(plain.size());
    piece.tokens = count_;
    first_ = plain.size();
    skips_ = false;
    start_ = in_.bits();
    piece.offset = uint8_t(start_ % 8);
  }

  // Drops content before the window if there is much of it. Called right after mark().
  void trim() {
    constexpr size_t MOST = 1 << 20;
    if (keeps_ || stream_.plain.size() < MOST) return;
    const size_t dropped = stream_.plain.size() - MAX_DISTANCE;
    stream_.plain.erase(stream_.plain.begin(), stream_.plain.begin() + std::ptrdiff_t(dropped));
    dropped_ += dropped;
    mark_.plain -= dropped;
    first_ = 0;
  }

 public:
  static bool read_trees(BitReader& in, Trees& trees);

 private:
  BitReader in_;
  Limits limits_;
  uint64_t most_ = 0;  // if resumed: the limit of content once it is kept
  bool keeps_;
  bool skips_ = false;  // resumed, and nothing has been kept so far
  bool over_ = false;  // the last block has ended
  bool full_ = false;  // the limit of content has been reached
  // In bits: what is kept begins behind the first match that ends at from_ or later, which is at start_.
  uint64_t from_ = 0, start_ = 0;
  Stream stream_;
  Mark mark_;
  size_t first_ = 0;  // where the content of the block at hand begins
  uint32_t count_ = 0;  // tokens that this block has had
  uint64_t dropped_ = 0;  // bytes of content that were found and dropped
  uint64_t tried_ = 0;  // what tried() returns
  Codes own_;  // of a dynamic block
  const Codes* codes_ = nullptr;  // of the block at hand
};

// Reads the header of a dynamic block behind its first three bits. False if it is invalid or incomplete.
bool Parser::read_trees(BitReader& in, Trees& trees) {
  const size_t literals = 257 + in.take(5), distances = 1 + in.take(5), count = literals + distances;
  trees.sent = 4 + int(in.take(4));
  if (literals > size_t(LITERALS) || distances > size_t(DISTANCES)) return false;
  uint32_t kraft = 0;
  for (int i = 0; i < trees.sent; ++i) {
    const uint8_t length = uint8_t(in.take(3));
    trees.lengths[LENGTH_ORDER[i]] = length;
    if (length) kraft += 128u >> length;
  }
  if (kraft != 128) return false;  // random bits seldom get further
  CodeReader code;
  if (!code.build(trees.lengths, false)) return false;
  std::vector<uint8_t> lengths;
  lengths.reserve(count);
  uint32_t share = 0;  // of the code space that both codes take, in 2^−15: random lengths soon exceed 2
  while (lengths.size() < count) {
    const int symbol = code.next(in);
    if (symbol < 0) return false;
    if (symbol < 16) {
      share += (1u << 15 >> symbol) & 0x7FFF;
      if (share > 2u << 15) return false;
      lengths.push_back(uint8_t(symbol));
      trees.items.push_back({uint8_t(symbol)});
      continue;
    }
    if (symbol == 16 && lengths.empty()) return false;
    const Extra repeat = REPEATS[symbol - 16];
    const size_t times = repeat.base + in.take(repeat.extra);
    if (times > count - lengths.size()) return false;
    lengths.insert(lengths.end(), times, symbol == 16 ? lengths.back() : uint8_t(0));
    trees.items.push_back({uint8_t(symbol), uint8_t(times)});
  }
  if (lengths[END] == 0) return false;
  trees.literals.assign(lengths.begin(), lengths.begin() + std::ptrdiff_t(literals));
  trees.distances.assign(lengths.begin() + std::ptrdiff_t(literals), lengths.end());
  return in.valid();
}

}  // namespace

std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried) {
  Parser parser(bytes, limits, true);
  const Ending ending = parser.run();
  tried = parser.tried();
  if (ending == Ending::BROKEN) return std::nullopt;
  return parser.take();
}

namespace {

// The pending bytes and the data behind them.
std::vector<uint8_t> behind_pending(std::span<const uint8_t> data, const Inside& inside) {
  std::vector<uint8_t> bytes = inside.pending;
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

}  // namespace

std::optional<Stream> take_up(std::span<const uint8_t> data, const Inside& inside, const Limits& limits,
                              size_t& start) {
  const std::vector<uint8_t> bytes = behind_pending(data, inside);
  Parser parser(bytes, limits, true);
  if (!parser.resume(inside, inside.pending.size()) || parser.run() == Ending::BROKEN) return std::nullopt;
  if (parser.skips() || parser.start() >= bytes.size()) return std::nullopt;
  Stream stream = parser.take();
  stream.piece.low = uint8_t(bytes[parser.start()] & ((1 << stream.piece.offset) - 1));
  start = parser.start() - inside.pending.size();
  stream.size -= parser.start();
  return stream;
}

std::optional<Followed> follow(std::span<const uint8_t> data, const Inside* inside, uint64_t& tried) {
  constexpr uint32_t ANY = std::numeric_limits<uint32_t>::max();
  const std::vector<uint8_t> own = inside ? behind_pending(data, *inside) : std::vector<uint8_t>{};
  const std::span<const uint8_t> bytes = inside ? own : data;
  Parser parser(bytes, {ANY, ANY, ANY}, false);
  if (inside && !parser.resume(*inside, 0)) return std::nullopt;
  const Ending ending = parser.run();
  tried = parser.tried();
  if (ending == Ending::BROKEN) return std::nullopt;
  Followed found;
  if (ending == Ending::CUT) {
    found.inside = parser.inside(bytes);
  } else {
    const uint64_t end = parser.take().size;
    found.end = end - std::min<uint64_t>(end, inside ? inside->pending.size() : 0);
  }
  return found;
}

bool begins_dynamic(std::span<const uint8_t> bytes) {
  if (!may_be_dynamic(bytes.data())) return false;
  BitReader in(bytes);
  in.take(3);
  Trees trees;
  Codes codes;
  return Parser::read_trees(in, trees) && codes.build(trees);
}

}  // namespace nncomp::deflate
