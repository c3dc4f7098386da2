// Puts copies from earlier blocks back: the decoder's side, which the format defines (docs/format.md, section 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::far {

// Fills `content` from its literals and the list of copies; `sources` are the literals of the blocks that are copied
// from. Throws FormatError unless the copies lie within their sources, all literals are used, and `content` is filled.
void join(std::span<const uint8_t> literals, std::span<const uint8_t> copies,
          const std::vector<std::span<const uint8_t>>& sources, std::span<uint8_t> content);

}  // namespace nncomp::far
