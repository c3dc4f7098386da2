// Products for x86 without VNNI. `pmaddubsw` multiplies u8 by s8 and adds pairs of products, but its 16-bit sums
// saturate, and an activation v is signed. With s = −1 where v < 0, else 0, and ^ bitwise,
//
//   v·w = |v|·(w ^ s) + [v < 0]·|v|
//
// As |w ^ s| <= 128, sums fit 16 bits as long as Σ|v| <= 255. The last term is the same for all outputs.
// Squared ReLUs are u8, mostly 0, and else mostly small: those that are not 0 are multiplied by columns of the matrix.
#pragma once

#include <immintrin.h>

#include <cassert>
#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "kernels/kernel.hpp"
#include "kernels/products.hpp"
#include "kernels/x86/simd.hpp"

namespace nncomp {
namespace {

struct X86Products {
  static constexpr bool SPARSE = true;

  using Vec = X86::Vec;

  static Wide repeat4(const void* p) { return X86::repeat4(p).a; }
  static Wide add_words(Wide sum, Wide words) {  // adds pairs of 16-bit words to 32-bit sums
    return add_epi32(sum, madd_epi16(words, set1_epi16(1)));
  }

  // X86::dot where each pair of neighbouring bytes of a sums to at most MOST.
  static constexpr int MOST = 258;  // MOST·127 fits 16 bits
  static Vec dot_small(Vec sum, X86::Bytes a, X86::Bytes b) {
    return {add_words(sum.a, maddubs_epi16(a.a, b.a)), add_words(sum.b, maddubs_epi16(a.b, b.b))};
  }

  // See DotProducts.
  template <int G, int N>
  static void find_groups(const uint8_t (&weight)[G][N], int count, Groups& groups) {
    const auto not_zero = [](Wide v) {  // a bit for each of eight lanes
      const Wide zero = cmpeq_epi32(v, setzero());
      return ~movemask_ps(zero);
    };
    for (int p = 0; p < count; p += 32) {
      Wide any = setzero(), most = any;
      UNROLL(16)
      for (int g = 0; g < G; ++g) {
        const Wide w = loadu(weight[g] + p);
        any = or_si(any, w);
        most = max_epi16(most, maddubs_epi16(w, set1_epi8(1)));
      }
      if (is_zero(any)) continue;  // as for most positions
      const uint32_t large = not_zero(cmpgt_epi16(most, set1_epi16(MOST)));
      const uint32_t small = not_zero(any) & ~large;
      for (int i = 0; i < 8; ++i) {
        groups.small_at[groups.small] = groups.large_at[groups.large] = p + 4 * i;
        groups.small += small >> i & 1;
        groups.large += large >> i & 1;
      }
    }
  }

  // ---- scores: keys are u8, so neighbouring channels of a query may sum to at most 128 by magnitude ----

  static constexpr bool SPLIT = true;

  // A query of one head, as the sum q + rest. Where two neighbours exceed the limit, they are clamped to ±64 in q, and
  // what remains is in rest; elsewhere rest is 0.
  template <int h>
  struct Query {
    alignas(16) int8_t q[h];
    alignas(16) int8_t rest[h];

    uint32_t set(const int8_t* from) {
      uint32_t more = 0;
      for (int k = 0; k < h; k += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k));
        const __m128i sums = _mm_maddubs_epi16(_mm_abs_epi8(v), _mm_set1_epi8(1));
        const __m128i beyond = _mm_cmpgt_epi16(sums, _mm_set1_epi16(128));
        const __m128i bounded = _mm_min_epi8(_mm_max_epi8(v, _mm_set1_epi8(-64)), _mm_set1_epi8(64));
        const __m128i first = _mm_blendv_epi8(v, bounded, beyond), second = _mm_sub_epi8(v, first);
        _mm_store_si128(reinterpret_cast<__m128i*>(q + k), first);
        _mm_store_si128(reinterpret_cast<__m128i*>(rest + k), second);
        const __m128i none = _mm_cmpeq_epi32(second, _mm_setzero_si128());
        more |= uint32_t(_mm_movemask_ps(_mm_castsi128_ps(none)) ^ 15) << k / 4;
      }
      return more;
    }
  };
  static Vec score(Vec sum, X86::Bytes key, X86::Bytes four) {
    return {add_words(sum.a, maddubs_epi16(key.a, four.a)), add_words(sum.b, maddubs_epi16(key.b, four.b))};
  }
  template <int h>
  static Vec start(const Query<h>& query) {  // −128·Σ of the query, for the keys' + 128
    int32_t sum = 0;
    for (int k = 0; k < h; ++k) sum += query.q[k] + query.rest[k];
    return X86::splat(-128 * sum);
  }

