// The integer square root. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {
namespace {

// floor(√s), s <= 2^63. A Newton step from above never goes below it. The start is at most 1.09 times too large, so
// after three steps only a rounding error is left, which the loop at the end removes.
inline uint32_t isqrt(uint64_t s) {
  if (s == 0) return 0;
  const int e = highest_bit(s) / 2;                               // 4^e <= s < 4^(e+1)
  uint64_t r = (s >> e) / 3 + ((uint64_t(3) << e) >> 2) + 1;     // the tangent at s = 2.25·4^e
  r = (r + s / r) >> 1;
  r = (r + s / r) >> 1;
  r = (r + s / r) >> 1;
  while (r * r > s) --r;
  return uint32_t(r);
}

}  // namespace
}  // namespace nncomp
