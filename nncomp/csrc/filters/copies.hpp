// The filter copies (docs/format.md, section 7): removes long repeats within a content, and restores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::copies {

struct Copy {
  size_t start, stop;  // in the content
  size_t distance;     // how many bytes before it its source is; at least stop - start, so they do not overlap
};

// Finds copies of at least `least` bytes, in ascending order, which do not overlap. `content` has less than 2^32 bytes.
std::vector<Copy> find(std::span<const uint8_t> content, size_t least);

// Fills `content` from its literals and the list of copies. Throws FormatError unless both are used up and give
// exactly as many bytes as `content` has.
void join(std::span<const uint8_t> literals, std::span<const uint8_t> places, std::span<uint8_t> content);

}  // namespace nncomp::copies
