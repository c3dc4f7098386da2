// The root of a whole number. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {
namespace {

// floor(√s). Newton's step never goes below it, and from a start that is at most 1.09 times too large three
// steps leave at most a rounding, which the loop at the end takes off whatever it is.
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
