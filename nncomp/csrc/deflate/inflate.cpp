#include "deflate/inflate.hpp"

#include <algorithm>
#include <cstring>

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
                                 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};  // two of them stand for nothing
    Codes made;
    made.literals.build(FIXED_LITERALS, false);
    made.distances.build(fives, false);
    return made;
  }();
  return codes;
}

class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const Limits& limits) : in_(bytes), limits_(limits) {}

  bool run() {
    do {
      if (stream_.blocks.size() >= limits_.blocks) return false;
      Block& block = stream_.blocks.emplace_back();
      block.last = in_.take(1) != 0;
      const uint32_t type = in_.take(2);
      if (type > DYNAMIC) return false;
      block.type = Type(type);
      if (!(block.type == STORED ? stored(block) : coded(block)) || !in_.valid()) return false;
    } while (!stream_.blocks.back().last);
    stream_.padding = uint8_t(in_.align());
    stream_.size = in_.position();
    return in_.valid();
  }

  Stream take() { return std::move(stream_); }

 private:
  bool stored(Block& block) {
    block.padding = uint8_t(in_.align());
    const uint32_t size = in_.take(16);
    if (in_.take(16) != (size ^ 0xFFFF) || size > limits_.plain - stream_.plain.size()) return false;
    block.size = size;
    for (uint32_t i = 0; i < size; ++i) {
      stream_.plain.push_back(uint8_t(in_.take(8)));
      if (!in_.valid()) return false;
    }
    return true;
  }

  bool coded(Block& block) {
    const bool fixed = block.type == FIXED;
    if (!fixed && !(read_trees(in_, block.trees) && own_.build(block.trees))) return false;
    codes_ = fixed ? &fixed_codes() : &own_;
    const size_t start = stream_.plain.size(), first = stream_.tokens.size();
    if (!tokens(first)) return false;
    block.size = uint32_t(stream_.plain.size() - start);
    block.tokens = uint32_t(stream_.tokens.size() - first);
    return true;
  }

  bool tokens(size_t first) {
    for (;;) {
      const int symbol = codes_->literals.next(in_);
      if (symbol == END) return true;
      if (symbol < 0 || stream_.tokens.size() - first >= limits_.block_tokens || !in_.valid()) return false;
      if (symbol < END) {
        if (stream_.plain.size() >= limits_.plain) return false;
        stream_.plain.push_back(uint8_t(symbol));
        stream_.tokens.push_back({});
      } else if (!match(symbol - END - 1)) {
        return false;
      }
    }
  }

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
    if (distance > at || length > limits_.plain - at) return false;
    stream_.plain.resize(at + length);
    uint8_t* to = stream_.plain.data() + at;
    if (distance >= length) {
      std::memcpy(to, to - distance, length);
    } else {
      for (uint32_t i = 0; i < length; ++i) to[i] = to[int64_t(i) - int64_t(distance)];
    }
    stream_.tokens.push_back({uint16_t(length), uint16_t(distance)});
    return true;
  }

 public:
  static bool read_trees(BitReader& in, Trees& trees);

 private:
  BitReader in_;
  Limits limits_;
  Stream stream_;
  Codes own_;
  const Codes* codes_ = nullptr;  // of the block
};

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
  if (kraft != 128) return false;  // which few random bits pass, and quickly
  CodeReader code;
  if (!code.build(trees.lengths, false)) return false;
  std::vector<uint8_t> lengths;
  lengths.reserve(count);
  while (lengths.size() < count) {
    const int symbol = code.next(in);
    if (symbol < 0) return false;
    if (symbol < 16) {
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

// How much of the code of items two lengths take, of 128.
constexpr auto SHARES = [] {
  std::array<uint8_t, 64> shares{};
  for (size_t i = 0; i < 64; ++i) {
    for (const size_t length : {i & 7, i >> 3}) shares[i] = uint8_t(shares[i] + (length == 0 ? 0 : 128 >> length));
  }
  return shares;
}();

// Whether the code of items is complete, where a dynamic block begins. It seldom is by chance.
bool has_code(std::span<const uint8_t> bytes) {
  if (bytes[0] >> 3 > LITERALS - 257 || (bytes[1] & 31) >= DISTANCES) return false;
  const int count = 4 + (bytes[1] >> 5 | (bytes[2] & 1) << 3);
  uint64_t lengths = 0;
  for (size_t i = 0; i < 8; ++i) lengths |= uint64_t(bytes[2 + i]) << (8 * i);
  lengths = (lengths >> 1) & ((uint64_t(1) << (3 * count)) - 1);
  uint32_t share = 0;
  for (; lengths != 0; lengths >>= 6) share += SHARES[lengths & 63];
  return share == 128;
}

}  // namespace

std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried) {
  Parser parser(bytes, limits);
  const bool whole = parser.run();
  Stream stream = parser.take();
  tried = stream.plain.size();
  if (!whole) return std::nullopt;
  return stream;
}

bool begins_dynamic(std::span<const uint8_t> bytes) {
  if ((bytes[0] >> 1 & 3) != DYNAMIC || !has_code(bytes)) return false;
  BitReader in(bytes);
  in.take(3);
  Trees trees;
  Codes codes;
  return Parser::read_trees(in, trees) && codes.build(trees);
}

}  // namespace nncomp::deflate
