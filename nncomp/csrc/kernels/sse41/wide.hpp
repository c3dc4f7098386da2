// Wide as two SSE4.1 registers: see x86/instructions.hpp. avx2/wide.hpp says what functions do that are not
// instructions.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "kernels/x86/instructions.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

struct Wide {
  __m128i low, high;
};
constexpr int WIDE_SUMS = 4;

#define MAKE_OF_TWO(name) \
  ALWAYS_INLINE Wide name(Wide x, Wide y) { return {_mm_##name(x.low, y.low), _mm_##name(x.high, y.high)}; }
#define MAKE_OF_CONSTANT(name)                            \
  template <int n>                                        \
  ALWAYS_INLINE Wide name(Wide x) {                       \
    return {_mm_##name(x.low, n), _mm_##name(x.high, n)}; \
  }
OF_TWO_VECTORS(MAKE_OF_TWO)
OF_A_CONSTANT(MAKE_OF_CONSTANT)
#undef MAKE_OF_TWO
#undef MAKE_OF_CONSTANT

ALWAYS_INLINE __m128i low(Wide x) { return x.low; }
ALWAYS_INLINE __m128i high(Wide x) { return x.high; }
ALWAYS_INLINE Wide wide(__m128i low) { return {low, _mm_setzero_si128()}; }
ALWAYS_INLINE Wide wide(__m128i low, __m128i high) { return {low, high}; }
ALWAYS_INLINE Wide twice(__m128i x) { return {x, x}; }
ALWAYS_INLINE Wide cvtepi8_epi32(__m128i x) { return {_mm_cvtepi8_epi32(x), _mm_cvtepi8_epi32(_mm_srli_si128(x, 4))}; }

ALWAYS_INLINE Wide abs_epi8(Wide x) { return {_mm_abs_epi8(x.low), _mm_abs_epi8(x.high)}; }
ALWAYS_INLINE Wide and_si(Wide x, Wide y) { return {_mm_and_si128(x.low, y.low), _mm_and_si128(x.high, y.high)}; }
ALWAYS_INLINE Wide or_si(Wide x, Wide y) { return {_mm_or_si128(x.low, y.low), _mm_or_si128(x.high, y.high)}; }
ALWAYS_INLINE Wide xor_si(Wide x, Wide y) { return {_mm_xor_si128(x.low, y.low), _mm_xor_si128(x.high, y.high)}; }
ALWAYS_INLINE Wide blendv_epi8(Wide x, Wide y, Wide mask) {
  return {_mm_blendv_epi8(x.low, y.low, mask.low), _mm_blendv_epi8(x.high, y.high, mask.high)};
}
ALWAYS_INLINE Wide setzero() { return twice(_mm_setzero_si128()); }
ALWAYS_INLINE Wide set1_epi8(int x) { return twice(_mm_set1_epi8(char(x))); }
ALWAYS_INLINE Wide set1_epi16(int x) { return twice(_mm_set1_epi16(int16_t(x))); }
ALWAYS_INLINE Wide set1_epi32(int32_t x) { return twice(_mm_set1_epi32(x)); }
ALWAYS_INLINE Wide set1_epi64x(int64_t x) { return twice(_mm_set1_epi64x(x)); }
ALWAYS_INLINE Wide loadu(const void* p) {
  const __m128i* half = static_cast<const __m128i*>(p);
  return {_mm_loadu_si128(half), _mm_loadu_si128(half + 1)};
}
ALWAYS_INLINE void storeu(void* p, Wide x) {
  __m128i* half = static_cast<__m128i*>(p);
  _mm_storeu_si128(half, x.low);
  _mm_storeu_si128(half + 1, x.high);
}
ALWAYS_INLINE uint32_t movemask_epi8(Wide x) {
  return uint32_t(_mm_movemask_epi8(x.low)) | uint32_t(_mm_movemask_epi8(x.high)) << 16;
}
ALWAYS_INLINE uint32_t movemask_ps(Wide x) {
  return uint32_t(_mm_movemask_ps(_mm_castsi128_ps(x.low)) | _mm_movemask_ps(_mm_castsi128_ps(x.high)) << 4);
}
ALWAYS_INLINE bool is_zero(Wide x) {
  const __m128i any = _mm_or_si128(x.low, x.high);
  return _mm_testz_si128(any, any) != 0;
}

ALWAYS_INLINE Wide alternate32(Wide x) {
  return {_mm_unpacklo_epi32(x.low, x.high), _mm_unpackhi_epi32(x.low, x.high)};
}
ALWAYS_INLINE Wide alternate64(Wide x) {
  return {_mm_unpacklo_epi64(x.low, x.high), _mm_unpackhi_epi64(x.low, x.high)};
}
ALWAYS_INLINE Wide even_odd(Wide x, Wide y) {
  return {_mm_blend_epi16(x.low, y.low, 0xCC), _mm_blend_epi16(x.high, y.high, 0xCC)};
}
ALWAYS_INLINE __m128i sums_of_four(const Wide* x) {
  const auto two = [](Wide a, Wide b) {
    return _mm_hadd_epi32(_mm_add_epi32(a.low, a.high), _mm_add_epi32(b.low, b.high));
  };
  return _mm_hadd_epi32(two(x[0], x[1]), two(x[2], x[3]));
}

// f of each of the eight 32-bit lanes.
template <class F>
ALWAYS_INLINE Wide each(Wide x, F f) {
  uint32_t number[8];
  memcpy(number, &x, sizeof number);
  for (uint32_t& n : number) n = f(n);
  return loadu(number);
}
ALWAYS_INLINE Wide look_up(const uint16_t* table, Wide i) {
  return each(i, [=](uint32_t n) { return table[n]; });
}
ALWAYS_INLINE Wide pow_frequency8(Wide distance) {
  return each(distance, [](uint32_t d) { return pow_frequency(d); });
}

}  // namespace
}  // namespace nncomp
