// Vectors of AVX2, as two halves. What each operation means is in portable/simd.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "network/tables.hpp"

namespace nncomp {
namespace {

struct Avx2 {
  static constexpr int MAX_ACCUMULATORS = 4;

  struct Vec {
    __m256i a, b;  // lanes 0 … 7 and 8 … 15
  };
  struct Bytes {
    __m256i a, b;
  };

  static __m256i load8(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store8(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }

  static Vec load(const int32_t* p) { return {load8(p), load8(p + 8)}; }
  static void store(int32_t* p, Vec v) {
    store8(p, v.a);
    store8(p + 8, v.b);
  }
  static Vec splat(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static Vec widen(const int8_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_srli_si128(v, 8))};
  }
  static Vec add(Vec x, Vec y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
  static Vec sub(Vec x, Vec y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
  static Vec min(Vec x, Vec y) { return {_mm256_min_epi32(x.a, y.a), _mm256_min_epi32(x.b, y.b)}; }
  static Vec max(Vec x, Vec y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
  template <int n>
  static Vec shift_left(Vec v) {
    return {_mm256_slli_epi32(v.a, n), _mm256_slli_epi32(v.b, n)};
  }
  static int32_t highest(Vec v) {
    const __m256i m = _mm256_max_epi32(v.a, v.b);
    __m128i x = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0x4E));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0xB1));
    return _mm_cvtsi128_si32(x);
  }
  static uint64_t sum64(__m256i v) {  // of four uint64
    const __m128i x = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    uint64_t part[2];
    memcpy(part, &x, sizeof part);
    return part[0] + part[1];
  }

  // Even and odd lanes apart, since products have 64 bits. Results fit int32, so a logical shift will do, and
  // odd lanes are shifted left to where they belong.
  struct Multiplier {
    Vec even, odd;
    explicit Multiplier(Vec m) : even(m), odd{_mm256_srli_epi64(m.a, 32), _mm256_srli_epi64(m.b, 32)} {}
    Vec rq(Vec x) const { return {rq8(x.a, even.a, odd.a), rq8(x.b, even.b, odd.b)}; }

