// What the stage asks of a kernel's vectors: a kernel includes its simd_mix.hpp before the stage, and this says what
// that has to define; portable/simd_mix.hpp says in plain C++ what it means. Without <concepts>, which NVRTC has not.
#pragma once

#include <cstdint>

#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

template <class T, class U>
struct Same {
  static constexpr bool value = false;
};
template <class T>
struct Same<T, T> {
  static constexpr bool value = true;
};
template <class T, class U>
concept is = Same<T, U>::value;

// Inputs<n> holds n numbers of 16 bits, of the first layer; Sums the 8 of the second. Those of the readout are longer.
template <class X, class Y, int n, int sets>
concept StageVectors = requires(const X x, const Y y, const uint64_t* first, int16_t (*stretched)(int), int16_t* w,
                                int16_t* const* row, int32_t* sum, const int16_t* long_x, const uint16_t* reciprocal,
                                uint32_t* const* cell, const uint8_t* bucket, int32_t number) {
  { find_slot(bucket, uint8_t()) } -> is<uint32_t>;  // 0, 16, 32 or 48; 64 if there is none with this check
  { gather<n>(first, number, stretched) } -> is<X>;  // the first eight, then stretched(i), i < number
  { dot_rows<sets>(x, row, number, int16_t(), sum) } -> is<Y>;  // of as many rows, bounded; then zeros and a last one
  dot_both(y, row, sum);  // of two rows
  { dot_both(long_x, row, number) } -> is<int32_t>;  // with the sum of two rows of so many; wraps
  learn(x, w, number);  // w += x·error, bounded
  learn(y, w, number);
  learn(long_x, w, number, number);  // so many, a multiple of 64
  learn_cells(reciprocal, cell, number, number);  // so many cells move towards a target
};

}  // namespace
}  // namespace nncomp::mix
