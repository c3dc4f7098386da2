// Splits data with deflate streams in it into the contents of the streams, what is around them, and what they are
// redone from; and joins these parts to the same bytes (docs/deflate.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "deflate/inflate.hpp"

namespace nncomp::deflate {

constexpr size_t GROUPS = 40;  // groups of contents, at most: texts, others, and then each picture alone

struct Parts {
  std::vector<uint8_t> rest;                   // the bytes that are not redone
  std::vector<uint8_t> side;                   // coded: where the streams are, and what they are redone from
  std::vector<std::vector<uint8_t>> contents;  // the contents of the streams, by group; 2 … GROUPS of them
  std::vector<std::pair<size_t, size_t>> taken;  // for each stream: the index where it begins, and the one behind it
};

// None if no stream pays. `data` may begin inside of a stream: then `inside` is the state there, else it is null. The
// contents have together at most `most` bytes, which is below 2^31. Each stream is redone and compared; that `join`
// gives the data back is for the caller to check.
std::optional<Parts> split(std::span<const uint8_t> data, const Inside* inside, uint64_t most);

// The `size` bytes that were split. Throws FormatError for parts that do not fit together. Time and memory are bounded
// by `size` and the sizes of the parts, whatever they hold.
std::vector<uint8_t> join(std::span<const uint8_t> rest, std::span<const uint8_t> side,
                          const std::vector<std::span<const uint8_t>>& contents, uint64_t size);

}  // namespace nncomp::deflate
