// A binary decision whose probability a mixer makes of what several contexts have shown (docs/jpeg.md): what decide.hpp
// codes. Plain data, which any code may fill in.
#pragma once

#include <cstdint>

namespace nncomp::mix {

struct Decision {
  static constexpr int INPUTS = 16;  // a constant, and one of each cell
  static constexpr int CELLS = INPUTS - 1;  // at most
  static constexpr int SETS = 7;  // of weights

  uint32_t* cell[CELLS + 1];  // different ones; all can be read
  int count;  // of them that learn
  int16_t* row[SETS];  // INPUTS weights each
  int16_t* row2;  // 8 weights
  uint16_t* map;  // 33 cells
};

}  // namespace nncomp::mix
