// Vectors of ARM64, as four quarters. What each operation means is in portable/simd.hpp. `Dot` has the dot products of
// bytes, sixteen products added to four sums, which differ from kernel to kernel.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

inline uint8x16_t flip(uint8x16_t v) { return veorq_u8(v, vdupq_n_u8(128)); }
inline int8x16_t as_signed(uint8x16_t v) { return vreinterpretq_s8_u8(v); }

// Dot products without instructions for them. The sum of two products has to fit 16 bits: |a| and |b| are at most 128,
// and not both are 128.
struct LongProducts {
  // sum[i] += Σ of the four products a[4i + j]·b[4i + j]
  static int32x4_t add_signed(int32x4_t sum, int8x16_t a, int8x16_t b) {
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
  }
  // Likewise, with the four bytes number `lane` of b for each of the four sums.
  template <int lane>
  static int32x4_t add_signed_lane(int32x4_t sum, int8x16_t a, int8x16_t b) {
    return add_signed(sum, a, vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(b), lane)));
  }
  // Likewise, with a as u8: a·b = (a − 128)·b + 128·b.
  static int32x4_t add_mixed(int32x4_t sum, uint8x16_t a, int8x16_t b) {
    const int32x4_t less = add_signed(vdupq_n_s32(0), vdupq_n_s8(-128), b);
    return vsubq_s32(add_signed(sum, as_signed(flip(a)), b), less);
  }
};

template <class Dot = LongProducts>
struct Neon {
  static constexpr int MAX_ACCUMULATORS = 4;

  struct Vec {
    int32x4_t quarter[4];
  };
  struct Bytes {
    uint8x16_t quarter[4];
  };

  template <class F>
  ALWAYS_INLINE static Vec each(F f) {
    return {{f(0), f(1), f(2), f(3)}};
  }

  static Vec load(const int32_t* p) {
    return each([=](int i) { return vld1q_s32(p + 4 * i); });
  }
  static void store(int32_t* p, Vec v) {
    UNROLL(4)
    for (int i = 0; i < 4; ++i) vst1q_s32(p + 4 * i, v.quarter[i]);
  }
  static Vec splat(int32_t x) {
    return each([=](int) { return vdupq_n_s32(x); });
  }
  static Vec widen(const int8_t* p) {
    const int8x16_t v = vld1q_s8(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_high_s8(v);
    return {{vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)}};
  }
  static Vec add(const Vec& a, const Vec& b) {
    return each([&](int i) { return vaddq_s32(a.quarter[i], b.quarter[i]); });
  }
  static Vec sub(const Vec& a, const Vec& b) {
    return each([&](int i) { return vsubq_s32(a.quarter[i], b.quarter[i]); });
  }
  static Vec min(const Vec& a, const Vec& b) {
    return each([&](int i) { return vminq_s32(a.quarter[i], b.quarter[i]); });
  }
  static Vec max(const Vec& a, const Vec& b) {
    return each([&](int i) { return vmaxq_s32(a.quarter[i], b.quarter[i]); });
  }
  template <int n>
  static Vec shift_left(const Vec& v) {
    return each([&](int i) { return vshlq_n_s32(v.quarter[i], n); });
  }
  static int32_t highest(const Vec& v) {
    return vmaxvq_s32(vmaxq_s32(vmaxq_s32(v.quarter[0], v.quarter[1]), vmaxq_s32(v.quarter[2], v.quarter[3])));
  }

  // The instruction for a shift that rounds and narrows, vrshrn, is the rounding rule.
  struct Multiplier {
    Vec m;
    explicit Multiplier(const Vec& v) : m(v) {}
    Vec rq(const Vec& x) const {
      return each([&](int i) {
        const int64x2_t low = vmull_s32(vget_low_s32(x.quarter[i]), vget_low_s32(m.quarter[i]));
        const int64x2_t high = vmull_high_s32(x.quarter[i], m.quarter[i]);
        return vrshrn_high_n_s64(vrshrn_n_s64(low, 30), high, 30);
      });
    }
  };

  static Bytes load_bytes(const void* p) {
    const uint8_t* b = static_cast<const uint8_t*>(p);
    return {{vld1q_u8(b), vld1q_u8(b + 16), vld1q_u8(b + 32), vld1q_u8(b + 48)}};
  }
  static Bytes repeat4(const void* p) {
    uint32_t x;
    memcpy(&x, p, 4);
    const uint8x16_t v = vreinterpretq_u8_u32(vdupq_n_u32(x));
    return {{v, v, v, v}};
  }
  static Bytes splat_bytes(int x) {
    const uint8x16_t v = vdupq_n_u8(uint8_t(x));
    return {{v, v, v, v}};
  }
  static Vec dot(const Vec& sum, const Bytes& a, const Bytes& b) {
    return each([&](int i) { return Dot::add_mixed(sum.quarter[i], a.quarter[i], as_signed(b.quarter[i])); });
  }

