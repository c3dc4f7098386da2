// Vectors of AVX2 with AVX-VNNI, whose dot product of bytes is one instruction.
#pragma once

#include "compiler.hpp"
#include "kernels/x86/simd.hpp"

namespace nncomp {
namespace {

struct AvxVnni : X86 {
  // _mm256_dpbusd_avx_epi32, written so that compilers accumulate in place: see avx512/simd.hpp
  static __m256i dot8(__m256i sum, __m256i a, __m256i b) {
#if defined(GNU_EXTENSIONS)
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, a, b);
#endif
  }
  static Vec dot(Vec sum, Bytes a, Bytes b) { return {dot8(sum.a, a.a, b.a), dot8(sum.b, a.b, b.b)}; }
};

}  // namespace
}  // namespace nncomp
