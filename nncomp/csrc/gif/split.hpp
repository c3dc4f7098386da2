// Splits data with GIF pictures in it into what is around the pictures' codes, what it takes to redo these, and their
// pixels, and joins these to the same bytes (docs/gif.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace nncomp::gif {

constexpr size_t GROUPS = 16;  // streams of pixels at most

struct Parts {
  std::vector<uint8_t> rest;                 // all bytes that are no pictures' codes
  std::vector<uint8_t> side;                 // what it takes to redo these
  std::vector<std::vector<uint8_t>> pixels;  // by group: pictures of one width, or the last ones of any
  std::vector<std::pair<size_t, size_t>> taken;  // for each file: the index where it begins, and the one behind it
};

// Takes pictures of together at most `most` pixels out of the data. None if there is none. Each picture is redone and
// compared; that `join` gives the data back is for the caller to check.
std::optional<Parts> split(std::span<const uint8_t> data, uint64_t most);

// The `size` bytes that were split. Throws FormatError for parts that do not fit together.
std::vector<uint8_t> join(std::span<const uint8_t> rest, std::span<const uint8_t> side,
                          std::span<const std::span<const uint8_t>> pixels, uint64_t size);

}  // namespace nncomp::gif