  // ---- activations that are value + 128 ----

  static constexpr int LIMIT = 255;  // the largest Σ|v| of products that are added in 16 bits

  // Prepared rows: |v| and s of each input, and which groups of eight inputs have two pairs, four inputs apart, whose
  // magnitudes sum to more than LIMIT.
  struct Rows {
    alignas(64) uint8_t magnitude[MAX_INPUTS];
    alignas(64) uint8_t sign[MAX_INPUTS];
    uint8_t large[MAX_INPUTS / 8];
    int32_t start[MAX_INPUTS / 64];  // Σ|v| over v < 0
  };

  // Prepares a row of n activations, each stored + 128.
  static void prepare(const uint8_t* a, int n, uint8_t* magnitude, uint8_t* sign, uint8_t* large, int32_t& start) {
    const Wide zero = setzero();
    Wide negative = zero;
    for (int k = 0; k < n; k += 32) {
      const Wide v = xor_si(loadu(a + k), set1_epi8(128));
      const Wide u = abs_epi8(v), s = cmpgt_epi8(zero, v);
      negative = add_epi64(negative, sad_epu8(and_si(u, s), zero));
      storeu(magnitude + k, u);
      storeu(sign + k, s);
      const Wide pairs = maddubs_epi16(u, set1_epi8(1));  // of inputs 2i and 2i + 1
      const Wide fours = add_epi16(pairs, shuffle_epi32<0xB1>(pairs));
      const Wide beyond = cmpgt_epi16(fours, set1_epi16(LIMIT));
      const uint32_t mask = movemask_epi8(beyond);
      for (int i = 0; i < 4; ++i) large[k / 8 + i] = (mask >> 8 * i & 255) != 0;
    }
    start = int32_t(X86::sum64(negative));
  }

  // One prepared row × 8·WIDE_SUMS outputs from output n on.
  template <class Finish>
  static void tile(const Matrix& w, const uint8_t* magnitude, const uint8_t* sign, const uint8_t* large, int32_t start,
                   int row, int n, Finish finish) {
    Wide sum[WIDE_SUMS];
    UNROLL(8)
    for (int v = 0; v < WIDE_SUMS; ++v) sum[v] = set1_epi32(start);
    const int8_t* weight = w.weight + int64_t(n & ~63) * w.inputs + 4 * (n & 63);
    for (int k = 0; k < w.inputs; k += 8, weight += 512) {  // 256 bytes are four inputs of 64 outputs
      const Wide u0 = repeat4(magnitude + k), u1 = repeat4(magnitude + k + 4);
      const Wide s0 = repeat4(sign + k), s1 = repeat4(sign + k + 4);
      if (large[k / 8]) {
        UNROLL(8)
        for (int v = 0; v < WIDE_SUMS; ++v) {
          sum[v] = add_words(sum[v], products(u0, s0, weight + 32 * v));
          sum[v] = add_words(sum[v], products(u1, s1, weight + 256 + 32 * v));
        }
        continue;
      }
      UNROLL(8)
      for (int v = 0; v < WIDE_SUMS; ++v) {
        const Wide both = add_epi16(products(u0, s0, weight + 32 * v), products(u1, s1, weight + 256 + 32 * v));
        sum[v] = add_words(sum[v], both);
      }
    }
    Vec out[WIDE_SUMS / 2];
    UNROLL(4)
    for (int v = 0; v < WIDE_SUMS / 2; ++v) {
      out[v] = X86::Multiplier(X86::load(w.m + n + 16 * v)).rq(Vec{sum[2 * v], sum[2 * v + 1]});
    }
    finish(row, n, out);
  }
  static Wide products(Wide u, Wide s, const int8_t* weight) { return maddubs_epi16(u, xor_si(s, loadu(weight))); }

  // See DotProducts.
  template <class Finish>
  static void multiply(const Matrix& w, const uint8_t* a, int rows, Finish finish) {
    assert(w.outputs % 64 == 0 && w.inputs % 64 == 0 && w.inputs <= MAX_INPUTS);
    Rows ready;
    const int group = MAX_INPUTS / w.inputs;  // rows that are prepared at a time
    for (int first = 0; first < rows; first += group) {
      const int count = rows - first < group ? rows - first : group;
      for (int i = 0; i < count; ++i) {
        const int at = i * w.inputs;
        prepare(a + int64_t(first + i) * w.inputs, w.inputs, ready.magnitude + at, ready.sign + at,
                ready.large + at / 8, ready.start[i]);
      }
      for (int n = 0; n < w.outputs; n += 64) {
        for (int i = 0; i < count; ++i) {
          const int at = i * w.inputs;
          for (int part = 0; part < 64; part += 8 * WIDE_SUMS) {
            tile(w, ready.magnitude + at, ready.sign + at, ready.large + at / 8, ready.start[i], first + i, n + part,
                 finish);
          }
        }
      }
    }
  }

