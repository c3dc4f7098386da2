// JPEG pictures inside of data, taken out of it and put back (docs/jpeg.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/kernel.hpp"

namespace nncomp::jpeg {

struct Parts {
  std::vector<uint8_t> rest;   // all that is no scan's data
  std::vector<uint8_t> coded;  // the scans, in much less than they had
  uint64_t blocks = 0;         // of the largest picture
  std::vector<std::pair<size_t, size_t>> taken;  // where in the data each begins and ends
};

// Pictures of together at most `most` blocks; nothing where that brings nothing.
std::optional<Parts> split(const Kernel& kernel, std::span<const uint8_t> data, uint64_t most);

// The data, of `size` bytes. Pictures have at most `blocks` blocks, and together `most`. Throws FormatError.
std::vector<uint8_t> join(const Kernel& kernel, std::span<const uint8_t> rest, std::span<const uint8_t> coded,
                          uint64_t size, uint64_t blocks, uint64_t most);

}  // namespace nncomp::jpeg
