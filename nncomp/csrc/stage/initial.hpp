// The weights that mixers of the first layer start with, in units of 2^−14: the means of what they had become on
// training text of each kind. In the order of the inputs: contexts, order 0, order 1, matches, predictions of a
// sample, the network, the constant. A test compares them with nncomp/mixing_tables.py.
#pragma once

#include <cstdint>

#include "stage/state.hpp"

namespace nncomp::mix {

inline constexpr int16_t LEAN_WEIGHTS[INPUTS] = {
    3152, 2592, 2368, 1744, 3424, 2896, 2064, 2624, 2976, 3344, 720};
inline constexpr int16_t LEAN_NETWORK_WEIGHTS[INPUTS] = {
    1600, 1664, 1792, 1552, 2240, 2240, 1024, 176, 832, 2960, 9952, 528};
inline constexpr int16_t GENERAL_WEIGHTS[INPUTS] = {
    2128, 1792, 1760, 1040, 2976, 880, 2288, 1504, 1344, 1056, 1536, 976, 768, 1248, 1120, 1056, 1376, 960,
    928, 960, 1792, 1136, 1952, 1440, 1136};
inline constexpr int16_t GENERAL_NETWORK_WEIGHTS[INPUTS] = {
    880, 1152, 1248, 1472, 1040, 1424, 896, 1120, 784, 1312, 640, 688, 176, 96, 1888, 1216, 10304, 512};
inline constexpr int16_t RECORDS_WEIGHTS[INPUTS] = {
    2352, 1312, 576, -400, 1488, 2480, 1952, 1296, 1536, 1680, 704, 2048, 1008, 1824, 416, 928, 1248, 1376,
    1216, 304, 160, 2000, 2272, 1648, 3104};
inline constexpr int16_t X86_WEIGHTS[INPUTS] = {
    1968, -416, 752, 304, 112, -16, 2144, 1856, 2400, 1808, 1584, 1888, 1040, 2064, 1824, 1216, 976, 896,
    1312, 1552, 1440, 720, 3104, 2016, 3376};
inline constexpr int16_t PICTURE_WEIGHTS[INPUTS] = {
    272, -240, 624, 768, 1664, 3760, 3072, 560, 1328, 784, 1056, 2656, 2352, 176, 192, 544, 384, 3264, 2048,
    1552, 3760, 2240, 1760, 1024, -448};
inline constexpr int16_t WIDE_WEIGHTS[INPUTS] = {
    768, 624, 432, 2736, 2080, 1664, 1904, 2704, 848, 672, 1136, 1168, 1968, 1904, 3488, 2592, 2208, 2160, 800};

// nullptr where nothing was trained: all inputs weigh the same then.
inline const int16_t* initial_weights(const Profile& p) {
  if (!p.rich) return p.network ? LEAN_NETWORK_WEIGHTS : LEAN_WEIGHTS;
  if (p.contexts == GENERAL) return p.network ? GENERAL_NETWORK_WEIGHTS : GENERAL_WEIGHTS;
  if (p.network) return nullptr;
  if (p.contexts == CODE) return p.x86 ? X86_WEIGHTS : nullptr;
  return p.contexts == RECORDS ? RECORDS_WEIGHTS : p.contexts == PICTURE ? PICTURE_WEIGHTS : WIDE_WEIGHTS;
}

}  // namespace nncomp::mix
