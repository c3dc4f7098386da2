// Appends bytes to a vector, of which they must not be a part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp {

inline void append(std::vector<uint8_t>& to, std::span<const uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// Moves `size` bytes from the front of `from` to the end of `to`, which then has at most `most`. False, and nothing is
// moved, if there are too few, or no room for them.
[[nodiscard]] inline bool move_front(std::span<const uint8_t>& from, size_t size, std::vector<uint8_t>& to,
                                     uint64_t most) {
  if (size > from.size() || size > most - to.size()) return false;
  append(to, from.first(size));
  from = from.subspan(size);
  return true;
}

}  // namespace nncomp
