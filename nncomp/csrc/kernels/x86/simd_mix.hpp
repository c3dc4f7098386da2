// The vector operations of the adaptive stage (see stage/vectors.hpp) for every x86 kernel, by Wide. Everything is in
// unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "compiler.hpp"
#include "kernels/x86/instructions.hpp"

namespace nncomp {
namespace {

// The offset, 0, 16, 32 or 48, of the slot in a bucket of 64 bytes that begins with this check byte; 64: there is
// none.
inline uint32_t find_slot(const uint8_t* bucket, uint8_t check) {
  const Wide want = set1_epi8(check);
  const auto equal = [&](const uint8_t* p) {
    const Wide v = loadu(p);
    return uint64_t(movemask_epi8(cmpeq_epi8(v, want))) & 0x00010001;
  };
  const uint64_t hit = equal(bucket) | equal(bucket + 32) << 32;
  return hit ? uint32_t(lowest_bit(hit)) : 64;
}

template <int inputs>
struct Inputs {
  Wide v[inputs / 16];  // 16 × 16 bit each
};
struct Sums {
  __m128i v;  // 8 × 16 bit
};

inline __m128i load_8(const int16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// Eight inputs that are given, then value(0) … value(count − 1), and on up to a multiple of 8; then zeros. They are
// built in registers: a vector load right after stores of single values would wait until these have reached the cache.
template <int inputs, class Value>
inline Inputs<inputs> gather(const uint64_t* first, int count, Value value) {
  const auto eight = [&](int i) {
    return _mm_set_epi16(value(i + 7), value(i + 6), value(i + 5), value(i + 4), value(i + 3), value(i + 2),
                         value(i + 1), value(i));
  };
  const __m128i known = _mm_set_epi64x(int64_t(first[1]), int64_t(first[0]));
  Inputs<inputs> x;
  x.v[0] = wide(known, eight(0));
  UNROLL(8)
  for (int i = 1; i < inputs / 16; ++i) {
    const int from = 16 * i - 8;
    x.v[i] = setzero();
    if (count > from) x.v[i] = wide(eight(from));
    if (count > from + 8) x.v[i] = wide(low(x.v[i]), eight(from + 8));
  }
  return x;
}

// Dot products of x with each of `sets` rows, modulo 2^32, shifted right and clamped to ±2047. Writes them to `sum`,
// which has room for 8, and returns them as the next layer's inputs, of which the eighth is `last`.
template <int sets, int inputs>
inline Sums dot_rows(const Inputs<inputs>& x, int16_t* const* row, int shift, int16_t last, int32_t* sum) {
  Wide product[8] = {};
  for (int i = 0; i < sets; ++i) {
    product[i] = madd_epi16(x.v[0], loadu(row[i]));
    UNROLL(8)
    for (int j = 1; j < inputs / 16; ++j) {
      product[i] = add_epi32(product[i], madd_epi16(x.v[j], loadu(row[i] + 16 * j)));
    }
  }
  const auto four = [&](const Wide* p) {
    const __m128i sums = _mm_srai_epi32(sums_of_four(p), shift);
    return _mm_max_epi32(_mm_min_epi32(sums, _mm_set1_epi32(2047)), _mm_set1_epi32(-2047));
  };
  const __m128i a = four(product), b = sets > 4 ? four(product + 4) : _mm_setzero_si128();
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sum), a);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sum + 4), b);
  return {_mm_insert_epi16(_mm_packs_epi32(a, b), last, 7)};
}

// sum[i] = the dot product of y with row[i], i < 2.
inline void dot_both(Sums y, int16_t* const* row, int32_t* sum) {
  const __m128i v = _mm_hadd_epi32(_mm_madd_epi16(y.v, load_8(row[0])), _mm_madd_epi16(y.v, load_8(row[1])));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(sum), _mm_hadd_epi32(v, v));
}

// Each weight moves by (x·e + 2^14) >> 15, saturated to 16 bits; |e| < 2^15.
template <int inputs>
inline void learn(const Inputs<inputs>& x, int16_t* w, int32_t e) {
  const Wide by = set1_epi16(e);
  UNROLL(8)
  for (int j = 0; j < inputs / 16; ++j) {
    storeu(w + 16 * j, adds_epi16(loadu(w + 16 * j), mulhrs_epi16(x.v[j], by)));
  }
}
inline void learn(Sums y, int16_t* w, int32_t e) {
  const __m128i by = _mm_mulhrs_epi16(y.v, _mm_set1_epi16(int16_t(e)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(w), _mm_adds_epi16(load_8(w), by));
}

// The sum of the dot products of n numbers, a multiple of 64, with two rows, modulo 2^32.
inline int32_t dot_both(const int16_t* x, int16_t* const* row, int n) {
  Wide sum[4] = {};
  for (int i = 0; i < n; i += 32) {
    const Wide a = loadu(x + i), b = loadu(x + i + 16);
    for (int j = 0; j < 2; ++j) {
      sum[j] = add_epi32(sum[j], madd_epi16(a, loadu(row[j] + i)));
      sum[2 + j] = add_epi32(sum[2 + j], madd_epi16(b, loadu(row[j] + i + 16)));
    }
  }
  const __m128i four = sums_of_four(sum);
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

inline void learn(const int16_t* x, int16_t* w, int n, int32_t e) {
  const Wide by = set1_epi16(e);
  for (int i = 0; i < n; i += 16) storeu(w + i, adds_epi16(loadu(w + i), mulhrs_epi16(loadu(x + i), by)));
}

// Moves `count` different cells towards a target, as mix::adapted does in stage/cells.hpp. Cells behind them, up to a
// multiple of 8, are read too, but not written.
inline void learn_cells(const uint16_t* reciprocal, uint32_t* const* cell, int count, int32_t target) {
  for (int first = 0; first < count; first += 8) {
    uint32_t* const* c = cell + first;
    const auto four = [&](int i) { return _mm_set_epi32(int(*c[i + 3]), int(*c[i + 2]), int(*c[i + 1]), int(*c[i])); };
    const Wide v = wide(four(0), four(4));
    const Wide n = and_si(v, set1_epi32(1023)), p = srli_epi32<10>(v);
    const Wide error = srai_epi32<7>(sub_epi32(set1_epi32(target), p));
    const Wide next = add_epi32(p, srai_epi32<8>(mullo_epi32(error, look_up(reciprocal, n))));
    const Wide count1 = min_epu32(add_epi32(n, set1_epi32(1)), set1_epi32(255));
    alignas(32) uint32_t moved[8];
    storeu(moved, or_si(slli_epi32<10>(next), count1));
    for (int i = 0; i < 8 && i < count - first; ++i) *c[i] = moved[i];
  }
}

}  // namespace
}  // namespace nncomp
