// The operations of nncomp/contexts/expression.py, with which values of contexts are computed, on numbers of 64 bits
// that wrap; and hashes. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

namespace nncomp::mix {
namespace {

constexpr uint64_t K1 = 0x9E3779B97F4A7C15, K2 = 0xD6E8FEB86659FD93, K3 = 0x632BE59BD9B4E019;

inline uint64_t combine(uint64_t a, uint64_t b) { return (a + b * K1 + 0x7F4A7C15) * K2; }  // a # b
inline uint64_t context_hash(uint64_t v, uint32_t number) {
  const uint64_t g = (v + (number + 1) * K3) * K1;
  return (g ^ g >> 29) * K2;
}
inline uint64_t with_nibble(uint64_t h, uint32_t nibble) { return (h ^ (nibble + 1) * K1) * K2; }
inline uint64_t pick(uint64_t v) { return combine(v, 1) >> 52; }  // one of 2^12

// These take numbers as signed.
inline bool more(uint64_t a, uint64_t b) { return int64_t(a) > int64_t(b); }
inline uint64_t right(uint64_t a, int by) { return uint64_t(int64_t(a) >> by); }
inline uint64_t least(uint64_t a, uint64_t b) { return more(a, b) ? b : a; }
inline uint64_t absolute(uint64_t a) { return more(0, a) ? 0 - a : a; }
inline uint64_t clip(uint64_t a) { return more(0, a) ? 0 : least(a, 255); }

inline uint32_t length_class(uint32_t n) {  // 0 … 23
  if (n < 16) return n;
  if (n < 32) return n < 24 ? 16 : 17;
  if (n < 64) return 18;
  if (n < 128) return 19;
  if (n < 256) return 20;
  if (n < 512) return 21;
  return n < 1024 ? 22 : 23;
}

}  // namespace
}  // namespace nncomp::mix
