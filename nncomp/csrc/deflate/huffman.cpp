#include "deflate/huffman.hpp"

#include <algorithm>

namespace nncomp::deflate {
namespace {

uint32_t reversed(uint32_t code, int length) {
  uint32_t out = 0;
  for (int i = 0; i < length; ++i) out |= (code >> i & 1) << (length - 1 - i);
  return out;
}

// [length]: the first code of this length (RFC 1951, section 3.2.2). Not checked: codes may not fit into their length.
std::array<uint32_t, MAX_BITS + 2> first_codes(std::span<const uint8_t> lengths) {
  std::array<uint32_t, MAX_BITS + 2> count{}, first{};
  for (const uint8_t length : lengths) ++count[length];
  count[0] = 0;
  for (int bits = 1; bits <= MAX_BITS; ++bits) {
    first[size_t(bits) + 1] = (first[size_t(bits)] + count[size_t(bits)]) << 1;
  }
  return first;
}

}  // namespace

bool CodeReader::build(std::span<const uint8_t> lengths, bool may_be_empty) {
  count_.fill(0);
  for (const uint8_t length : lengths) ++count_[length];
  count_[0] = 0;
  int32_t left = 1;
  uint32_t codes = 0;
  int longest = 1;
  std::array<uint16_t, MAX_BITS + 2> start{};
  for (size_t bits = 1; bits <= MAX_BITS; ++bits) {
    left = 2 * left - count_[bits];
    if (left < 0) return false;
    start[bits + 1] = uint16_t(start[bits] + count_[bits]);
    codes += count_[bits];
    if (count_[bits] != 0) longest = int(bits);
  }
  if (left > 0 && !(codes == 1 && count_[1] == 1) && !(codes == 0 && may_be_empty)) return false;
  sorted_.assign(codes, 0);
  const uint32_t size = 1u << std::min(longest, FAST);
  mask_ = size - 1;
  std::fill_n(fast_.begin(), size, uint16_t(0));
  auto next = first_codes(lengths);
  for (size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    const int length = lengths[symbol];
    if (length == 0) continue;
    sorted_[start[size_t(length)]++] = uint16_t(symbol);
    const uint32_t code = next[size_t(length)]++;
    if (length > FAST) continue;
    for (uint32_t i = reversed(code, length); i < size; i += 1u << length) {
      fast_[i] = uint16_t(symbol << 4 | size_t(length));
    }
  }
  return true;
}

// Finds a code that is not in the table, length by length, in `bits`, which are the next ones of `in`.
int CodeReader::slow(BitReader& in, uint32_t bits) const {
  uint32_t code = 0, first = 0, index = 0;
  for (int length = 1; length <= MAX_BITS; ++length) {
    code |= bits & 1;
    bits >>= 1;
    const uint32_t count = count_[size_t(length)];
    if (code - first < count) {
      in.skip(length);
      return sorted_[index + (code - first)];
    }
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return -1;
}

CodeWriter::CodeWriter(std::span<const uint8_t> lengths) {
  auto next = first_codes(lengths);
  for (size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    const int bits = lengths[symbol];
    length[symbol] = uint8_t(bits);
    if (bits != 0) code[symbol] = uint16_t(reversed(next[size_t(bits)]++, bits));
  }
}

namespace {

// Builds the Huffman tree as zlib does, whose order of equal frequencies determines the lengths (docs/deflate.md,
// section 5). Nodes are numbers: symbols first, then the inner nodes.
class TreeBuilder {
 public:
  TreeBuilder(std::span<const uint32_t> frequencies, int max_bits) : symbols_(int(frequencies.size())), max_(max_bits) {
    frequency_.assign(frequencies.begin(), frequencies.end());
    frequency_.resize(2 * frequencies.size());
    depth_.resize(frequency_.size());
    parent_.resize(frequency_.size());
    heap_.resize(frequency_.size() + 1);
    order_.reserve(frequency_.size());
  }

  std::vector<uint8_t> build() {
    for (int i = 0; i < symbols_; ++i) {
      if (frequency_[size_t(i)] == 0) continue;
      heap_[size_t(++size_)] = i;
      last_ = i;
    }
    while (size_ < 2) {  // zlib sends at least two codes
      const int symbol = last_ < 2 ? ++last_ : 0;
      frequency_[size_t(symbol)] = 1;
      heap_[size_t(++size_)] = symbol;
    }
    for (int i = size_ / 2; i >= 1; --i) sift(i);
    join();
    return lengths();
  }

 private:
  // The order of the heap: by frequency, then by depth.
  bool precedes(int a, int b) const {
    const uint32_t x = frequency_[size_t(a)], y = frequency_[size_t(b)];
    return x < y || (x == y && depth_[size_t(a)] <= depth_[size_t(b)]);
  }

  // Moves the node at `place` down the heap to where it belongs.
  void sift(int place) {
    const int node = heap_[size_t(place)];
    for (int below = 2 * place; below <= size_; below = 2 * place) {
      if (below < size_ && precedes(heap_[size_t(below) + 1], heap_[size_t(below)])) ++below;
      if (precedes(node, heap_[size_t(below)])) break;
      heap_[size_t(place)] = heap_[size_t(below)];
      place = below;
    }
    heap_[size_t(place)] = node;
  }

  // Joins the two rarest nodes until one is left. order_ gets the nodes as they are taken, the rarest first.
  void join() {
    int node = symbols_;
    do {
      const int a = heap_[1];
      heap_[1] = heap_[size_t(size_--)];
      sift(1);
      const int b = heap_[1];
      order_.push_back(a);
      order_.push_back(b);
      frequency_[size_t(node)] = frequency_[size_t(a)] + frequency_[size_t(b)];
      depth_[size_t(node)] = uint8_t(std::max(depth_[size_t(a)], depth_[size_t(b)]) + 1);
      parent_[size_t(a)] = parent_[size_t(b)] = node;
      heap_[1] = node++;
      sift(1);
    } while (size_ >= 2);
  }

  // The depth of each symbol in the tree, but no more than max_.
  std::vector<uint8_t> lengths() const {
    std::vector<int> bits(frequency_.size());
    std::vector<int> count(size_t(max_) + 1);
    int excess = 0;
    for (size_t i = order_.size(); i-- > 0;) {  // from the root down
      const int node = order_[i];
      int length = bits[size_t(parent_[size_t(node)])] + 1;
      if (length > max_) {
        length = max_;
        ++excess;
      }
      bits[size_t(node)] = length;
      if (node <= last_) ++count[size_t(length)];
    }
    if (excess > 0) shorten(bits, count, excess);
    std::vector<uint8_t> out(size_t(last_) + 1);
    for (size_t i = 0; i < out.size(); ++i) out[i] = frequency_[i] == 0 ? 0 : uint8_t(bits[i]);
    return out;
  }

  // Makes a code of lengths that were cut to max_, `excess` nodes having been too deep: lengthens shorter codes until
  // all fit, then assigns the lengths anew, the longest to the rarest symbols.
  void shorten(std::vector<int>& bits, std::vector<int>& count, int excess) const {
    for (; excess > 0; excess -= 2) {
      int length = max_ - 1;
      while (count[size_t(length)] == 0) --length;
      --count[size_t(length)];
      count[size_t(length) + 1] += 2;
      --count[size_t(max_)];
    }
    size_t next = 0;
    for (int length = max_; length > 0; --length) {
      for (int left = count[size_t(length)]; left > 0; ++next) {
        const int node = order_[next];
        if (node > last_) continue;
        bits[size_t(node)] = length;
        --left;
      }
    }
  }

  int symbols_, max_;
  int size_ = 0;  // nodes in the heap, whose root is heap_[1]
  int last_ = -1;  // the last symbol that has a code
  std::vector<uint32_t> frequency_;
  std::vector<uint8_t> depth_;
  std::vector<int> parent_, heap_, order_;
};

}  // namespace

std::vector<uint8_t> code_lengths(std::span<const uint32_t> frequencies, int max_bits) {
  return TreeBuilder(frequencies, max_bits).build();
}

Item next_item(std::span<const uint8_t> lengths, size_t at) {
  const uint8_t length = lengths[at];
  const bool again = at > 0 && lengths[at - 1] == length;
  const size_t most = length == 0 ? 138 : again ? 6 : 1;
  size_t count = 1;
  while (count < most && at + count < lengths.size() && lengths[at + count] == length) ++count;
  if (count < MIN_MATCH) return {length};
  if (length != 0) return {16, uint8_t(count)};
  return {uint8_t(count <= 10 ? 17 : 18), uint8_t(count)};
}

void append_items(std::span<const uint8_t> lengths, std::vector<Item>& items) {
  for (size_t at = 0; at < lengths.size();) {
    items.push_back(next_item(lengths, at));
    at += items.back().count;
  }
}

void complete(Trees& trees) {
  std::array<uint32_t, LENGTHS> frequencies{};
  for (const Item& item : trees.items) ++frequencies[item.symbol];
  const std::vector<uint8_t> lengths = code_lengths(frequencies, MAX_LENGTH_BITS);
  trees.lengths.fill(0);
  std::copy(lengths.begin(), lengths.end(), trees.lengths.begin());
  trees.sent = LENGTHS;
  while (trees.sent > 4 && trees.lengths[LENGTH_ORDER[trees.sent - 1]] == 0) --trees.sent;
}

uint64_t size_of(const Trees& trees) {
  uint64_t bits = 5 + 5 + 4 + 3 * uint64_t(trees.sent);
  for (const Item& item : trees.items) {
    bits += trees.lengths[item.symbol];
    if (item.symbol >= 16) bits += REPEATS[item.symbol - 16].extra;
  }
  return bits;
}

}  // namespace nncomp::deflate
