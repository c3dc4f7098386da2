// The vector operations of the adaptive stage (see stage/vectors.hpp), in plain C++: these define what each means.
// x86/simd_mix.hpp describes them.
#pragma once

#include <cstdint>

#include "stage/cells.hpp"

namespace nncomp {
namespace {

inline uint32_t find_slot(const uint8_t* bucket, uint8_t check) {
  uint32_t at = 0;
  while (at < 64 && bucket[at] != check) at += 16;
  return at;
}

template <int inputs>
struct Inputs {
  int16_t v[inputs];
};
struct Sums {
  int16_t v[8];
};

template <int inputs, class Value>
inline Inputs<inputs> gather(const uint64_t* first, int count, Value value) {
  Inputs<inputs> x{};
  for (int i = 0; i < 8; ++i) x.v[i] = int16_t(uint16_t(first[i / 4] >> 16 * (i % 4)));
  for (int i = 0; i < count; ++i) x.v[8 + i] = value(i);
  return x;
}

template <int n>
inline int32_t dot(const int16_t* x, const int16_t* w) {
  uint32_t sum = 0;  // wraps
  for (int i = 0; i < n; ++i) sum += uint32_t(int32_t(x[i]) * w[i]);
  return int32_t(sum);
}
template <int sets, int inputs>
inline Sums dot_rows(const Inputs<inputs>& x, int16_t* const* row, int shift, int16_t last, int32_t* sum) {
  Sums y{};
  for (int i = 0; i < sets; ++i) {
    const int32_t v = dot<inputs>(x.v, row[i]) >> shift;
    sum[i] = v < -2047 ? -2047 : v > 2047 ? 2047 : v;
    y.v[i] = int16_t(sum[i]);
  }
  y.v[7] = last;
  return y;
}
inline void dot_both(const Sums& y, int16_t* const* row, int32_t* sum) {
  for (int i = 0; i < 2; ++i) sum[i] = dot<8>(y.v, row[i]);
}

template <int n>
inline void learn_row(const int16_t* x, int16_t* w, int32_t e) {
  for (int i = 0; i < n; ++i) {
    const int32_t v = w[i] + ((x[i] * e + (1 << 14)) >> 15);
    w[i] = int16_t(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
  }
}
template <int inputs>
inline void learn(const Inputs<inputs>& x, int16_t* w, int32_t e) {
  learn_row<inputs>(x.v, w, e);
}
inline void learn(const Sums& y, int16_t* w, int32_t e) { learn_row<8>(y.v, w, e); }

inline int32_t dot_both(const int16_t* x, int16_t* const* row, int n) {
  uint32_t sum = 0;  // wraps
  for (int i = 0; i < n; ++i) sum += uint32_t(x[i] * row[0][i]) + uint32_t(x[i] * row[1][i]);
  return int32_t(sum);
}
inline void learn(const int16_t* x, int16_t* w, int n, int32_t e) {
  for (int i = 0; i < n; i += 64) learn_row<64>(x + i, w + i, e);
}

inline void learn_cells(const uint16_t* reciprocal, uint32_t* const* cell, int count, int32_t target) {
  for (int i = 0; i < count; ++i) *cell[i] = mix::adapted(reciprocal, *cell[i], target);
}

}  // namespace
}  // namespace nncomp
