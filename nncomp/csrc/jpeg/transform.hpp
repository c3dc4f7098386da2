// The inverse cosine transform of a block in integers, from coefficients to samples (docs/jpeg.md, section 3, point
// 4): not that of any decoder, but near enough to predict DC by, and the same on every machine.
#pragma once

#include <cstdint>

#include "jpeg/levels.hpp"

namespace nncomp::jpeg {

// Weights of a coefficient on a block's border: of all but the first one in its row or column, and of that, 256·√½.
inline constexpr int32_t BORDER = 256, BORDER_FIRST = 181;

// [u][x]: 2048·cos((2x + 1)·u·π/16), rounded; for u = 0 that times √½.
inline constexpr int32_t COSINE[8][8] = {
    {1448, 1448, 1448, 1448, 1448, 1448, 1448, 1448},     {2009, 1703, 1138, 400, -400, -1138, -1703, -2009},
    {1892, 784, -784, -1892, -1892, -784, 784, 1892},     {1703, -400, -2009, -1138, 1138, 2009, 400, -1703},
    {1448, -1448, -1448, 1448, 1448, -1448, -1448, 1448}, {1138, -2009, 400, 1703, -1703, -400, 2009, -1138},
    {784, -1892, 1892, -784, -784, 1892, -1892, 784},     {400, -1138, 1703, -2009, 2009, -1703, 1138, -400}};

// sample[row][column] in eighths, from coefficient(8·row + column), each of a magnitude of at most 2^14.
template <class Coefficient>
inline void samples(Coefficient coefficient, int32_t (*sample)[8]) {
  int32_t half[8][8];
  for (int v = 0; v < 8; ++v) {
    for (int x = 0; x < 8; ++x) {
      int32_t sum = 0;
      for (int u = 0; u < 8; ++u) sum += COSINE[u][x] * coefficient(8 * v + u);
      half[v][x] = clamp(sum >> 10, 1 << 17);
    }
  }
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      int32_t sum = 0;
      for (int v = 0; v < 8; ++v) sum += COSINE[v][y] * half[v][x];
      sample[y][x] = sum >> 11;
    }
  }
}

}  // namespace nncomp::jpeg
