// Splits data with JPEG pictures in it into what is around the pictures' scans and their coded coefficients, and joins
// these to the same bytes (docs/jpeg.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "jpeg/follow.hpp"
#include "kernels/kernel.hpp"

namespace nncomp::jpeg {

// "Blocks" are the pictures' blocks of 8 × 8 coefficients.
struct Parts {
  std::vector<uint8_t> rest;   // all bytes that are not a scan's data, behind the markers of `inside`
  std::vector<uint8_t> coded;  // the coefficients, and what it takes to redo the scans
  uint64_t blocks = 0;         // of the largest picture
  std::vector<std::pair<size_t, size_t>> taken;  // for each picture: the index where it begins, and the one behind it
};

// Takes pictures of together at most `most` blocks out of the data, which may begin `inside` of one. None if there is
// none, or it hardly pays. Each scan is redone and compared; that `join` gives the data back is for the caller to
// check.
std::optional<Parts> split(const Kernel& kernel, std::span<const uint8_t> data, const Inside* inside, uint64_t most);

// The `size` bytes that were split. Throws FormatError for parts that do not fit together, or if a picture has more
// than `blocks` blocks, or all of them more than `most`. Time and memory are bounded by these numbers.
std::vector<uint8_t> join(const Kernel& kernel, std::span<const uint8_t> rest, std::span<const uint8_t> coded,
                          uint64_t size, uint64_t blocks, uint64_t most);

}  // namespace nncomp::jpeg
