// What the contexts of coefficients are made of: magnitudes, their classes ("levels"), and counts (docs/jpeg.md,
// section 3).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "jpeg/header.hpp"

namespace nncomp::jpeg {

inline constexpr int32_t LARGEST = 1 << 14;   // dequantised coefficients are clamped to this magnitude
inline constexpr int16_t NOTHING[BLOCK] = {};  // stands for a block that is not there
inline constexpr uint32_t INNER = 49;  // inner coefficients: those whose row and column are not 0

// The indices of the inner coefficients in a block, in zigzag order.
inline constexpr std::array<uint8_t, INNER> PLACES = [] {
  std::array<uint8_t, INNER> places{};
  size_t n = 0;
  for (const uint8_t place : NATURAL) {
    if (place % 8 && place / 8) places[n++] = place;
  }
  return places;
}();

inline int32_t clamp(int32_t v, int32_t most) { return v < -most ? -most : v > most ? most : v; }
inline uint32_t magnitude(int32_t v) { return uint32_t(v < 0 ? -v : v); }

// The level of a magnitude, two for each octave: 0 … 3 for themselves, 4 for 4 and 5, 5 for 6 and 7, 6 for 8 … 11, …;
// at most count − 1.
inline uint32_t level(uint32_t v, uint32_t count) {
  const uint32_t length = uint32_t(std::bit_width(v));
  return std::min(v < 4 ? v : 2 * length - 2 + (v >> (length - 2) & 1), count - 1);
}

// The level of a value with its sign, 0 … 2·count − 2; count − 1 stands for 0.
inline uint32_t signed_level(int32_t v, uint32_t count) {
  const uint32_t l = level(magnitude(v), count);
  return v < 0 ? count - 1 - l : count - 1 + l;
}

inline uint32_t at_most(int32_t v, uint32_t most) { return std::min(magnitude(v), most); }      // 0 … most
inline uint32_t with_sign(int32_t v, int32_t most) { return uint32_t(clamp(v, most) + most); }  // 0 … 2·most

// ⌊16·√v⌋, v up to 1023.
inline constexpr std::array<uint16_t, 1024> ROOTS = [] {
  std::array<uint16_t, 1024> roots{};
  uint32_t root = 0;
  for (uint32_t v = 0; v < roots.size(); ++v) {
    while ((root + 1) * (root + 1) <= 256 * v) ++root;
    roots[v] = uint16_t(root);
  }
  return roots;
}();
inline int32_t root(uint32_t v) { return ROOTS[std::min<size_t>(v, ROOTS.size() - 1)]; }

// How many inner coefficients are not 0.
inline uint32_t inner_count(const int16_t* b) {
  uint32_t n = 0;
  for (const uint8_t place : PLACES) n += b[place] != 0;
  return n;
}

// How many of the first row's coefficients, or with step 8 of the first column's, are not 0, DC excluded.
inline uint32_t edge_count(const int16_t* b, int step) {
  uint32_t n = 0;
  for (int i = 1; i < 8; ++i) n += b[i * step] != 0;
  return n;
}

}  // namespace nncomp::jpeg