   private:
    static __m256i rq8(__m256i x, __m256i even, __m256i odd) {
      const __m256i half = _mm256_set1_epi64x(1 << 29);
      const __m256i a = _mm256_add_epi64(_mm256_mul_epi32(x, even), half);
      const __m256i b = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), odd), half);
      return _mm256_blend_epi32(_mm256_srli_epi64(a, 30), _mm256_slli_epi64(b, 2), 0xAA);
    }
  };

  // Sixteen lanes as bytes, by saturating twice; packing works within 128-bit halves.
  static __m128i narrow(__m256i words) {  // 16 × 16 bit, of 0 … 255 after saturation, in packed order
    const __m256i w = _mm256_permute4x64_epi64(words, 0xD8);
    return _mm_packus_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
  }
  static __m128i clamp8_plus128(Vec v) {
    const __m256i low = _mm256_set1_epi16(-127);
    const __m256i high = _mm256_set1_epi16(127);
    const __m256i w = _mm256_min_epi16(_mm256_max_epi16(_mm256_packs_epi32(v.a, v.b), low), high);
    return narrow(_mm256_add_epi16(w, _mm256_set1_epi16(128)));
  }
  template <int V>
  static void store_clamp8_plus128(uint8_t* p, const Vec (&v)[V]) {
    for (int i = 0; i < V; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + i, clamp8_plus128(v[i]));
    }
  }
  template <int V>
  static void store_clamp8(int8_t* p, const Vec (&v)[V]) {
    for (int i = 0; i < V; ++i) {
      const __m128i c = _mm_xor_si128(clamp8_plus128(v[i]), _mm_set1_epi8(char(128)));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + i, c);
    }
  }
  // In 16 bits: (p² + 2^15) >> 16 = ((p·2p >> 16) + 1) >> 1, and packing takes the minimum with 255.
  template <int V>
  static void store_squared_relu(uint8_t* p, const Vec (&v)[V]) {
    for (int i = 0; i < V; ++i) {
      const __m256i w = _mm256_packus_epi32(v[i].a, v[i].b);
      const __m256i c = _mm256_min_epu16(w, _mm256_set1_epi16(4095));
      const __m256i s = _mm256_mulhi_epu16(c, _mm256_add_epi16(c, c));
      const __m256i half = _mm256_avg_epu16(s, _mm256_setzero_si256());
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + i, narrow(half));
    }
  }

  static Bytes load_bytes(const void* p) { return {load8(p), load8(static_cast<const uint8_t*>(p) + 32)}; }
  static Bytes repeat4(const void* p) {
    int32_t x;
    memcpy(&x, p, 4);
    return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
  }
  static Bytes splat_bytes(int x) { return {_mm256_set1_epi8(char(x)), _mm256_set1_epi8(char(x))}; }

  // In 16 bits, even and odd bytes apart: `maddubs` would be shorter, but it saturates.
  static __m256i dot8(__m256i sum, __m256i a, __m256i b) {
    const __m256i a_even = _mm256_and_si256(a, _mm256_set1_epi16(255));
    const __m256i a_odd = _mm256_srli_epi16(a, 8);
    const __m256i b_even = _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8);
    const __m256i b_odd = _mm256_srai_epi16(b, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a_even, b_even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a_odd, b_odd));
  }
  static Vec dot(Vec sum, Bytes a, Bytes b) { return {dot8(sum.a, a.a, b.a), dot8(sum.b, a.b, b.b)}; }

  static uint64_t sum_squares(const int32_t* x, int n) {
    __m256i sum = _mm256_setzero_si256();
    for (int i = 0; i < n; i += 8) {
      const __m256i v = load8(x + i);
      const __m256i w = _mm256_srli_epi64(v, 32);
      sum = _mm256_add_epi64(sum, _mm256_add_epi64(_mm256_mul_epi32(v, v), _mm256_mul_epi32(w, w)));
    }
    return sum64(sum);
  }

  // ROOT[i] − 256, i = 16·row … 16·row + 15, in both halves: 257 <= ROOT <= 510.
  static __m256i root_bytes(int row) {
    alignas(16) uint8_t byte[16];
    for (int i = 0; i < 16; ++i) byte[i] = uint8_t(ROOT[16 * row + i] - 256);
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(byte)));
  }

  // root >> (d >> 6) in 16 bits, rounded after another halving. There is no shift by lane, so it is a product
  // with 2^(15 − n), n = d >> 6, of which each byte is looked up; entries beyond either end are zero.
  static __m256i exp_words(__m256i root, __m256i d) {
    const __m256i powers = _mm256_set1_epi64x(0x0102040810204080);  // byte i of 16: 2^(7 − i), then zeros
    const __m256i table = _mm256_unpacklo_epi64(powers, _mm256_setzero_si256());
    const __m256i n = _mm256_min_epu16(_mm256_srli_epi16(d, 6), _mm256_set1_epi16(15));
    const __m256i both = _mm256_or_si256(n, _mm256_slli_epi16(n, 8));
    const __m256i index = _mm256_sub_epi8(both, _mm256_set1_epi16(8));  // low byte: n − 8
    const __m256i power = _mm256_shuffle_epi8(table, index);
    const __m256i w = _mm256_mulhi_epu16(_mm256_slli_epi16(root, 1), power);
    return _mm256_avg_epu16(w, _mm256_setzero_si256());
  }

  static uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
    const __m256i table[4] = {root_bytes(0), root_bytes(1), root_bytes(2), root_bytes(3)};
    const __m256i top8 = _mm256_set1_epi32(top);
    const __m256i low6 = _mm256_set1_epi16(63);
    const __m256i one = _mm256_set1_epi8(1);
    const auto distances = [&](const int32_t* p) {  // 16 in 16 bits, in packed order
      return _mm256_packus_epi32(_mm256_sub_epi32(top8, load8(p)), _mm256_sub_epi32(top8, load8(p + 8)));
    };
    __m256i sum = _mm256_setzero_si256();
    for (int i = 0; i < n; i += 32) {
      const __m256i a = distances(z + i);
      const __m256i b = distances(z + i + 16);
      const __m256i end = _mm256_set1_epi16(640);  // weights are 0 from there on, as most are
      const __m256i before = _mm256_or_si256(_mm256_subs_epu16(end, a), _mm256_subs_epu16(end, b));
      if (_mm256_testz_si256(before, before)) {
        store8(u + i, before);
        continue;
      }
      const __m256i index = _mm256_packus_epi16(_mm256_and_si256(a, low6), _mm256_and_si256(b, low6));
      const __m256i bit4 = _mm256_slli_epi16(index, 3);  // to the top of each byte, where blends look
      const __m256i bit5 = _mm256_slli_epi16(index, 2);
      const __m256i low =
          _mm256_blendv_epi8(_mm256_shuffle_epi8(table[0], index), _mm256_shuffle_epi8(table[1], index), bit4);
      const __m256i high =
          _mm256_blendv_epi8(_mm256_shuffle_epi8(table[2], index), _mm256_shuffle_epi8(table[3], index), bit4);
      const __m256i root = _mm256_blendv_epi8(low, high, bit5);
      const __m256i w = _mm256_packus_epi16(exp_words(_mm256_unpacklo_epi8(root, one), a),
                                            exp_words(_mm256_unpackhi_epi8(root, one), b));
      sum = _mm256_add_epi64(sum, _mm256_sad_epu8(w, _mm256_setzero_si256()));
      store8(u + i, _mm256_permutevar8x32_epi32(w, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    }
    return uint32_t(sum64(sum));
  }

  static uint64_t pow_frequencies(const int32_t* z, int32_t top, uint32_t* frequency) {
    __m256i sum = _mm256_setzero_si256();
    for (int i = 0; i < 16; i += 8) {
      const __m256i d = _mm256_sub_epi32(_mm256_set1_epi32(top), load8(z + i));  // unsigned
      const __m256i index = _mm256_and_si256(d, _mm256_set1_epi32(255));
      const __m256i root = _mm256_i32gather_epi32(reinterpret_cast<const int*>(POW), index, 4);
      __m256i w = _mm256_srlv_epi32(root, _mm256_srli_epi32(d, 8));
      w = _mm256_max_epu32(w, _mm256_set1_epi32(1));
      store8(frequency + i, w);
      sum = _mm256_add_epi64(sum, _mm256_and_si256(w, _mm256_set1_epi64x(0xFFFFFFFF)));
      sum = _mm256_add_epi64(sum, _mm256_srli_epi64(w, 32));
    }
    return sum64(sum);
  }
};

}  // namespace
}  // namespace nncomp
