#include "gif/lzw.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "bits.hpp"

namespace nncomp::gif {
namespace {

constexpr uint32_t CODE_BITS = 12;             // of a code at most
constexpr uint32_t CODES = 1 << CODE_BITS;     // strings that the table holds, with the two codes that are none
constexpr uint32_t NONE = CODES;

// How wide codes are: both sides count the strings that a reader knows, which is the same for both.
struct Width {
  explicit Width(uint32_t bits) : clear(1u << bits) { reset(); }

  void reset() {
    next = clear + 2;
    bits = uint32_t(std::bit_width(clear));
    is_first = true;
  }

  // A code of pixels has been passed. Returns the number of the string that is now known, or NONE.
  uint32_t count() {
    if (std::exchange(is_first, false) || next == CODES) return NONE;
    const uint32_t known = next++;
    if (next == 1u << bits && bits < CODE_BITS) ++bits;
    return known;
  }

  uint32_t clear;      // the code that clears the table; the next one ends the data
  uint32_t next, bits;  // the number of the next string, and the width of the next code
  bool is_first;       // whether no code of pixels has come since the table was cleared
};

// The strings of a reader: each is another one and a pixel.
class Strings {
 public:
  explicit Strings(uint32_t pixels) {
    for (uint32_t i = 0; i < pixels; ++i) set(i, NONE, uint8_t(i));
  }

  void set(uint32_t number, uint32_t before, uint8_t last) {
    before_[number] = uint16_t(before);
    last_[number] = last;
    first_[number] = before == NONE ? last : first_[before];
    size_[number] = before == NONE ? 1 : size_[before] + 1;
  }
  uint8_t first(uint32_t number) const { return first_[number]; }
  size_t size(uint32_t number) const { return size_[number]; }

  void append(uint32_t number, std::vector<uint8_t>& out) const {
    out.resize(out.size() + size_[number]);
    for (auto at = out.rbegin(); number != NONE; number = before_[number]) *at++ = last_[number];
  }

 private:
  std::array<uint16_t, CODES> before_;
  std::array<uint8_t, CODES> last_, first_;
  std::array<uint32_t, CODES> size_;
};

// The strings of a writer: those that go on behind each, in a list.
class Tree {
 public:
  explicit Tree(uint32_t pixels) : pixels_(pixels) { reset(); }

  void reset() { std::fill_n(child_.begin(), pixels_, uint16_t(NONE)); }

  uint32_t find(uint32_t string, uint8_t pixel) const {
    uint32_t found = child_[string];
    while (found != NONE && last_[found] != pixel) found = next_[found];
    return found;
  }
  void add(uint32_t number, uint32_t string, uint8_t pixel) {
    last_[number] = pixel;
    next_[number] = child_[string];
    child_[string] = uint16_t(number);
    child_[number] = uint16_t(NONE);
  }

 private:
  uint32_t pixels_;
  std::array<uint16_t, CODES> child_, next_;
  std::array<uint8_t, CODES> last_;
};

// Reads codes to the end. False if they are damaged or too many.
bool read(std::span<const uint8_t> data, uint32_t bits, size_t most, Undone& undone) {
  BitReader in(data);
  Width width(bits);
  Strings strings(width.clear);
  Codes& codes = undone.codes;
  uint32_t before = NONE, run = 0;
  while (in.left() >= width.bits) {
    const uint32_t code = in.take(int(width.bits));
    if (code == width.clear + 1) {
      codes.ends = true;
      break;
    }
    if (code == width.clear) {
      if (undone.pixels.empty() && codes.runs.empty() && !codes.starts) {
        codes.starts = true;
      } else {
        codes.runs.push_back(run);
      }
      width.reset();
      before = NONE;
      run = 0;
      continue;
    }
    if (code > width.next || (code >= width.clear && before == NONE)) return false;
    const uint32_t known = width.count();
    if (known != NONE) strings.set(known, before, strings.first(code == known ? before : code));
    if (strings.size(code) > most - undone.pixels.size()) return false;
    strings.append(code, undone.pixels);
    before = code;
    ++run;
  }
  if (in.left() >= 8) return false;
  codes.tail = in.take(int(in.left()));
  return true;
}

}  // namespace

std::optional<Undone> undo(std::span<const uint8_t> data, uint32_t bits, size_t most) {
  Undone undone;
  if (!read(data, bits, most, undone)) return std::nullopt;
  std::vector<uint8_t> again;
  try {
    redo(undone.pixels, undone.codes, bits, data.size(), again);
  } catch (const FormatError&) {
    return std::nullopt;
  }
  if (!std::ranges::equal(again, data)) return std::nullopt;
  return undone;
}

void redo(std::span<const uint8_t> pixels, const Codes& codes, uint32_t bits, size_t limit, std::vector<uint8_t>& out) {
  BitWriter to(out, out.size() + limit);
  Width width(bits);
  Tree tree(width.clear);
  size_t at = 0;
  const auto clear = [&] {
    to.put(width.clear, int(width.bits));
    width.reset();
    tree.reset();
  };
  const auto put = [&] {  // the longest string that is known
    uint32_t string = pixels[at++];
    if (string >= width.clear) damaged();
    while (at < pixels.size()) {
      const uint32_t longer = tree.find(string, pixels[at]);
      if (longer == NONE) break;
      string = longer;
      ++at;
    }
    to.put(string, int(width.bits));
    width.count();
    // The next string: a reader knows it one code later.
    if (at < pixels.size() && width.next < CODES) tree.add(width.next, string, pixels[at]);
  };
  if (codes.starts) clear();
  for (const uint32_t run : codes.runs) {
    for (uint32_t i = 0; i < run; ++i) {
      if (at == pixels.size()) damaged();
      put();
    }
    clear();
  }
  while (at < pixels.size()) put();
  if (codes.ends) to.put(width.clear + 1, int(width.bits));
  to.put(codes.tail & ((1u << to.missing()) - 1), to.missing());
}

}  // namespace nncomp::gif
