// The vector operations of the adaptive stage (see stage/vectors.hpp and kernels/x86/simd_mix.hpp) for a GPU's thread,
// which has no vectors: loads of 16 bytes, and loops that are unrolled, so that inputs stay in registers.
#pragma once

#include <cstdint>

#include "stage/cells.hpp"

namespace nncomp {
namespace {

inline uint32_t find_slot(const uint8_t* bucket, uint8_t check) {
  uint32_t at = 64;
#pragma unroll
  for (int i = 48; i >= 0; i -= 16) at = bucket[i] == check ? i : at;
  return at;
}

struct alignas(16) Eight {
  int16_t v[8];
};
using Sums = Eight;
template <int inputs>
struct Inputs {
  Eight part[inputs / 8];
  int parts;  // how many may be other than 0
};

inline Eight load(const int16_t* p) { return *reinterpret_cast<const Eight*>(p); }

template <int inputs, class Value>
inline Inputs<inputs> gather(const uint64_t* first, int count, Value value) {
  Inputs<inputs> x{};
  x.parts = 1 + (count + 7) / 8;
#pragma unroll
  for (int i = 0; i < 8; ++i) x.part[0].v[i] = int16_t(uint16_t(first[i / 4] >> 16 * (i % 4)));
#pragma unroll
  for (int p = 1; p < inputs / 8; ++p) {
    if (p < x.parts) {
#pragma unroll
      for (int i = 0; i < 8; ++i) x.part[p].v[i] = value(8 * (p - 1) + i);
    }
  }
  return x;
}

inline int32_t dot(const Eight& x, const Eight& w) {
  uint32_t sum = 0;  // wraps
#pragma unroll
  for (int i = 0; i < 8; ++i) sum += uint32_t(int32_t(x.v[i]) * w.v[i]);
  return int32_t(sum);
}
template <int sets, int inputs>
inline Sums dot_rows(const Inputs<inputs>& x, int16_t* const* row, int shift, int16_t last, int32_t* sum) {
  Sums y{};
#pragma unroll
  for (int i = 0; i < sets; ++i) {
    uint32_t total = 0;
#pragma unroll
    for (int p = 0; p < inputs / 8; ++p) total += p < x.parts ? uint32_t(dot(x.part[p], load(row[i] + 8 * p))) : 0;
    const int32_t v = int32_t(total) >> shift;
    sum[i] = v < -2047 ? -2047 : v > 2047 ? 2047 : v;
    y.v[i] = int16_t(sum[i]);
  }
  y.v[7] = last;
  return y;
}
inline void dot_both(const Sums& y, int16_t* const* row, int32_t* sum) {
  for (int i = 0; i < 2; ++i) sum[i] = dot(y, load(row[i]));
}

inline void learn(const Eight& x, int16_t* w, int32_t e) {
  Eight moved = load(w);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int32_t v = moved.v[i] + ((x.v[i] * e + (1 << 14)) >> 15);
    moved.v[i] = int16_t(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
  }
  *reinterpret_cast<Eight*>(w) = moved;
}
template <int inputs>
inline void learn(const Inputs<inputs>& x, int16_t* w, int32_t e) {
#pragma unroll
  for (int p = 0; p < inputs / 8; ++p) {
    if (p < x.parts) learn(x.part[p], w + 8 * p, e);
  }
}

inline int32_t dot_both(const int16_t* x, int16_t* const* row, int n) {
  uint32_t sum = 0;  // wraps
  for (int i = 0; i < n; i += 8) {
    const Eight v = load(x + i);
    sum += uint32_t(dot(v, load(row[0] + i))) + uint32_t(dot(v, load(row[1] + i)));
  }
  return int32_t(sum);
}
inline void learn(const int16_t* x, int16_t* w, int n, int32_t e) {
  for (int i = 0; i < n; i += 8) learn(load(x + i), w + i, e);
}

inline void learn_cells(const uint16_t* reciprocal, uint32_t* const* cell, int count, int32_t target) {
  for (int i = 0; i < count; ++i) *cell[i] = mix::adapted(reciprocal, *cell[i], target);
}

}  // namespace
}  // namespace nncomp
