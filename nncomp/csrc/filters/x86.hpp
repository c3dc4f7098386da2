// The filter x86 (docs/format.md, section 7): replaces relative distances in calls and jumps by absolute addresses, so
// that all calls of one function look alike. Both functions work in place and are inverse to each other. Code is less
// than 2^32 bytes long.
#pragma once

#include <cstdint>
#include <span>

namespace nncomp {

void distances_to_targets(std::span<uint8_t> code);
void targets_to_distances(std::span<uint8_t> code);

}  // namespace nncomp
