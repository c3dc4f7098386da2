// The filter copies (docs/format.md, section 7): what a content repeats of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::copies {

struct Copy {
  size_t start, stop;  // in the content
  size_t distance;     // how far before the same bytes are, as many as there are of them, or more
};

// Copies of at least `least` bytes, in their order, none over another.
std::vector<Copy> find(std::span<const uint8_t> content, size_t least);

// `content`, as many bytes. Throws FormatError for what does not fit it.
void join(std::span<const uint8_t> literals, std::span<const uint8_t> places, std::span<uint8_t> content);

}  // namespace nncomp::copies
