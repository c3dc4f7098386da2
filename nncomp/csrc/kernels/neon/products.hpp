// Products for ARM64, whose instructions multiply s8 by s8: so activations and keys, which are stored as value + 128,
// become values again. Squared ReLUs are mostly 0: those that are not 0 are multiplied by columns of the matrix.
#pragma once

#include <arm_neon.h>

#include <cassert>
#include <cstdint>

#include "compiler.hpp"
#include "kernels/kernel.hpp"
#include "kernels/neon/simd.hpp"
#include "kernels/products.hpp"

namespace nncomp {
namespace {

template <class Dot>
struct NeonProducts : DotProducts<Neon<Dot>> {  // with its queries
  static constexpr bool SPARSE = true;

  using Simd = Neon<Dot>;
  using Vec = typename Simd::Vec;
  using Bytes = typename Simd::Bytes;

  // Simd::dot where no byte of a is above 127.
  static Vec dot_small(const Vec& sum, const Bytes& a, const Bytes& b) {
    return Simd::each(
        [&](int i) { return Dot::add_signed(sum.quarter[i], as_signed(a.quarter[i]), as_signed(b.quarter[i])); });
  }

  // ---- scores ----

  static Vec score(const Vec& sum, const Bytes& key, const Bytes& four) {
    return Simd::each([&](int i) {
      return Dot::add_signed(sum.quarter[i], as_signed(flip(key.quarter[i])), as_signed(four.quarter[i]));
    });
  }
  static Vec start(const auto&) { return Simd::splat(0); }

  // ---- activations that are value + 128 ----

  // R rows × 16·V outputs from output n on: see DotProducts.
  template <int R, int V, class Finish>
  static void tile(const Matrix& w, const uint8_t* a, int row, int n, Finish finish) {
    Vec sum[R][V];
    UNROLL(4)
    for (int r = 0; r < R; ++r) {
      UNROLL(4)
      for (int v = 0; v < V; ++v) sum[r][v] = Simd::splat(0);
    }
    const int8_t* weight = w.weight + int64_t(n & ~63) * w.inputs + 4 * (n & 63);
    a += int64_t(row) * w.inputs;
    for (int k = 0; k < w.inputs; k += 16) {
      int8x16_t x[R];
      UNROLL(4)
      for (int r = 0; r < R; ++r) x[r] = as_signed(flip(vld1q_u8(a + r * w.inputs + k)));
      const auto add_four = [&]<int lane>() {
        const int8_t* p = weight + 64 * (k + 4 * lane);
        UNROLL(4)
        for (int v = 0; v < V; ++v) {
          UNROLL(4)
          for (int i = 0; i < 4; ++i) {
            const int8x16_t b = vld1q_s8(p + 64 * v + 16 * i);
            UNROLL(4)
            for (int r = 0; r < R; ++r) {
              sum[r][v].quarter[i] = Dot::template add_signed_lane<lane>(sum[r][v].quarter[i], b, x[r]);
            }
          }
        }
      };
      add_four.template operator()<0>();
      add_four.template operator()<1>();
      add_four.template operator()<2>();
      add_four.template operator()<3>();
    }
    UNROLL(4)
    for (int v = 0; v < V; ++v) {
      const typename Simd::Multiplier m(Simd::load(w.m + n + 16 * v));
      UNROLL(4)
      for (int r = 0; r < R; ++r) sum[r][v] = m.rq(sum[r][v]);
    }
    UNROLL(4)
    for (int r = 0; r < R; ++r) finish(row + r, n, sum[r]);
  }

  // See DotProducts.
  template <class Finish>
  static void multiply(const Matrix& w, const uint8_t* a, int rows, Finish finish) {
    assert(w.outputs % 64 == 0 && w.inputs % 64 == 0);
    for (int n = 0; n < w.outputs; n += 64) {
      int row = 0;
      for (; row + 4 <= rows; row += 4) {
        for (int v = 0; v < 64; v += 16) tile<4, 1>(w, a, row, n + v, finish);
      }
      if (rows - row >= 2) {
        for (int v = 0; v < 64; v += 32) tile<2, 2>(w, a, row, n + v, finish);
        row += 2;
      }
      if (rows - row == 1) tile<1, 4>(w, a, row, n, finish);
    }
  }

  // ---- squared ReLUs ----

  static constexpr int WORTH = 2;  // inputs that dense products take in the time of a part by column

