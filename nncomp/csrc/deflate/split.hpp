// Data with deflate streams in it, as what the streams hold, what is around them, and what it takes to redo them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "deflate/inflate.hpp"

namespace nncomp::deflate {

constexpr size_t GROUPS = 40;  // of contents: texts, others, and pictures one by one

struct Parts {
  std::vector<uint8_t> rest;                   // what is no stream
  std::vector<uint8_t> side;                   // where the streams are, and what they are redone from
  std::vector<std::vector<uint8_t>> contents;  // of the streams, by group; 2 … GROUPS
  std::vector<std::pair<size_t, size_t>> taken;  // where in the data each begins and ends
};

// None where no stream pays. `data` may begin inside of a stream. Contents are together at most `most` bytes, < 2^31.
std::optional<Parts> split(std::span<const uint8_t> data, const Inside* inside, uint64_t most);

// The `size` bytes that were split. Throws FormatError for what splitting does not give.
std::vector<uint8_t> join(std::span<const uint8_t> rest, std::span<const uint8_t> side,
                          const std::vector<std::span<const uint8_t>>& contents, uint64_t size);

}  // namespace nncomp::deflate
