#include "deflate/trees.hpp"

#include <algorithm>

#include "deflate/huffman.hpp"

namespace nncomp::deflate {
namespace {

[[noreturn]] void damaged() { throw FormatError("a deflate stream is damaged: its codes do not fit"); }

// A list of code lengths, of at least `least` and at most `most` symbols. Like all code_...() functions here: passes
// the known value to the side, and returns it, or the one that was read.
std::vector<uint8_t> code_lengths_as(Side& side, Model& m, const std::vector<uint8_t>& given,
                                     const std::vector<uint8_t>& expected, uint32_t least, uint32_t most) {
  std::vector<uint8_t> out = expected;
  const int32_t longer = side.difference(m.count, int32_t(given.size()) - int32_t(expected.size()), most);
  const int64_t count = int64_t(expected.size()) + longer;
  if (count < least || count > most) damaged();
  out.resize(size_t(count));
  for (size_t i = 0; i < out.size(); ++i) {
    const bool used = out[i] != 0;
    const int32_t known = i < given.size() ? given[i] - out[i] : 0;
    const int32_t length = out[i] + side.difference(m.change[used], known, MAX_BITS);
    if (length < 0 || length > MAX_BITS) damaged();
    out[i] = uint8_t(length);
  }
  return out;
}

// The item at index `at` of `lengths`, if it is not the expected one.
Item code_item(Side& side, Model& m, Item given, std::span<const uint8_t> lengths, size_t at) {
  const uint32_t kind = side.number(m.symbols, given.symbol < 16 ? 0 : given.symbol - 15u, 3);
  if (kind == 0) return {lengths[at]};
  const Extra repeat = REPEATS[kind - 1];
  const uint32_t more = (1u << repeat.extra) - 1;
  const uint32_t count = repeat.base + side.number(m.repeat, uint32_t(given.count - repeat.base), more);
  if (count > lengths.size() - at || (kind == 1 && at == 0)) damaged();
  const uint8_t length = kind == 1 ? lengths[at - 1] : 0;
  for (size_t i = at; i < at + count; ++i) {
    if (lengths[i] != length) damaged();
  }
  return {uint8_t(15 + kind), uint8_t(count)};
}

// Appends the items with which the code lengths in `trees` are sent. They may reach from one list into the other.
void code_items(Side& side, Model& m, const Trees* given, Trees& trees) {
  std::vector<uint8_t> all = trees.literals;
  all.insert(all.end(), trees.distances.begin(), trees.distances.end());
  const std::span<const uint8_t> both = all;
  const size_t border = trees.literals.size();
  for (size_t at = 0; at < all.size();) {
    const bool first = at < border;
    const Item expected = next_item(first ? both.first(border) : both.subspan(border), first ? at : at - border);
    Item item = given ? given->items[trees.items.size()] : Item{};
    if (side.flag(m.item_expected, item == expected)) {
      item = expected;
    } else {
      item = code_item(side, m, item, all, at);
    }
    trees.items.push_back(item);
    at += item.count;
  }
}

// Sets the code of the items.
void code_code(Side& side, Model& m, const Trees* given, Trees& trees) {
  complete(trees);
  const bool expected = given && given->lengths == trees.lengths && given->sent == trees.sent;
  if (side.flag(m.code_expected, expected)) return;
  trees.sent = 4 + int(side.number(m.count, uint32_t(given ? given->sent - 4 : 0), LENGTHS - 4));
  for (int i = 0; i < LENGTHS; ++i) {
    uint8_t& length = trees.lengths[LENGTH_ORDER[i]];
    if (i >= trees.sent) {
      length = 0;
    } else {
      length = uint8_t(side.number(m.code_length, given ? given->lengths[LENGTH_ORDER[i]] : 0, MAX_LENGTH_BITS));
    }
  }
}

}  // namespace

Trees code_trees(Side& side, Model& m, const Trees* given, const Trees& expected) {
  static const Trees none;
  const Trees& known = given ? *given : none;
  Trees trees;
  const bool same = known.literals == expected.literals && known.distances == expected.distances;
  if (side.flag(m.lengths_expected, same)) {
    trees.literals = expected.literals;
    trees.distances = expected.distances;
  } else {
    trees.literals = code_lengths_as(side, m, known.literals, expected.literals, END + 1, LITERALS);
    trees.distances = code_lengths_as(side, m, known.distances, expected.distances, 1, DISTANCES);
  }
  append_items(trees.literals, trees.items);
  append_items(trees.distances, trees.items);
  if (!side.flag(m.items_expected, known.items == trees.items)) {
    trees.items.clear();
    code_items(side, m, given, trees);
  }
  code_code(side, m, given, trees);
  return trees;
}

void write_trees(BitWriter& out, const Trees& trees) {
  out.put(uint32_t(trees.literals.size() - 257), 5);
  out.put(uint32_t(trees.distances.size() - 1), 5);
  out.put(uint32_t(trees.sent - 4), 4);
  for (int i = 0; i < trees.sent; ++i) out.put(trees.lengths[LENGTH_ORDER[i]], 3);
  const CodeWriter code(trees.lengths);
  for (const Item& item : trees.items) {
    code.put(out, item.symbol);
    if (item.symbol < 16) continue;
    const Extra repeat = REPEATS[item.symbol - 16];
    out.put(uint32_t(item.count - repeat.base), repeat.extra);
  }
}

}  // namespace nncomp::deflate
