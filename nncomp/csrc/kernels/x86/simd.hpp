// Vectors of x86 without AVX-512, each as two of Wide. What each operation means is in portable/simd.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/x86/instructions.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

struct X86 {
  static constexpr int MAX_ACCUMULATORS = WIDE_SUMS / 2;

  struct Vec {
    Wide a, b;  // lanes 0 … 7 and 8 … 15
  };
  struct Bytes {
    Wide a, b;
  };

  static Vec load(const int32_t* p) { return {loadu(p), loadu(p + 8)}; }
  static void store(int32_t* p, Vec v) {
    storeu(p, v.a);
    storeu(p + 8, v.b);
  }
  static Vec splat(int32_t x) { return {set1_epi32(x), set1_epi32(x)}; }
  static Vec widen(const int8_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {cvtepi8_epi32(v), cvtepi8_epi32(_mm_srli_si128(v, 8))};
  }
  static Vec add(Vec x, Vec y) { return {add_epi32(x.a, y.a), add_epi32(x.b, y.b)}; }
  static Vec sub(Vec x, Vec y) { return {sub_epi32(x.a, y.a), sub_epi32(x.b, y.b)}; }
  static Vec min(Vec x, Vec y) { return {min_epi32(x.a, y.a), min_epi32(x.b, y.b)}; }
  static Vec max(Vec x, Vec y) { return {max_epi32(x.a, y.a), max_epi32(x.b, y.b)}; }
  template <int n>
  static Vec shift_left(Vec v) {
    return {slli_epi32<n>(v.a), slli_epi32<n>(v.b)};
  }
  static int32_t highest(Vec v) {
    const Wide m = max_epi32(v.a, v.b);
    __m128i x = _mm_max_epi32(low(m), high(m));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0x4E));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0xB1));
    return _mm_cvtsi128_si32(x);
  }
  static uint64_t sum64(Wide v) {  // of four uint64
    const __m128i x = _mm_add_epi64(low(v), high(v));
    uint64_t part[2];
    memcpy(part, &x, sizeof part);
    return part[0] + part[1];
  }

  // Even and odd lanes are multiplied apart, since products have 64 bits. Results fit int32, so a logical shift will
  // do; those of odd lanes are shifted left, into the upper half, instead of right by 30.
  struct Multiplier {
    Vec even, odd;
    explicit Multiplier(Vec m) : even(m), odd{srli_epi64<32>(m.a), srli_epi64<32>(m.b)} {}
    Vec rq(Vec x) const { return {rq8(x.a, even.a, odd.a), rq8(x.b, even.b, odd.b)}; }

   private:
    static Wide rq8(Wide x, Wide even, Wide odd) {
      const Wide half = set1_epi64x(1 << 29);
      const Wide a = add_epi64(mul_epi32(x, even), half);
      const Wide b = add_epi64(mul_epi32(srli_epi64<32>(x), odd), half);
      return even_odd(srli_epi64<30>(a), slli_epi64<2>(b));
    }
  };

  // Sixteen words as bytes, saturated to 0 … 255. They come in packed order, lanes 0 … 3, 8 … 11, 4 … 7, 12 … 15,
  // because packing lanes of 32 bits to words works within halves of 16 bytes.
  static __m128i narrow(Wide words) {
    const Wide w = alternate64(words);
    return _mm_packus_epi16(low(w), high(w));
  }
  static __m128i clamp8_plus128(Vec v) {
    const Wide low = set1_epi16(-127);
    const Wide high = set1_epi16(127);
    const Wide w = min_epi16(max_epi16(packs_epi32(v.a, v.b), low), high);
    return narrow(add_epi16(w, set1_epi16(128)));
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
  // In 16 bits: (p² + 2^15) >> 16 = ((p·2p >> 16) + 1) >> 1. Packing takes the minimum with 255.
  template <int V>
  static void store_squared_relu(uint8_t* p, const Vec (&v)[V]) {
    for (int i = 0; i < V; ++i) {
      const Wide w = packus_epi32(v[i].a, v[i].b);
      const Wide c = min_epu16(w, set1_epi16(4095));
      const Wide s = mulhi_epu16(c, add_epi16(c, c));
      const Wide half = avg_epu16(s, setzero());
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + i, narrow(half));
    }
  }

  static Bytes load_bytes(const void* p) { return {loadu(p), loadu(static_cast<const uint8_t*>(p) + 32)}; }
  static Bytes repeat4(const void* p) {
    int32_t x;
    memcpy(&x, p, 4);
    return {set1_epi32(x), set1_epi32(x)};
  }
  static Bytes splat_bytes(int x) { return {set1_epi8(x), set1_epi8(x)}; }

  // Even and odd bytes are multiplied apart, as 16-bit numbers: `maddubs` would be shorter, but it saturates.
  static Wide dot8(Wide sum, Wide a, Wide b) {
    const Wide a_even = and_si(a, set1_epi16(255));
    const Wide a_odd = srli_epi16<8>(a);
    const Wide b_even = srai_epi16<8>(slli_epi16<8>(b));
    const Wide b_odd = srai_epi16<8>(b);
    sum = add_epi32(sum, madd_epi16(a_even, b_even));
    return add_epi32(sum, madd_epi16(a_odd, b_odd));
  }
  static Vec dot(Vec sum, Bytes a, Bytes b) { return {dot8(sum.a, a.a, b.a), dot8(sum.b, a.b, b.b)}; }

  static uint64_t sum_squares(const int32_t* x, int n) {
    Wide sum = setzero();
    for (int i = 0; i < n; i += 8) {
      const Wide v = loadu(x + i);
      const Wide w = srli_epi64<32>(v);
      sum = add_epi64(sum, add_epi64(mul_epi32(v, v), mul_epi32(w, w)));
    }
    return sum64(sum);
  }

  // ROOT[i] − 256 for i = 16·row … 16·row + 15, in both halves. It fits a byte, as 257 <= ROOT <= 510.
  static Wide root_bytes(int row) {
    alignas(16) uint8_t byte[16];
    for (int i = 0; i < 16; ++i) byte[i] = uint8_t(ROOT[16 * row + i] - 256);
    return twice(_mm_load_si128(reinterpret_cast<const __m128i*>(byte)));
  }

  // ((root >> n) + 1) >> 1 with n = d >> 6, in 16 bits. There is no shift by a number for each lane, so it is a
  // product with 2^(15 − n), of which each byte is looked up; bytes beyond either end of the table are 0.
  static Wide exp_words(Wide root, Wide d) {
    const Wide powers = set1_epi64x(0x0102040810204080);  // byte i of 16: 2^(7 − i), then zeros
    const Wide table = unpacklo_epi64(powers, setzero());
    const Wide n = min_epu16(srli_epi16<6>(d), set1_epi16(15));
    const Wide both = or_si(n, slli_epi16<8>(n));
    const Wide index = sub_epi8(both, set1_epi16(8));  // low byte: n − 8
    const Wide power = shuffle_epi8(table, index);
    const Wide w = mulhi_epu16(slli_epi16<1>(root), power);
    return avg_epu16(w, setzero());
  }

  static uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
    const Wide table[4] = {root_bytes(0), root_bytes(1), root_bytes(2), root_bytes(3)};
    const Wide top8 = set1_epi32(top);
    const Wide low6 = set1_epi16(63);
    const Wide one = set1_epi8(1);
    const auto distances = [&](const int32_t* p) {  // 16 in 16 bits, in packed order
      return packus_epi32(sub_epi32(top8, loadu(p)), sub_epi32(top8, loadu(p + 8)));
    };
    Wide sum = setzero();
    for (int i = 0; i < n; i += 32) {
      const Wide a = distances(z + i);
      const Wide b = distances(z + i + 16);
      const Wide end = set1_epi16(EXP_SIZE);  // weights are 0 from there on, as most are
      const Wide before = or_si(subs_epu16(end, a), subs_epu16(end, b));
      if (is_zero(before)) {
        storeu(u + i, before);
        continue;
      }
      const Wide index = packus_epi16(and_si(a, low6), and_si(b, low6));
      const Wide bit4 = slli_epi16<3>(index);  // to the top bit of each byte, by which blends choose
      const Wide bit5 = slli_epi16<2>(index);
      const Wide low = blendv_epi8(shuffle_epi8(table[0], index), shuffle_epi8(table[1], index), bit4);
      const Wide high = blendv_epi8(shuffle_epi8(table[2], index), shuffle_epi8(table[3], index), bit4);
      const Wide root = blendv_epi8(low, high, bit5);
      const Wide w = packus_epi16(exp_words(unpacklo_epi8(root, one), a), exp_words(unpackhi_epi8(root, one), b));
      sum = add_epi64(sum, sad_epu8(w, setzero()));
      storeu(u + i, alternate32(w));
    }
    return uint32_t(sum64(sum));
  }

  static uint64_t pow_frequencies(const int32_t* z, int32_t top, uint32_t* frequency) {
    Wide sum = setzero();
    for (int i = 0; i < 16; i += 8) {
      const Wide d = sub_epi32(set1_epi32(top), loadu(z + i));  // unsigned
      const Wide w = pow_frequency8(d);
      storeu(frequency + i, w);
      sum = add_epi64(sum, and_si(w, set1_epi64x(0xFFFFFFFF)));
      sum = add_epi64(sum, srli_epi64<32>(w));
    }
    return sum64(sum);
  }
};

}  // namespace
}  // namespace nncomp
