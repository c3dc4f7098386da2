// Bounds the work of searching for matches in a stream's content, so that a hostile stream cannot take long.
#pragma once

#include <cstdint>

#include "coder/error.hpp"

namespace nncomp::deflate {

// How many steps of search `size` bytes of content may take (docs/deflate.md, sections 3 and 6, say what a step is).
constexpr uint64_t steps_for(uint64_t size) { return (1 << 20) + 512 * size; }

// Takes `steps` from the budget. Throws FormatError if it has fewer.
inline void spend(uint64_t& budget, uint64_t steps) {
  if (steps > budget) throw FormatError("a deflate stream takes too long to redo");
  budget -= steps;
}

}  // namespace nncomp::deflate
