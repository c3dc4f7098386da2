// Content from literals and copies: the normative half (docs/format.md, section 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::far {

// Fills `content`; `sources` are the literals of the blocks that are copied from. Throws FormatError for what no
// encoder writes.
void join(std::span<const uint8_t> literals, std::span<const uint8_t> copies,
          const std::vector<std::span<const uint8_t>>& sources, std::span<uint8_t> content);

}  // namespace nncomp::far
