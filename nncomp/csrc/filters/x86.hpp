// The filter x86 (docs/format.md, section 7): the distances in calls become the addresses called, so that calls of one
// function look alike. Both work in place and undo each other.
#pragma once

#include <cstdint>
#include <span>

namespace nncomp {

void distances_to_targets(std::span<uint8_t> code);
void targets_to_distances(std::span<uint8_t> code);

}  // namespace nncomp