  // A row's inputs that are not 0, and the offsets of their columns. A value above 127 is in several parts, as
  // products take signed bytes. Zeros make the count a multiple of four.
  struct Parts {
    static constexpr int ROOM = 16 * 3;  // the parts of sixteen inputs of 255, after which the count is checked
    int count = 0;
    int8_t value[MAX_INPUTS / WORTH + ROOM];
    int32_t column[MAX_INPUTS / WORTH + ROOM];

    void add(int v, int32_t place) {
      value[count] = int8_t(v);
      column[count++] = place;
    }
  };

  // Returns false if there are so many parts that dense products are faster.
  static bool find_parts(const uint8_t* a, int inputs, Parts& parts) {
    for (int k = 0; k < inputs; k += 16) {
      const uint8x16_t any = vtstq_u8(vld1q_u8(a + k), vdupq_n_u8(255));
      // Four bits for each byte, of which the lowest is kept.
      uint64_t mask = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(any), 4)), 0);
      for (mask &= 0x1111111111111111; mask != 0; mask &= mask - 1) {
        const int place = k + lowest_bit(mask) / 4;
        int value = a[place];
        for (; value > 127; value -= 127) parts.add(127, 64 * place);
        parts.add(value, 64 * place);
      }
      if (parts.count > inputs / WORTH) return false;
    }
    while (parts.count % 4 != 0) parts.add(0, 0);
    return true;
  }

  // Adds the product of one row to its 64 outputs from n on.
  static void add_columns(const Matrix& w, const Parts& parts, int n, int32_t* out) {
    const int8_t* columns = w.columns + int64_t(n) * w.inputs;
    int32x4_t sum[4][4];
    UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      UNROLL(4)
      for (int i = 0; i < 4; ++i) sum[j][i] = vdupq_n_s32(0);
    }
    for (int p = 0; p < parts.count; p += 4) {
      const int8x16_t values = as_signed(Simd::repeat4(parts.value + p).quarter[0]);
      const int32_t* from = parts.column + p;
      UNROLL(4)
      for (int j = 0; j < 4; ++j) {
        const auto column = [&](int i) { return vld1q_s8(columns + from[i] + 16 * j); };
        const int8x16x2_t even = vzipq_s8(column(0), column(2)), odd = vzipq_s8(column(1), column(3));
        const int8x16x2_t low = vzipq_s8(even.val[0], odd.val[0]), high = vzipq_s8(even.val[1], odd.val[1]);
        sum[j][0] = Dot::add_signed(sum[j][0], low.val[0], values);
        sum[j][1] = Dot::add_signed(sum[j][1], low.val[1], values);
        sum[j][2] = Dot::add_signed(sum[j][2], high.val[0], values);
        sum[j][3] = Dot::add_signed(sum[j][3], high.val[1], values);
      }
    }
    // By column_place, the 16 sums of sum[j] are outputs 4·(j & 1) + 32·(j >> 1) plus 0 8 1 9, 2 10 3 11, 16 24 17 25,
    // 18 26 19 27.
    UNROLL(2)
    for (int half = 0; half < 2; ++half) {
      UNROLL(2)
      for (int i = 0; i < 2; ++i) {
        const int32x4x2_t first = vuzpq_s32(sum[2 * half][2 * i], sum[2 * half][2 * i + 1]);
        const int32x4x2_t second = vuzpq_s32(sum[2 * half + 1][2 * i], sum[2 * half + 1][2 * i + 1]);
        const int at = n + 32 * half + 16 * i;
        add_requantised(w, at, {{first.val[0], second.val[0], first.val[1], second.val[1]}}, out);
      }
    }
  }

  // out += clamp16(rq(sum)) for 16 outputs from n on.
  static void add_requantised(const Matrix& w, int n, const Vec& sum, int32_t* out) {
    DotProducts<Simd>::add_bounded(typename Simd::Multiplier(Simd::load(w.m + n)).rq(sum), out + n);
  }

  // out += clamp16(rq(W·a)) of squared ReLUs. A row with too few zeros is multiplied densely, which is then faster.
  static void accumulate_columns(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    for (int row = 0; row < rows; ++row, a += w.inputs, out += w.outputs) {
      Parts parts;
      if (find_parts(a, w.inputs, parts)) {
        for (int n = 0; n < w.outputs; n += 64) add_columns(w, parts, n, out);
      } else {
        accumulate<Simd, DotProducts<Simd>>(w, a, 1, out);
      }
    }
  }
};

}  // namespace
}  // namespace nncomp
