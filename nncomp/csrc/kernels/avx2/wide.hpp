// Wide as one AVX2 register: see x86/instructions.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "compiler.hpp"
#include "kernels/x86/instructions.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

using Wide = __m256i;
constexpr int WIDE_SUMS = 8;  // sums that fit the registers beside what a loop needs

#define MAKE_OF_TWO(name) \
  ALWAYS_INLINE Wide name(Wide x, Wide y) { return _mm256_##name(x, y); }
#define MAKE_OF_CONSTANT(name)      \
  template <int n>                  \
  ALWAYS_INLINE Wide name(Wide x) { \
    return _mm256_##name(x, n);     \
  }
OF_TWO_VECTORS(MAKE_OF_TWO)
OF_A_CONSTANT(MAKE_OF_CONSTANT)
#undef MAKE_OF_TWO
#undef MAKE_OF_CONSTANT

ALWAYS_INLINE Wide abs_epi8(Wide x) { return _mm256_abs_epi8(x); }
ALWAYS_INLINE Wide and_si(Wide x, Wide y) { return _mm256_and_si256(x, y); }
ALWAYS_INLINE Wide or_si(Wide x, Wide y) { return _mm256_or_si256(x, y); }
ALWAYS_INLINE Wide xor_si(Wide x, Wide y) { return _mm256_xor_si256(x, y); }
ALWAYS_INLINE Wide blendv_epi8(Wide x, Wide y, Wide mask) { return _mm256_blendv_epi8(x, y, mask); }
ALWAYS_INLINE Wide setzero() { return _mm256_setzero_si256(); }
ALWAYS_INLINE Wide set1_epi8(int x) { return _mm256_set1_epi8(char(x)); }
ALWAYS_INLINE Wide set1_epi16(int x) { return _mm256_set1_epi16(int16_t(x)); }
ALWAYS_INLINE Wide set1_epi32(int32_t x) { return _mm256_set1_epi32(x); }
ALWAYS_INLINE Wide set1_epi64x(int64_t x) { return _mm256_set1_epi64x(x); }
ALWAYS_INLINE Wide loadu(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
ALWAYS_INLINE void storeu(void* p, Wide x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
ALWAYS_INLINE uint32_t movemask_epi8(Wide x) { return uint32_t(_mm256_movemask_epi8(x)); }
ALWAYS_INLINE uint32_t movemask_ps(Wide x) { return uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(x))); }
ALWAYS_INLINE bool is_zero(Wide x) { return _mm256_testz_si256(x, x) != 0; }

ALWAYS_INLINE __m128i low(Wide x) { return _mm256_castsi256_si128(x); }
ALWAYS_INLINE __m128i high(Wide x) { return _mm256_extracti128_si256(x, 1); }
ALWAYS_INLINE Wide wide(__m128i low) { return _mm256_zextsi128_si256(low); }
ALWAYS_INLINE Wide wide(__m128i low, __m128i high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
ALWAYS_INLINE Wide twice(__m128i x) { return _mm256_broadcastsi128_si256(x); }
ALWAYS_INLINE Wide cvtepi8_epi32(__m128i x) { return _mm256_cvtepi8_epi32(x); }

// Interleaves the 32-bit or 64-bit lanes of the lower half with those of the upper half.
ALWAYS_INLINE Wide alternate32(Wide x) {
  return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
ALWAYS_INLINE Wide alternate64(Wide x) { return _mm256_permute4x64_epi64(x, 0xD8); }

// The even 32-bit lanes of x, and the odd ones of y.
ALWAYS_INLINE Wide even_odd(Wide x, Wide y) { return _mm256_blend_epi32(x, y, 0xAA); }

// The sum of the 32-bit lanes of each of x[0] … x[3].
ALWAYS_INLINE __m128i sums_of_four(const Wide* x) {
  const Wide pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));
  return _mm_add_epi32(low(pairs), high(pairs));
}

// table[i] for eight i. Two bytes behind each entry are read, so behind the table's end, too.
ALWAYS_INLINE Wide look_up(const uint16_t* table, Wide i) {
  const Wide two = _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), i, 2);
  return and_si(two, set1_epi32(65535));
}

// The frequencies of eight logits, by how far each is below the highest one, unsigned: see pow_frequency().
ALWAYS_INLINE Wide pow_frequency8(Wide distance) {
  const Wide index = and_si(distance, set1_epi32(255));
  const Wide root = _mm256_i32gather_epi32(reinterpret_cast<const int*>(POW), index, 4);
  return _mm256_max_epu32(_mm256_srlv_epi32(root, srli_epi32<8>(distance)), set1_epi32(1));
}

}  // namespace
}  // namespace nncomp
