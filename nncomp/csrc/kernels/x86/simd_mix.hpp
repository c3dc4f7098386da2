// What the adaptive stage asks of vectors (see stage/mixer.hpp), for every x86 kernel: AVX2 is enough. Everything is in
// unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {
namespace {

// The bucket's slot whose check byte this is, as an offset; 64 if there is none.
inline uint32_t find_slot(const uint8_t* bucket, uint8_t check) {
  const __m256i want = _mm256_set1_epi8(int8_t(check));
  const auto equal = [&](const uint8_t* p) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return uint64_t(uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, want)))) & 0x00010001;
  };
  const uint64_t hit = equal(bucket) | equal(bucket + 32) << 32;
  return hit ? uint32_t(lowest_bit(hit)) : 64;
}

template <int inputs>
struct Inputs {
  __m256i v[inputs / 16];  // 16 × 16 bit each
};
struct Sums {
  __m128i v;  // 8 × 16 bit
};

inline __m256i load_16(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store_16(int16_t* p, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline __m128i load_8(const int16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// Eight inputs at hand, then value(0) … value(count − 1) and on to a multiple of 8. Straight from where the values
// come from: a vector that is read back from single stores waits until these have left the processor's queue.
template <int inputs, class Value>
inline Inputs<inputs> gather(const uint64_t* first, int count, Value value) {
  const auto eight = [&](int i) {
    return _mm_set_epi16(value(i + 7), value(i + 6), value(i + 5), value(i + 4), value(i + 3), value(i + 2),
                         value(i + 1), value(i));
  };
  const __m128i known = _mm_set_epi64x(int64_t(first[1]), int64_t(first[0]));
  Inputs<inputs> x;
  x.v[0] = _mm256_inserti128_si256(_mm256_castsi128_si256(known), eight(0), 1);
  UNROLL(8)
  for (int i = 1; i < inputs / 16; ++i) {
    const int from = 16 * i - 8;
    x.v[i] = _mm256_setzero_si256();
    if (count > from) x.v[i] = _mm256_zextsi128_si256(eight(from));
    if (count > from + 8) x.v[i] = _mm256_inserti128_si256(x.v[i], eight(from + 8), 1);
  }
  return x;
}

// Products of x with each of `sets` rows, shifted and clamped to ±2047, in sum and, with `last` as the eighth, as
// the next layer's inputs.
template <int sets, int inputs>
inline Sums dot_rows(const Inputs<inputs>& x, int16_t* const* row, int shift, int16_t last, int32_t* sum) {
  __m256i product[8] = {};
  for (int i = 0; i < sets; ++i) {
    product[i] = _mm256_madd_epi16(x.v[0], load_16(row[i]));
    UNROLL(8)
    for (int j = 1; j < inputs / 16; ++j) {
      product[i] = _mm256_add_epi32(product[i], _mm256_madd_epi16(x.v[j], load_16(row[i] + 16 * j)));
    }
  }
  const auto four = [&](const __m256i* p) {
    const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(p[0], p[1]), _mm256_hadd_epi32(p[2], p[3]));
    const __m128i all = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    return _mm_max_epi32(_mm_min_epi32(_mm_srai_epi32(all, shift), _mm_set1_epi32(2047)), _mm_set1_epi32(-2047));
  };
  const __m128i a = four(product), b = sets > 4 ? four(product + 4) : _mm_setzero_si128();
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sum), a);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sum + 4), b);
  return {_mm_insert_epi16(_mm_packs_epi32(a, b), last, 7)};
}

inline void dot_both(Sums y, int16_t* const* row, int32_t* sum) {
  const __m128i v = _mm_hadd_epi32(_mm_madd_epi16(y.v, load_8(row[0])), _mm_madd_epi16(y.v, load_8(row[1])));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(sum), _mm_hadd_epi32(v, v));
}

// Each weight moves by (x·e + 2^14) >> 15, saturated.
template <int inputs>
inline void learn(const Inputs<inputs>& x, int16_t* w, int32_t e) {
  const __m256i by = _mm256_set1_epi16(int16_t(e));
  UNROLL(8)
  for (int j = 0; j < inputs / 16; ++j) {
    store_16(w + 16 * j, _mm256_adds_epi16(load_16(w + 16 * j), _mm256_mulhrs_epi16(x.v[j], by)));
  }
}
inline void learn(Sums y, int16_t* w, int32_t e) {
  const __m128i by = _mm_mulhrs_epi16(y.v, _mm_set1_epi16(int16_t(e)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(w), _mm_adds_epi16(load_8(w), by));
}

// What stage/cells.hpp calls adapted, for `count` different cells; cell[count] and on to a multiple of 8 can be read.
inline void learn_cells(const uint16_t* reciprocal, uint32_t* const* cell, int count, int32_t target) {
  for (int first = 0; first < count; first += 8) {
    uint32_t* const* c = cell + first;
    const auto four = [&](int i) { return _mm_set_epi32(int(*c[i + 3]), int(*c[i + 2]), int(*c[i + 1]), int(*c[i])); };
    const __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(4), 1);
    const __m256i n = _mm256_and_si256(v, _mm256_set1_epi32(1023)), p = _mm256_srli_epi32(v, 10);
    const __m256i two = _mm256_i32gather_epi32(reinterpret_cast<const int*>(reciprocal), n, 2);
    const __m256i r = _mm256_and_si256(two, _mm256_set1_epi32(65535));
    const __m256i error = _mm256_srai_epi32(_mm256_sub_epi32(_mm256_set1_epi32(target), p), 7);
    const __m256i next = _mm256_add_epi32(p, _mm256_srai_epi32(_mm256_mullo_epi32(error, r), 8));
    const __m256i count1 = _mm256_min_epu32(_mm256_add_epi32(n, _mm256_set1_epi32(1)), _mm256_set1_epi32(255));
    alignas(32) uint32_t moved[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(moved), _mm256_or_si256(_mm256_slli_epi32(next, 10), count1));
    for (int i = 0; i < 8 && i < count - first; ++i) *c[i] = moved[i];
  }
}

}  // namespace
}  // namespace nncomp
