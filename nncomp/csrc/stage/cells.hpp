// Adaptive probabilities, alone and in maps (docs/numerics.md, section 13). Everything is in unnamed namespaces: see
// kernels/body.hpp.
#pragma once

#include <cstdint>

namespace nncomp::mix {
namespace {

constexpr int32_t ONE = (1 << 22) - 1;  // the largest probability, in units of 2^−22

// A cell has a probability of 22 bits above a count of 10. It moves by 1/(count + 1.5), count at most 255.
inline uint32_t adapted(const uint16_t* reciprocal, uint32_t cell, int32_t target) {
  const uint32_t n = cell & 1023;
  const int32_t p = int32_t(cell >> 10);
  const int32_t moved = p + ((((target - p) >> 7) * int32_t(reciprocal[n])) >> 8);
  return uint32_t(moved) << 10 | (n < 255 ? n + 1 : 255);
}

// How often something was seen before, which is counted up to a limit.
inline uint32_t count(uint16_t& seen, uint32_t most) {
  const uint32_t n = seen;
  seen = uint16_t(n < most ? n + 1 : n);
  return n;
}

inline int32_t clamp_stretch(int32_t x) { return x < -2047 ? -2047 : x > 2047 ? 2047 : x; }

// Between two cells of a map, which hold 16 bits; the nearer one learns.
struct Between {
  uint32_t cell, part;  // 0 … 31, 0 … 127

  uint32_t nearer() const { return part >> 6; }  // 0 or 1 behind `cell`
};
inline Between between(int32_t x) { return {uint32_t(x + 2048) >> 7, uint32_t(x + 2048) & 127}; }
inline uint32_t interpolate(const uint16_t* cell, uint32_t part) {  // 22 bits
  return (cell[0] * (128 - part) + cell[1] * part) >> 1;
}
inline uint16_t drawn(uint32_t cell, uint32_t bit) {  // by a 64th, rounded towards the bit
  return uint16_t(bit ? cell + ((65535 - cell + 63) >> 6) : cell - ((cell + 63) >> 6));
}

}  // namespace
}  // namespace nncomp::mix
