// What compilers spell differently, for GCC, Clang, MSVC and NVRTC. In an unnamed namespace: see kernels/body.hpp.
#pragma once

#include <cstdint>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

#if defined(__CUDACC__)
#define assert(condition) static_cast<void>(0)
#else
#include <cassert>
#endif

// In front of a loop of `count` turns that is to be unrolled, so that its arrays become registers.
#define NNCOMP_PRAGMA(text) _Pragma(#text)
#if defined(__CUDACC__) || defined(__clang__)
#define UNROLL(count) NNCOMP_PRAGMA(unroll)
#elif defined(__GNUC__)
#define UNROLL(count) NNCOMP_PRAGMA(GCC unroll count)
#else
#define UNROLL(count)
#endif

// For a function of a class, which has no unnamed namespace: no object file has a copy of it to be linked.
#if defined(__CUDACC__)
#define ALWAYS_INLINE __forceinline__
#elif defined(__GNUC__)
#define ALWAYS_INLINE __attribute__((always_inline)) inline
#else
#define ALWAYS_INLINE __forceinline
#endif

namespace nncomp {
namespace {

// Brings the cache line of an address nearer, which is soon written to. Any address will do.
inline void prefetch(const void* p) {
#if defined(__CUDACC__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
#elif defined(__GNUC__)
  __builtin_prefetch(p, 1);
#elif defined(_M_X64)  // MSVC
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
#else
  (void)p;
#endif
}

// The place of the highest and of the lowest 1 in x, which is not 0. Not <bit>: a function of the standard library may
// be linked from any object file, whichever instruction set that was compiled for.
inline int highest_bit(uint64_t x) {
#if defined(__CUDACC__)
  return 63 - __clzll(int64_t(x));
#elif defined(__GNUC__)
  return 63 - __builtin_clzll(x);
#else
  unsigned long place;
  _BitScanReverse64(&place, x);
  return int(place);
#endif
}
inline int lowest_bit(uint64_t x) {
#if defined(__CUDACC__)
  return __ffsll(int64_t(x)) - 1;
#elif defined(__GNUC__)
  return __builtin_ctzll(x);
#else
  unsigned long place;
  _BitScanForward64(&place, x);
  return int(place);
#endif
}

}  // namespace
}  // namespace nncomp
