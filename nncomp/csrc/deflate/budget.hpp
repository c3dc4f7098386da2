// What searching in a stream's content may take, so that a stream made with malice does not take long.
#pragma once

#include <cstdint>

#include "coder/error.hpp"

namespace nncomp::deflate {

// Steps of search in `size` bytes.
constexpr uint64_t steps_for(uint64_t size) { return (1 << 20) + 512 * size; }

// Throws FormatError where that is more than there is.
inline void spend(uint64_t& budget, uint64_t steps) {
  if (steps > budget) throw FormatError("a deflate stream takes too long to redo");
  budget -= steps;
}

}  // namespace nncomp::deflate
