// Appends bytes to a vector, of which they must not be a part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nncomp {

inline void append(std::vector<uint8_t>& to, std::span<const uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace nncomp
