// The x86 kernels' vectors of 32 bytes, Wide: one AVX2 register (avx2/wide.hpp) or two SSE4.1 registers
// (sse41/wide.hpp). A kernel includes one of these files before the code that uses it. As most AVX2 instructions work
// within halves of 16 bytes, two SSE4.1 instructions do the same. Functions with Intel's names are such instructions;
// most are generated from the lists below: those of two vectors, and those of a vector and a constant.
#pragma once

#include <immintrin.h>

#include "compiler.hpp"

// clang-format off
#define OF_TWO_VECTORS(MAKE) \
  MAKE(add_epi16) MAKE(add_epi32) MAKE(add_epi64) MAKE(adds_epi16) MAKE(avg_epu16) MAKE(cmpeq_epi32) MAKE(cmpeq_epi8) \
  MAKE(cmpgt_epi16) MAKE(cmpgt_epi8) MAKE(madd_epi16) MAKE(maddubs_epi16) MAKE(max_epi16) MAKE(max_epi32) \
  MAKE(min_epi16) MAKE(min_epi32) MAKE(min_epu16) MAKE(min_epu32) MAKE(mul_epi32) MAKE(mulhi_epu16) \
  MAKE(mulhrs_epi16) MAKE(mullo_epi32) MAKE(packs_epi32) MAKE(packus_epi16) MAKE(packus_epi32) MAKE(sad_epu8) \
  MAKE(shuffle_epi8) MAKE(sub_epi32) MAKE(sub_epi8) MAKE(subs_epu16) MAKE(unpackhi_epi8) MAKE(unpacklo_epi64) \
  MAKE(unpacklo_epi8)
#define OF_A_CONSTANT(MAKE) \
  MAKE(shuffle_epi32) MAKE(slli_epi16) MAKE(slli_epi32) MAKE(slli_epi64) MAKE(srai_epi16) MAKE(srai_epi32) \
  MAKE(srli_epi16) MAKE(srli_epi32) MAKE(srli_epi64)
// clang-format on
