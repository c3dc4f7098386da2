// Vectors of AVX-512 with VNNI. What each operation means is in portable/simd.hpp.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13  // it warns of its own intrinsics (its bug 105593)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

struct Avx512 {
  static constexpr int MAX_ACCUMULATORS = 16;

  using Vec = __m512i;
  using Bytes = __m512i;

  static Vec load(const int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(int32_t* p, Vec v) { _mm512_storeu_si512(p, v); }
  static Vec splat(int32_t x) { return _mm512_set1_epi32(x); }
  static Vec widen(const int8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_epi32(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_epi32(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_epi32(a, b); }
  template <int n>
  static Vec shift_left(Vec v) {
    return _mm512_slli_epi32(v, n);
  }
  static int32_t highest(Vec v) { return _mm512_reduce_max_epi32(v); }

  // Even and odd lanes are multiplied apart, since products have 64 bits. |x| < 2^29, so 4·x fits its lane, and the
  // result is the upper half of 4·x·m + 2^31.
  struct Multiplier {
    Vec even, odd;
    explicit Multiplier(Vec m) : even(m), odd(_mm512_srli_epi64(m, 32)) {}
    Vec rq(Vec x) const {
      const __m512i half = _mm512_set1_epi64(int64_t(1) << 31);
      const __m512i four = _mm512_slli_epi32(x, 2);
      const __m512i a = _mm512_add_epi64(_mm512_mul_epi32(four, even), half);
      const __m512i b = _mm512_add_epi64(_mm512_mul_epi32(_mm512_shuffle_epi32(four, _MM_PERM_DDBB), odd), half);
      return _mm512_mask_shuffle_epi32(b, 0x5555, a, _MM_PERM_DDBB);
    }
  };

  // Puts 64 bytes in order that were packed from four vectors: packing works within quarters of 16 bytes, so that the
  // groups of 4 bytes are out of order.
  static __m512i in_order(__m512i packed) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, packed);
  }
  // Four vectors as 64 s8, by saturating twice.
  static __m512i pack_clamp8(const Vec (&v)[4]) {
    const __m512i low = _mm512_packs_epi32(v[0], v[1]);
    const __m512i high = _mm512_packs_epi32(v[2], v[3]);
    return in_order(_mm512_max_epi8(_mm512_packs_epi16(low, high), _mm512_set1_epi8(-127)));
  }
  static void store_clamp8(int8_t* p, const Vec (&v)[4]) { _mm512_storeu_si512(p, pack_clamp8(v)); }
  static void store_clamp8_plus128(uint8_t* p, const Vec (&v)[4]) {
    _mm512_storeu_si512(p, _mm512_xor_si512(pack_clamp8(v), _mm512_set1_epi8(char(128))));
  }
  template <int V>
  static void store_clamp8_plus128(uint8_t* p, const Vec (&v)[V]) {  // a head: V = 1, 2 or 8
    for (int i = 0; i < V; ++i) {
      const __m512i c = max(min(v[i], splat(127)), splat(-127));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p) + i, _mm512_cvtepi32_epi8(add(c, splat(128))));
    }
  }

  // In 16 bits: (p² + 2^15) >> 16 = ((p·2p >> 16) + 1) >> 1. Packing takes the minimum with 255.
  static __m512i squared_relu(Vec a, Vec b) {
    const __m512i p = _mm512_min_epu16(_mm512_packus_epi32(a, b), _mm512_set1_epi16(4095));
    return _mm512_avg_epu16(_mm512_mulhi_epu16(p, _mm512_add_epi16(p, p)), _mm512_setzero_si512());
  }
  static void store_squared_relu(uint8_t* p, const Vec (&v)[4]) {
    const __m512i s = _mm512_packus_epi16(squared_relu(v[0], v[1]), squared_relu(v[2], v[3]));
    _mm512_storeu_si512(p, in_order(s));
  }

  static Bytes load_bytes(const void* p) { return _mm512_loadu_si512(p); }
  static Bytes repeat4(const void* p) {
    int32_t x;
    memcpy(&x, p, 4);
    return _mm512_set1_epi32(x);
  }
  static Bytes splat_bytes(int x) { return _mm512_set1_epi8(char(x)); }
  // _mm512_dpbusd_epi32, written so that compilers accumulate in place: with the intrinsic, GCC 12 copies every sum
  // twice a step.
  static Vec dot(Vec sum, Bytes a, Bytes b) {
#if defined(GNU_EXTENSIONS)
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, a, b);
#endif
  }

  static uint64_t sum_squares(const int32_t* x, int n) {
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < n; i += 16) {
      const __m512i v = load(x + i);
      const __m512i w = _mm512_srli_epi64(v, 32);
      sum = _mm512_add_epi64(sum, _mm512_add_epi64(_mm512_mul_epi32(v, v), _mm512_mul_epi32(w, w)));
    }
    return uint64_t(_mm512_reduce_add_epi64(sum));
  }

  static uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = _mm512_loadu_si512(ROOT);
    const __m512i high = _mm512_loadu_si512(ROOT + 32);
    const __m512i top32 = splat(top);
    const auto weigh = [&](const int32_t* p) {  // 32 weights in 16 bits
      const __m512i d = _mm512_packus_epi32(sub(top32, load(p)), sub(top32, load(p + 16)));
      const __m512i root = _mm512_permutex2var_epi16(low, d, high);  // by the lowest six bits
      return _mm512_avg_epu16(_mm512_srlv_epi16(root, _mm512_srli_epi16(d, 6)), zero);
    };
    __m512i sum = zero;
    for (int i = 0; i < n; i += 64) {
      const __m512i w = _mm512_packus_epi16(weigh(z + i), weigh(z + i + 32));
      sum = _mm512_add_epi64(sum, _mm512_sad_epu8(w, zero));
      _mm512_storeu_si512(u + i, in_order(w));
    }
    return uint32_t(_mm512_reduce_add_epi64(sum));
  }

  static __m512i load_u32(const uint32_t* p) { return _mm512_loadu_si512(p); }

  static uint64_t pow_frequencies(const int32_t* z, int32_t top, uint32_t* frequency) {
    const __m512i d = sub(splat(top), load(z));  // unsigned
    const __m512i index = _mm512_and_si512(d, splat(255));
    // A look-up in registers: in each 32 entries by five bits of the index, then the three upper bits choose.
    __m512i part[8];
    UNROLL(8)
    for (int i = 0; i < 8; ++i) {
      part[i] = _mm512_permutex2var_epi32(load_u32(POW + 32 * i), index, load_u32(POW + 32 * i + 16));
    }
    const auto choose = [&](int bit, __m512i a, __m512i b) {
      return _mm512_mask_blend_epi32(_mm512_test_epi32_mask(index, splat(bit)), a, b);
    };
    const __m512i low = choose(64, choose(32, part[0], part[1]), choose(32, part[2], part[3]));
    const __m512i high = choose(64, choose(32, part[4], part[5]), choose(32, part[6], part[7]));
    const __m512i root = choose(128, low, high);
    const __m512i w = _mm512_max_epu32(_mm512_srlv_epi32(root, _mm512_srli_epi32(d, 8)), splat(1));
    _mm512_storeu_si512(frequency, w);
    const __m512i even = _mm512_and_si512(w, _mm512_set1_epi64(0xFFFFFFFF));
    return uint64_t(_mm512_reduce_add_epi64(_mm512_add_epi64(even, _mm512_srli_epi64(w, 32))));
  }
};

}  // namespace
}  // namespace nncomp
