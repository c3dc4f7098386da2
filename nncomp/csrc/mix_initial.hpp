// The weights that mixers of the first layer start with, in units of 2^−14: the means of what they had become on
// training text of each kind. In the order of the inputs: contexts, order 0, order 1, matches, predictions of a
// sample, the network, the constant. A test compares them with nncomp/mixing_tables.py.
#pragma once

#include <cstdint>

#include "mix_state.hpp"

namespace nncomp::mix {

inline constexpr int16_t LEAN_WEIGHTS[INPUTS] = {
    3152, 2592, 2368, 1744, 3424, 2880, 2064, 2624, 2976, 3344, 720};
inline constexpr int16_t LEAN_NETWORK_WEIGHTS[INPUTS] = {
    1600, 1664, 1792, 1552, 2240, 2240, 1024, 176, 832, 2944, 9952, 528};
inline constexpr int16_t GENERAL_WEIGHTS[INPUTS] = {
    2128, 1792, 1760, 1040, 2976, 880, 2288, 1504, 1344, 1056, 1536, 976, 768, 1248, 1120, 1056, 1376, 960,
    928, 960, 1792, 1136, 1952, 1440, 1136};
inline constexpr int16_t GENERAL_NETWORK_WEIGHTS[INPUTS] = {
    832, 992, 912, 816, 1440, 880, 1376, 880, 1040, 784, 1232, 640, 656, 832, 192, 112, 1616, 1168, 10304, 544};
inline constexpr int16_t RECORDS_WEIGHTS[INPUTS] = {
    2080, 896, 656, -128, 1456, 2016, 1632, 2048, 1488, 1440, 752, 1888, 912, 1616, 560, 1792, 1888, 1200,
    1056, 400, 256, 1488, 2432, 1792, 2880};
inline constexpr int16_t X86_WEIGHTS[INPUTS] = {
    1712, 528, 448, -304, 912, 1024, 1248, 2112, 1824, 1824, 688, 1856, 960, 2048, 896, 1072, 1968, 864, 1264,
    912, 640, 1712, 2528, 1712, 3424};
inline constexpr int16_t PICTURE_WEIGHTS[INPUTS] = {
    304, -128, 544, 704, 1344, 4624, 3440, 672, 1056, 768, 1168, 2128, 1728, 512, 368, 944, 928, 2256, 1664,
    1088, 2864, 1760, 1568, 1104, -112};
inline constexpr int16_t WIDE_WEIGHTS[INPUTS] = {
    1472, 1152, 512, 1088, 1760, 1776, 2128, 1632, 1344, 1312, 640, 2272, 1696, 1808, 1600, 2144, 1280, 1424,
    800, 176, -176, 256, 1616, 1216, 2080};

// nullptr where nothing was trained: all inputs weigh the same then.
inline const int16_t* initial_weights(const Profile& p) {
  if (!p.rich) return p.network ? LEAN_NETWORK_WEIGHTS : LEAN_WEIGHTS;
  if (p.contexts == GENERAL) return p.network ? GENERAL_NETWORK_WEIGHTS : GENERAL_WEIGHTS;
  if (p.network) return nullptr;
  if (p.contexts == CODE) return p.x86 ? X86_WEIGHTS : nullptr;
  return p.contexts == RECORDS ? RECORDS_WEIGHTS : p.contexts == PICTURE ? PICTURE_WEIGHTS : WIDE_WEIGHTS;
}

}  // namespace nncomp::mix
