// The vector operations of the adaptive stage (see stage/vectors.hpp) for every ARM64 kernel. What each function means
// is in portable/simd_mix.hpp and x86/simd_mix.hpp. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {
namespace {

// Without branches, which would be mispredicted.
inline uint32_t find_slot(const uint8_t* bucket, uint8_t check) {
  uint32_t at = bucket[48] == check ? 48 : 64;
  at = bucket[32] == check ? 32 : at;
  at = bucket[16] == check ? 16 : at;
  return bucket[0] == check ? 0 : at;
}

template <int inputs>
struct Inputs {
  int16x8_t v[inputs / 8];
};
struct Sums {
  int16x8_t v;
};

template <int inputs, class Value>
inline Inputs<inputs> gather(const uint64_t* first, int count, Value value) {
  Inputs<inputs> x;
  x.v[0] = vreinterpretq_s16_u64(vld1q_u64(first));
  UNROLL(8)
  for (int i = 1; i < inputs / 8; ++i) {
    const int from = 8 * i - 8;
    x.v[i] = vdupq_n_s16(0);
    if (count <= from) continue;
    x.v[i] = vsetq_lane_s16(value(from), x.v[i], 0);
    x.v[i] = vsetq_lane_s16(value(from + 1), x.v[i], 1);
    x.v[i] = vsetq_lane_s16(value(from + 2), x.v[i], 2);
    x.v[i] = vsetq_lane_s16(value(from + 3), x.v[i], 3);
    x.v[i] = vsetq_lane_s16(value(from + 4), x.v[i], 4);
    x.v[i] = vsetq_lane_s16(value(from + 5), x.v[i], 5);
    x.v[i] = vsetq_lane_s16(value(from + 6), x.v[i], 6);
    x.v[i] = vsetq_lane_s16(value(from + 7), x.v[i], 7);
  }
  return x;
}

inline int32x4_t products(int16x8_t x, int16x8_t w) {
  return vmlal_high_s16(vmull_s16(vget_low_s16(x), vget_low_s16(w)), x, w);
}

template <int sets, int inputs>
inline Sums dot_rows(const Inputs<inputs>& x, int16_t* const* row, int shift, int16_t last, int32_t* sum) {
  int32x4_t product[8];
  UNROLL(8)
  for (int i = 0; i < 8; ++i) {
    product[i] = vdupq_n_s32(0);
    if (i >= sets) continue;
    product[i] = products(x.v[0], vld1q_s16(row[i]));
    UNROLL(8)
    for (int j = 1; j < inputs / 8; ++j) {
      const int16x8_t w = vld1q_s16(row[i] + 8 * j);
      product[i] = vmlal_s16(product[i], vget_low_s16(x.v[j]), vget_low_s16(w));
      product[i] = vmlal_high_s16(product[i], x.v[j], w);
    }
  }
  const auto four = [&](const int32x4_t* p) {
    const int32x4_t all = vpaddq_s32(vpaddq_s32(p[0], p[1]), vpaddq_s32(p[2], p[3]));
    return vmaxq_s32(vminq_s32(vshlq_s32(all, vdupq_n_s32(-shift)), vdupq_n_s32(2047)), vdupq_n_s32(-2047));
  };
  const int32x4_t a = four(product), b = sets > 4 ? four(product + 4) : vdupq_n_s32(0);
  vst1q_s32(sum, a);
  vst1q_s32(sum + 4, b);
  return {vsetq_lane_s16(last, vmovn_high_s32(vmovn_s32(a), b), 7)};
}

inline void dot_both(Sums y, int16_t* const* row, int32_t* sum) {
  const int32x4_t pairs = vpaddq_s32(products(y.v, vld1q_s16(row[0])), products(y.v, vld1q_s16(row[1])));
  vst1_s32(sum, vget_low_s32(vpaddq_s32(pairs, pairs)));
}

// Each weight moves by (x·e + 2^14) >> 15, saturated to 16 bits.
inline void learn_eight(int16x8_t x, int16_t* w, int16_t e) {
  vst1q_s16(w, vqaddq_s16(vld1q_s16(w), vqrdmulhq_n_s16(x, e)));
}
template <int inputs>
inline void learn(const Inputs<inputs>& x, int16_t* w, int32_t e) {
  UNROLL(8)
  for (int j = 0; j < inputs / 8; ++j) learn_eight(x.v[j], w + 8 * j, int16_t(e));
}
inline void learn(Sums y, int16_t* w, int32_t e) { learn_eight(y.v, w, int16_t(e)); }

inline int32_t dot_both(const int16_t* x, int16_t* const* row, int n) {
  int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
  for (int i = 0; i < n; i += 8) {
    const int16x8_t v = vld1q_s16(x + i);
    for (int j = 0; j < 2; ++j) {
      const int16x8_t w = vld1q_s16(row[j] + i);
      sum[j] = vmlal_high_s16(vmlal_s16(sum[j], vget_low_s16(v), vget_low_s16(w)), v, w);
    }
  }
  return vaddvq_s32(vaddq_s32(sum[0], sum[1]));
}
inline void learn(const int16_t* x, int16_t* w, int n, int32_t e) {
  for (int i = 0; i < n; i += 8) learn_eight(vld1q_s16(x + i), w + i, int16_t(e));
}

inline void learn_cells(const uint16_t* reciprocal, uint32_t* const* cell, int count, int32_t target) {
  for (int first = 0; first < count; first += 4) {
    uint32_t* const* c = cell + first;
    uint32x4_t v = vld1q_dup_u32(c[0]);
    v = vld1q_lane_u32(c[1], v, 1);
    v = vld1q_lane_u32(c[2], v, 2);
    v = vld1q_lane_u32(c[3], v, 3);
    const uint32x4_t n = vandq_u32(v, vdupq_n_u32(1023));
    uint16x4_t r = vld1_dup_u16(reciprocal + vgetq_lane_u32(n, 0));
    r = vld1_lane_u16(reciprocal + vgetq_lane_u32(n, 1), r, 1);
    r = vld1_lane_u16(reciprocal + vgetq_lane_u32(n, 2), r, 2);
    r = vld1_lane_u16(reciprocal + vgetq_lane_u32(n, 3), r, 3);
    const int32x4_t p = vreinterpretq_s32_u32(vshrq_n_u32(v, 10));
    const int32x4_t error = vshrq_n_s32(vsubq_s32(vdupq_n_s32(target), p), 7);
    const int32x4_t next = vsraq_n_s32(p, vmulq_s32(error, vreinterpretq_s32_u32(vmovl_u16(r))), 8);
    const uint32x4_t count1 = vminq_u32(vaddq_u32(n, vdupq_n_u32(1)), vdupq_n_u32(255));
    const uint32x4_t moved = vsliq_n_u32(count1, vreinterpretq_u32_s32(next), 10);
    vst1q_lane_u32(c[0], moved, 0);
    if (count - first > 1) vst1q_lane_u32(c[1], moved, 1);
    if (count - first > 2) vst1q_lane_u32(c[2], moved, 2);
    if (count - first > 3) vst1q_lane_u32(c[3], moved, 3);
  }
}

}  // namespace
}  // namespace nncomp
