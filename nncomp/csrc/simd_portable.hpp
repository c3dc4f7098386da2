// The vectors of kernel_body.hpp in plain C++: the meaning of each operation, and the kernel of machines
// that have no other. Loops of fixed length, which compilers turn into whatever the machine has.
#pragma once

#include <cstdint>
#include <cstring>

#include "tables.hpp"

namespace nncomp {
namespace {

constexpr int MAX_ACCUMULATORS = 4;

struct Vec {
  int32_t lane[16];
};

struct Bytes {  // u8 or s8, as the operation says
  uint8_t byte[64];
};

template <class F>
inline Vec each(F f) {
  Vec out;
  for (int i = 0; i < 16; ++i) out.lane[i] = f(i);
  return out;
}

inline Vec load(const int32_t* p) {
  return each([=](int i) { return p[i]; });
}
inline void store(int32_t* p, Vec v) { memcpy(p, v.lane, sizeof v.lane); }
inline Vec splat(int32_t x) {
  return each([=](int) { return x; });
}
inline Vec widen(const int8_t* p) {  // 16 s8
  return each([=](int i) { return int32_t(p[i]); });
}
inline Vec add(Vec a, Vec b) {
  return each([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline Vec sub(Vec a, Vec b) {
  return each([&](int i) { return a.lane[i] - b.lane[i]; });
}
inline Vec min(Vec a, Vec b) {
  return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Vec max(Vec a, Vec b) {
  return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
template <int n>
inline Vec shift_left(Vec v) {
  return each([&](int i) { return v.lane[i] * (1 << n); });
}
inline int32_t highest(Vec v) {
  int32_t top = v.lane[0];
  for (int32_t x : v.lane) top = x > top ? x : top;
  return top;
}

// The rounding rule with the same multipliers for many vectors: (x·m + 2^29) >> 30.
struct Multiplier {
  Vec m;
  explicit Multiplier(Vec m) : m(m) {}
  Vec rq(Vec x) const {
    return each([&](int i) {
      return int32_t((int64_t(x.lane[i]) * m.lane[i] + (int64_t(1) << 29)) >> 30);
    });
  }
};
inline Vec rq(Vec x, Vec m) { return Multiplier(m).rq(x); }

// Stores of 16·V bytes.
template <int V>
inline void store_clamp8(int8_t* p, const Vec (&v)[V]) {  // clamp8
  for (int i = 0; i < V; ++i) {
    const Vec c = min(max(v[i], splat(-127)), splat(127));
    for (int j = 0; j < 16; ++j) p[16 * i + j] = int8_t(c.lane[j]);
  }
}
template <int V>
inline void store_clamp8_plus128(uint8_t* p, const Vec (&v)[V]) {  // clamp8 + 128
  for (int i = 0; i < V; ++i) {
    const Vec c = min(max(v[i], splat(-127)), splat(127));
    for (int j = 0; j < 16; ++j) p[16 * i + j] = uint8_t(c.lane[j] + 128);
  }
}
template <int V>
inline void store_squared_relu(uint8_t* p, const Vec (&v)[V]) {  // min((clamp(v, 0, 4095)² + 2^15) >> 16, 255)
  for (int i = 0; i < V; ++i) {
    const Vec c = min(max(v[i], splat(0)), splat(4095));
    for (int j = 0; j < 16; ++j) {
      const int32_t s = (c.lane[j] * c.lane[j] + (1 << 15)) >> 16;
      p[16 * i + j] = uint8_t(s < 255 ? s : 255);
    }
  }
}

inline Bytes load_bytes(const void* p) {
  Bytes b;
  memcpy(b.byte, p, sizeof b.byte);
  return b;
}
inline Bytes repeat4(const void* p) {  // 4 bytes, 16 times
  Bytes b;
  for (int i = 0; i < 64; i += 4) memcpy(b.byte + i, p, 4);
  return b;
}
inline Bytes splat_bytes(int x) {
  Bytes b;
  memset(b.byte, x, sizeof b.byte);
  return b;
}

// sum[i] += Σ of the four products a[4i + j]·b[4i + j], a as u8 and b as s8
inline Vec dot(Vec sum, const Bytes& a, const Bytes& b) {
  return each([&](int i) {
    int32_t s = sum.lane[i];
    for (int j = 4 * i; j < 4 * i + 4; ++j) s += a.byte[j] * int8_t(b.byte[j]);
    return s;
  });
}

inline uint64_t sum_squares(const int32_t* x, int n) {  // |x| < 2^22
  uint64_t sum = 0;
  for (int i = 0; i < n; ++i) sum += uint64_t(int64_t(x[i]) * x[i]);
  return sum;
}

// u = EXP[top − z] for n scores, a multiple of 64; gives their sum.
inline uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
  uint32_t sum = 0;
  for (int i = 0; i < n; ++i) {
    u[i] = exp_weight(uint32_t(top - z[i]));
    sum += u[i];
  }
  return sum;
}

// The weights of 16 logits; gives their sum. Differences reach 2^31, so they are unsigned.
inline uint64_t pow_weights(const int32_t* z, int32_t top, uint32_t* weight) {
  uint64_t sum = 0;
  for (int i = 0; i < 16; ++i) {
    weight[i] = pow_weight(uint32_t(top) - uint32_t(z[i]));
    sum += weight[i];
  }
  return sum;
}

}  // namespace
}  // namespace nncomp