  // ---- squared ReLUs ----

  static constexpr int RUN_LIMIT = MOST;  // the largest sum of a run's values: its products are added in 16 bits

  // Up to eight inputs of a row that are not 0; the others have value 0.
  struct Run {
    uint8_t value[8];
    int32_t column[8];  // the offsets of their columns
  };

  // Divides a row's inputs that are not 0 into runs, at most `most`. Returns their number; −1 if there are more.
  static int find_runs(const uint8_t* a, int inputs, Run* runs, int most) {
    int count = 0, length = 8, sum = 0;
    for (int k = 0; k < inputs; k += 32) {
      const Wide zero = cmpeq_epi8(loadu(a + k), setzero());
      for (uint32_t mask = ~movemask_epi8(zero); mask != 0; mask &= mask - 1) {
        const int place = k + lowest_bit(mask);
        const int value = a[place];
        sum += value;
        if (length == 8 || sum > RUN_LIMIT) {
          if (count == most) return -1;
          Run& next = runs[count++];
          memset(&next, 0, sizeof next);
          length = 0;
          sum = value;
        }
        Run& run = runs[count - 1];
        run.value[length] = uint8_t(value);
        run.column[length++] = 64 * place;
      }
    }
    return count;
  }

  // Adds the product of one row to its HALVES × 32 outputs from n on.
  static constexpr int HALVES = WIDE_SUMS / 4;
  static void add_columns(const Matrix& w, const Run* run, int count, int n, int32_t* out) {
    const int8_t* columns = w.columns + int64_t(n & ~63) * w.inputs + (n & 63);
    Wide sum[4 * HALVES];
    UNROLL(8)
    for (int v = 0; v < 4 * HALVES; ++v) sum[v] = setzero();
    for (const Run* end = run + count; run != end; ++run) {
      Wide words[2 * HALVES];
      UNROLL(4)
      for (int v = 0; v < 2 * HALVES; ++v) words[v] = setzero();
      UNROLL(4)
      for (int i = 0; i < 8; i += 2) {
        int16_t two;
        memcpy(&two, run->value + i, 2);
        const Wide values = set1_epi16(two);
        UNROLL(2)
        for (int half = 0; half < HALVES; ++half) {
          const Wide x = loadu(columns + run->column[i] + 32 * half);
          const Wide y = loadu(columns + run->column[i + 1] + 32 * half);
          const Wide low = maddubs_epi16(values, unpacklo_epi8(x, y));
          const Wide high = maddubs_epi16(values, unpackhi_epi8(x, y));
          words[2 * half] = add_epi16(words[2 * half], low);
          words[2 * half + 1] = add_epi16(words[2 * half + 1], high);
        }
      }
      UNROLL(4)
      for (int v = 0; v < 2 * HALVES; ++v) {  // even words are 8 consecutive outputs, odd ones the next 8
        sum[2 * v] = add_epi32(sum[2 * v], madd_epi16(words[v], set1_epi32(1)));
        sum[2 * v + 1] = add_epi32(sum[2 * v + 1], srai_epi32<16>(words[v]));
      }
    }
    UNROLL(4)
    for (int v = 0; v < 2 * HALVES; ++v) {
      const Vec x = X86::Multiplier(X86::load(w.m + n + 16 * v)).rq(Vec{sum[2 * v], sum[2 * v + 1]});
      DotProducts<X86>::add_bounded(x, out + n + 16 * v);
    }
  }

  // out += clamp16(rq(W·a)) of squared ReLUs. A row with too few zeros, or too many large values, is multiplied
  // densely, which is then faster.
  static void accumulate_columns(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    constexpr int WORTH = 6;  // inputs that dense products take in the time of a run
    Run runs[MAX_INPUTS / WORTH];
    for (int row = 0; row < rows; ++row, a += w.inputs, out += w.outputs) {
      const int count = find_runs(a, w.inputs, runs, w.inputs / WORTH);
      if (count >= 0) {
        for (int n = 0; n < w.outputs; n += 32 * HALVES) add_columns(w, runs, count, n, out);
      } else {
        accumulate<X86, DotProducts<X86>>(w, a, 1, out);
      }
    }
  }
};

}  // namespace
}  // namespace nncomp