  // Sixteen lanes as s8, by saturating twice.
  static int8x16_t clamp8(const Vec& v) {
    const int16x8_t low = vqmovn_high_s32(vqmovn_s32(v.quarter[0]), v.quarter[1]);
    const int16x8_t high = vqmovn_high_s32(vqmovn_s32(v.quarter[2]), v.quarter[3]);
    return vmaxq_s8(vqmovn_high_s16(vqmovn_s16(low), high), vdupq_n_s8(-127));
  }
  template <int V>
  static void store_clamp8(int8_t* p, const Vec (&v)[V]) {
    UNROLL(8)
    for (int i = 0; i < V; ++i) vst1q_s8(p + 16 * i, clamp8(v[i]));
  }
  template <int V>
  static void store_clamp8_plus128(uint8_t* p, const Vec (&v)[V]) {
    UNROLL(8)
    for (int i = 0; i < V; ++i) vst1q_u8(p + 16 * i, flip(vreinterpretq_u8_s8(clamp8(v[i]))));
  }
  static uint16x8_t squared_relu(int32x4_t a, int32x4_t b) {
    const uint16x8_t p = vminq_u16(vqmovun_high_s32(vqmovun_s32(a), b), vdupq_n_u16(4095));
    return vrshrn_high_n_u32(vrshrn_n_u32(vmull_u16(vget_low_u16(p), vget_low_u16(p)), 16), vmull_high_u16(p, p), 16);
  }
  template <int V>
  static void store_squared_relu(uint8_t* p, const Vec (&v)[V]) {
    UNROLL(4)
    for (int i = 0; i < V; ++i) {
      const uint16x8_t low = squared_relu(v[i].quarter[0], v[i].quarter[1]);
      const uint16x8_t high = squared_relu(v[i].quarter[2], v[i].quarter[3]);
      vst1q_u8(p + 16 * i, vqmovn_high_u16(vqmovn_u16(low), high));
    }
  }

  static uint64_t sum_squares(const int32_t* x, int n) {
    int64x2_t a = vdupq_n_s64(0), b = a;
    for (int i = 0; i < n; i += 4) {
      const int32x4_t v = vld1q_s32(x + i);
      a = vmlal_s32(a, vget_low_s32(v), vget_low_s32(v));
      b = vmlal_high_s32(b, v, v);
    }
    return uint64_t(vaddvq_s64(vaddq_s64(a, b)));
  }

  // ROOT − 256, which fits a byte, as 257 <= ROOT <= 510.
  static uint8x16x4_t root_bytes() {
    uint8_t byte[64];
    for (int i = 0; i < 64; ++i) byte[i] = uint8_t(ROOT[i] - 256);
    return {{vld1q_u8(byte), vld1q_u8(byte + 16), vld1q_u8(byte + 32), vld1q_u8(byte + 48)}};
  }

  static uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
    const uint8x16x4_t table = root_bytes();
    const auto distances = [&](const int32_t* p) {  // 8
      const int32x4_t from = vdupq_n_s32(top);
      return vqmovun_high_s32(vqmovun_s32(vsubq_s32(from, vld1q_s32(p))), vsubq_s32(from, vld1q_s32(p + 4)));
    };
    const auto weigh = [](uint16x8_t root, uint16x8_t d) {  // a shift by 16 or more gives 0
      const int16x8_t right = vnegq_s16(vreinterpretq_s16_u16(vminq_u16(vshrq_n_u16(d, 6), vdupq_n_u16(16))));
      return vrshrq_n_u16(vshlq_u16(vorrq_u16(root, vdupq_n_u16(256)), right), 1);
    };
    uint32x4_t sum = vdupq_n_u32(0);
    for (int i = 0; i < n; i += 32) {
      const uint16x8_t d[4] = {distances(z + i), distances(z + i + 8), distances(z + i + 16), distances(z + i + 24)};
      const uint16x8_t nearest = vminq_u16(vminq_u16(d[0], d[1]), vminq_u16(d[2], d[3]));
      if (vminvq_u16(nearest) >= EXP_SIZE) {  // weights are 0 from there on, as most are
        vst1q_u8(u + i, vdupq_n_u8(0));
        vst1q_u8(u + i + 16, vdupq_n_u8(0));
        continue;
      }
      UNROLL(2)
      for (int half = 0; half < 2; ++half) {
        const uint16x8_t a = d[2 * half], b = d[2 * half + 1];
        const uint8x16_t index = vandq_u8(vmovn_high_u16(vmovn_u16(a), b), vdupq_n_u8(63));
        const uint8x16_t root = vqtbl4q_u8(table, index);
        const uint8x16_t w =
            vmovn_high_u16(vmovn_u16(weigh(vmovl_u8(vget_low_u8(root)), a)), weigh(vmovl_high_u8(root), b));
        vst1q_u8(u + i + 16 * half, w);
        sum = vpadalq_u16(sum, vpaddlq_u8(w));
      }
    }
    return vaddvq_u32(sum);
  }

  static uint64_t pow_frequencies(const int32_t* z, int32_t top, uint32_t* frequency) {
    uint64x2_t sum = vdupq_n_u64(0);
    UNROLL(4)
    for (int i = 0; i < 16; i += 4) {
      const uint32x4_t d = vreinterpretq_u32_s32(vsubq_s32(vdupq_n_s32(top), vld1q_s32(z + i)));  // unsigned
      uint32x4_t root = vld1q_dup_u32(POW + (vgetq_lane_u32(d, 0) & 255));
      root = vld1q_lane_u32(POW + (vgetq_lane_u32(d, 1) & 255), root, 1);
      root = vld1q_lane_u32(POW + (vgetq_lane_u32(d, 2) & 255), root, 2);
      root = vld1q_lane_u32(POW + (vgetq_lane_u32(d, 3) & 255), root, 3);
      const int32x4_t octaves = vreinterpretq_s32_u32(vminq_u32(vshrq_n_u32(d, 8), vdupq_n_u32(32)));
      const uint32x4_t w = vmaxq_u32(vshlq_u32(root, vnegq_s32(octaves)), vdupq_n_u32(1));
      vst1q_u32(frequency + i, w);
      sum = vpadalq_u32(sum, w);
    }
    return vaddvq_u64(sum);
  }
};

}  // namespace
}  // namespace nncomp
