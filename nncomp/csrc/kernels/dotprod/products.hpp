// Dot products of signed bytes by the instruction SDOT: see LongProducts in neon/simd.hpp.
#pragma once

#include <arm_neon.h>

#include "kernels/neon/simd.hpp"

namespace nncomp {
namespace {

struct SignedDotProducts {
  static int32x4_t add_signed(int32x4_t sum, int8x16_t a, int8x16_t b) { return vdotq_s32(sum, a, b); }
  template <int lane>
  static int32x4_t add_signed_lane(int32x4_t sum, int8x16_t a, int8x16_t b) {
    return vdotq_laneq_s32(sum, a, b, lane);
  }
  // With a as u8: a·b = (a − 128)·b + 128·b.
  static int32x4_t add_mixed(int32x4_t sum, uint8x16_t a, int8x16_t b) {
    const int32x4_t less = vdotq_s32(vdupq_n_s32(0), vdupq_n_s8(-128), b);
    return vsubq_s32(vdotq_s32(sum, as_signed(flip(a)), b), less);
  }
};

}  // namespace
}  // namespace nncomp
