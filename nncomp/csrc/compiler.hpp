// What compilers spell differently, for GCC, Clang, MSVC and NVRTC. In an unnamed namespace: see kernels/body.hpp.
#pragma once

#include <cstdint>

// Whether the compiler has GCC's extensions; Clang has them too, even where it stands in for MSVC. `make compilers`
// defines NO_EXTENSIONS to build as a compiler without them would.
#if (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDACC__) && !defined(NO_EXTENSIONS)
#define GNU_EXTENSIONS
#elif defined(_MSC_VER) && !defined(__CUDACC__)
#include <intrin.h>
#endif

#if defined(__CUDACC__)
#define assert(condition) static_cast<void>(0)
#else
#include <cassert>
#include <cstring>  // memcpy, which NVRTC knows without
#endif

// In front of a loop of `count` iterations: unrolls it, so that its arrays become registers.
#define NNCOMP_PRAGMA(text) _Pragma(#text)
#if defined(__CUDACC__) || defined(__clang__)
#define UNROLL(count) NNCOMP_PRAGMA(unroll)
#elif defined(GNU_EXTENSIONS)
#define UNROLL(count) NNCOMP_PRAGMA(GCC unroll count)
#else
#define UNROLL(count)
#endif

// Inlines a function everywhere, so that no object file has a copy of it that could be linked into another: for
// members of classes that are in no unnamed namespace.
#if defined(__CUDACC__)
#define ALWAYS_INLINE __forceinline__
#elif defined(GNU_EXTENSIONS)
#define ALWAYS_INLINE __attribute__((always_inline)) inline
#elif defined(_MSC_VER)
#define ALWAYS_INLINE __forceinline
#else
#define ALWAYS_INLINE inline
#endif

namespace nncomp {
namespace {

// Prefetches the cache line of an address that will soon be read, perhaps by several threads. Any address is allowed.
inline void prefetch_to_read(const void* p) {
#if defined(__CUDACC__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
#elif defined(GNU_EXTENSIONS)
  __builtin_prefetch(p, 0);
#elif defined(_M_X64)  // MSVC
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
#else
  (void)p;
#endif
}

// Likewise of one that will soon be written to.
inline void prefetch(const void* p) {
#if defined(__CUDACC__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
#elif defined(GNU_EXTENSIONS)
  __builtin_prefetch(p, 1);
#elif defined(_M_X64)  // MSVC
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
#else
  (void)p;
#endif
}

// The place, 0 … 63, of the highest and of the lowest 1 in x, which is not 0. Not by <bit>: a function of the standard
// library may be linked from any object file, whichever instruction set that was compiled for.
inline int highest_bit(uint64_t x) {
#if defined(__CUDACC__)
  return 63 - __clzll(int64_t(x));
#elif defined(GNU_EXTENSIONS)
  return 63 - __builtin_clzll(x);
#elif defined(_MSC_VER)
  unsigned long place;
  _BitScanReverse64(&place, x);
  return int(place);
#else
  int place = 63;
  while (!(x >> place & 1)) --place;
  return place;
#endif
}
inline int lowest_bit(uint64_t x) {
#if defined(__CUDACC__)
  return __ffsll(int64_t(x)) - 1;
#elif defined(GNU_EXTENSIONS)
  return __builtin_ctzll(x);
#elif defined(_MSC_VER)
  unsigned long place;
  _BitScanForward64(&place, x);
  return int(place);
#else
  int place = 0;
  while (!(x >> place & 1)) ++place;
  return place;
#endif
}

}  // namespace
}  // namespace nncomp
