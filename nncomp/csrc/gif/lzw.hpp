// The LZW codes of GIF pictures (GIF89a, appendix F): read into pixels, and made of them again as encoders do that take
// the longest string they know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "coder/error.hpp"

namespace nncomp::gif {

[[noreturn]] inline void damaged() { throw FormatError("a GIF picture is damaged: its parts do not fit together"); }

constexpr uint32_t MIN_BITS = 2, MAX_BITS = 8;  // of a pixel, as LZW counts them

// What codes have beside the pixels.
struct Codes {
  bool starts = false;  // whether the first one clears the table
  bool ends = false;  // whether the last one says that it is
  uint32_t tail = 0;  // the bits behind it up to a whole byte, as a number
  std::vector<uint32_t> runs;  // how many codes of pixels there are before each other clear
};

struct Undone {
  Codes codes;
  std::vector<uint8_t> pixels;
};

// The pixels of `data`, which is a picture's without the sizes of its pieces. None if it is damaged, or has more than
// `most` pixels, or these would not give it again.
std::optional<Undone> undo(std::span<const uint8_t> data, uint32_t bits, size_t most);

// Appends the codes of the pixels to `out`. Throws FormatError if that is more than `limit` bytes, a pixel has more
// than `bits`, or there are fewer codes than a run has.
void redo(std::span<const uint8_t> pixels, const Codes& codes, uint32_t bits, size_t limit, std::vector<uint8_t>& out);

}  // namespace nncomp::gif
