// What contexts are made of: places, magnitudes, and how they are put into classes (docs/jpeg.md).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "jpeg/header.hpp"

namespace nncomp::jpeg {

inline constexpr int32_t LARGEST = 1 << 14;  // of a dequantised coefficient, as far as it counts
inline constexpr int16_t NOTHING[BLOCK] = {};
inline constexpr uint32_t INNER = 49;  // coefficients whose row and column are not 0

// The inner ones in zigzag order.
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

// Half an octave: 0, 1, 2, 3, 4 for 4 and 5, 5 for 6 and 7, 6 for 8 … 11; at most count − 1.
inline uint32_t level(uint32_t v, uint32_t count) {
  const uint32_t length = uint32_t(std::bit_width(v));
  return std::min(v < 4 ? v : 2 * length - 2 + (v >> (length - 2) & 1), count - 1);
}

// Likewise with a sign, of 2·count − 1 values.
inline uint32_t signed_level(int32_t v, uint32_t count) {
  const uint32_t l = level(magnitude(v), count);
  return v < 0 ? count - 1 - l : count - 1 + l;
}

inline uint32_t at_most(int32_t v, uint32_t most) { return std::min(magnitude(v), most); }  // most + 1 values
inline uint32_t with_sign(int32_t v, int32_t most) { return uint32_t(clamp(v, most) + most); }  // 2·most + 1

inline uint32_t inner_count(const int16_t* b) {
  uint32_t n = 0;
  for (const uint8_t place : PLACES) n += b[place] != 0;
  return n;
}

// Of the seven coefficients of an edge.
inline uint32_t edge_count(const int16_t* b, int step) {
  uint32_t n = 0;
  for (int i = 1; i < 8; ++i) n += b[i * step] != 0;
  return n;
}

}  // namespace nncomp::jpeg
