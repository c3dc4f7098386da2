// Products for AVX-512 with VNNI that skip zeros: of squared ReLUs, and of positions that have no weight.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "kernels/avx512/simd.hpp"
#include "kernels/kernel.hpp"
#include "kernels/products.hpp"

namespace nncomp {
namespace {

struct Avx512Products : DotProducts<Avx512> {
  static constexpr bool SPARSE = true;

  using Vec = Avx512::Vec;

  // See DotProducts. All groups are small, as `dot` never saturates.
  template <int G, int N>
  static void find_groups(const uint8_t (&weight)[G][N], int count, Groups& groups) {
    const __m512i step = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60);
    for (int p = 0; p < count; p += 64) {
      __m512i any = Avx512::load_bytes(weight[0] + p);
      UNROLL(16)
      for (int g = 1; g < G; ++g) any = _mm512_or_si512(any, Avx512::load_bytes(weight[g] + p));
      const __mmask16 some = _mm512_test_epi32_mask(any, any);
      const Vec at = _mm512_maskz_compress_epi32(some, Avx512::add(step, Avx512::splat(p)));
      Avx512::store(groups.small_at + groups.small, at);
      groups.small += int(_mm_popcnt_u32(some));
    }
  }

  // ---- squared ReLUs ----

  static constexpr int WORTH = 3;  // inputs that dense products take in the time of one by column
  static constexpr int FEW = 3;    // rows up to which reading weights takes the time, so that skipping some pays

  // A row's inputs that are not 0, and the offsets of their columns; zeros make the count a multiple of four.
  struct Inputs {
    int count = 0;
    uint8_t value[MAX_INPUTS + 16];
    int32_t column[MAX_INPUTS + 16];
  };

  static void find_inputs(const uint8_t* a, int n, Inputs& found) {
    const Vec step = _mm512_slli_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 6);
    const auto put = [&](__mmask16 some, Vec values, Vec columns) {
      const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_maskz_compress_epi32(some, values));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(found.value + found.count), bytes);
      Avx512::store(found.column + found.count, _mm512_maskz_compress_epi32(some, columns));
      found.count += int(_mm_popcnt_u32(some));
    };
    for (int k = 0; k < n; k += 16) {
      const Vec values = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + k)));
      put(_mm512_test_epi32_mask(values, values), values, Avx512::add(step, Avx512::splat(64 * k)));
    }
    put(0, step, step);
    found.count = (found.count + 3) & ~3;
  }

  // Adds the product of one row to its 64 outputs from n on.
  static void add_columns(const Matrix& w, const Inputs& inputs, int n, int32_t* out) {
    const int8_t* columns = w.columns + int64_t(n) * w.inputs;
    Vec sum[4];
    UNROLL(4)
    for (Vec& s : sum) s = Avx512::splat(0);
    for (int i = 0; i < inputs.count; i += 4) {
      const int32_t* at = inputs.column + i;
      const __m512i four = Avx512::repeat4(inputs.value + i);
      const __m512i a = Avx512::load_bytes(columns + at[0]), b = Avx512::load_bytes(columns + at[1]);
      const __m512i c = Avx512::load_bytes(columns + at[2]), d = Avx512::load_bytes(columns + at[3]);
      const __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
      const __m512i ab_high = _mm512_unpackhi_epi8(a, b), cd_high = _mm512_unpackhi_epi8(c, d);
      sum[0] = Avx512::dot(sum[0], four, _mm512_unpacklo_epi16(ab, cd));
      sum[1] = Avx512::dot(sum[1], four, _mm512_unpackhi_epi16(ab, cd));
      sum[2] = Avx512::dot(sum[2], four, _mm512_unpacklo_epi16(ab_high, cd_high));
      sum[3] = Avx512::dot(sum[3], four, _mm512_unpackhi_epi16(ab_high, cd_high));
    }
    // By column_place, lane 4·q + i of sum[j] is output 16·(j >> 1) + 2·(j & 1), plus 0, 8, 1 or 9 by i, plus 0, 4, 32
    // or 36 by q. `order` picks 16 consecutive outputs.
    const __m512i low = _mm512_setr_epi32(0, 2, 16, 18, 4, 6, 20, 22, 1, 3, 17, 19, 5, 7, 21, 23);
    UNROLL(4)
    for (int v = 0; v < 4; ++v) {
      const __m512i order = Avx512::add(low, Avx512::splat(8 * (v >> 1)));
      const Vec x = _mm512_permutex2var_epi32(sum[2 * (v & 1)], order, sum[2 * (v & 1) + 1]);
      add_bounded(Multiplier(Avx512::load(w.m + n + 16 * v)).rq(x), out + n + 16 * v);
    }
  }

  // out += clamp16(rq(W·a)) of squared ReLUs. Many rows, and a row with too few zeros, are multiplied densely, which
  // is then faster.
  static void accumulate_columns(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    if (rows > FEW) return accumulate<Avx512, DotProducts<Avx512>>(w, a, rows, out);
    Inputs inputs;
    for (int row = 0; row < rows; ++row, a += w.inputs, out += w.outputs) {
      inputs.count = 0;
      find_inputs(a, w.inputs, inputs);
      if (inputs.count <= w.inputs / WORTH) {
        for (int n = 0; n < w.outputs; n += 64) add_columns(w, inputs, n, out);
      } else {
        accumulate<Avx512, DotProducts<Avx512>>(w, a, 1, out);
      }
    }
  }
};

}  // namespace
}  // namespace nncomp
