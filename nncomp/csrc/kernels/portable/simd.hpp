// Vectors in plain C++: these define what each operation means, and serve machines that have no other kernel.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/portable/lanes.hpp"
#include "network/tables.hpp"

namespace nncomp {
namespace {

struct Portable {
  static constexpr int MAX_ACCUMULATORS = 4;

  struct Vec {  // 16 × int32
    Int4 quarter[4];
  };
  struct Bytes {  // 64 × u8 or s8, as the operation says
    UInt8 quarter[4];
  };

  template <class F>
  static Vec each(F f) {
    return {{f(0), f(1), f(2), f(3)}};
  }

  static Vec load(const int32_t* p) {
    Vec v;
    memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(int32_t* p, Vec v) { memcpy(p, &v, sizeof v); }
  static Vec splat(int32_t x) {
    return each([=](int) { return Int4{x, x, x, x}; });
  }
  static Vec widen(const int8_t* p) {  // 16 s8
    return each([=](int i) { return Int4{p[4 * i], p[4 * i + 1], p[4 * i + 2], p[4 * i + 3]}; });
  }

  static Vec add(const Vec& a, const Vec& b) {
    return each([&](int i) { return a.quarter[i] + b.quarter[i]; });
  }
  static Vec sub(const Vec& a, const Vec& b) {
    return each([&](int i) { return a.quarter[i] - b.quarter[i]; });
  }
  static Vec min(const Vec& a, const Vec& b) {
    return each([&](int i) { return choose(a.quarter[i] < b.quarter[i], a.quarter[i], b.quarter[i]); });
  }
  static Vec max(const Vec& a, const Vec& b) {
    return each([&](int i) { return choose(b.quarter[i] < a.quarter[i], a.quarter[i], b.quarter[i]); });
  }
  template <int n>
  static Vec shift_left(const Vec& v) {
    return each([&](int i) { return Int4(UInt4(v.quarter[i]) << n); });
  }
  static int32_t highest(const Vec& v) {
    int32_t lane[16];
    store(lane, v);
    int32_t top = lane[0];
    for (int32_t x : lane) top = x > top ? x : top;
    return top;
  }

  // The rounding rule with the same multipliers for many vectors: (x·m + 2^29) >> 30.
  struct Multiplier {
    int32_t m[16];
    explicit Multiplier(const Vec& v) { store(m, v); }
    Vec rq(const Vec& x) const {
      int32_t lane[16];
      store(lane, x);
      for (int i = 0; i < 16; ++i) {
        lane[i] = int32_t((int64_t(lane[i]) * m[i] + (int64_t(1) << 29)) >> 30);
      }
      return load(lane);
    }
  };

  static Bytes load_bytes(const void* p) {
    Bytes b;
    memcpy(&b, p, sizeof b);
    return b;
  }
  static Bytes repeat4(const void* p) {  // 4 bytes, 16 times
    uint32_t x;
    memcpy(&x, p, 4);
    const UInt8 four = UInt8(UInt4{x, x, x, x});
    return {{four, four, four, four}};
  }
  static Bytes splat_bytes(int x) {
    const uint8_t byte = uint8_t(x);
    const uint8_t four[4] = {byte, byte, byte, byte};
    return repeat4(four);
  }

  // sum[i] += Σ of the four products a[4i + j]·b[4i + j], a as u8 and b as s8. A product fits 16 bits, as
  // |u8·s8| <= 255·127, but not a sum of two.
  static Vec dot(const Vec& sum, const Bytes& a, const Bytes& b) {
    return each([&](int i) {
      const UInt8 u = a.quarter[i];
      const UInt8 s = b.quarter[i];
      const UInt4 even = UInt4(Int8(u & 255) * (Int8(s << 8) >> 8));
      const UInt4 odd = UInt4(Int8(u >> 8) * (Int8(s) >> 8));
      const Int4 low = (Int4(even << 16) >> 16) + (Int4(odd << 16) >> 16);
      const Int4 high = (Int4(even) >> 16) + (Int4(odd) >> 16);
      return sum.quarter[i] + low + high;
    });
  }

  // Stores f of each lane of V Vecs, 16·V bytes.
  template <int V, class T, class F>
  static void store_each(T* p, const Vec (&v)[V], F f) {
    for (int i = 0; i < V; ++i, p += 16) {
      int32_t lane[16];
      store(lane, v[i]);
      for (int j = 0; j < 16; ++j) p[j] = T(f(lane[j]));
    }
  }
  static int32_t clamped(int32_t x, int32_t low, int32_t high) {
    x = x > low ? x : low;
    return x < high ? x : high;
  }
  template <int V>
  static void store_clamp8(int8_t* p, const Vec (&v)[V]) {
    store_each(p, v, [](int32_t x) { return clamped(x, -127, 127); });
  }
  template <int V>
  static void store_clamp8_plus128(uint8_t* p, const Vec (&v)[V]) {
    store_each(p, v, [](int32_t x) { return clamped(x, -127, 127) + 128; });
  }
  // Squared ReLUs: docs/numerics.md, section 5.2.
  template <int V>
  static void store_squared_relu(uint8_t* p, const Vec (&v)[V]) {
    store_each(p, v, [](int32_t x) {
      x = clamped(x, 0, 4095);
      return clamped((x * x + (1 << 15)) >> 16, 0, 255);
    });
  }

  static uint64_t sum_squares(const int32_t* x, int n) {  // |x| < 2^22
    uint64_t sum = 0;
    for (int i = 0; i < n; ++i) sum += uint64_t(int64_t(x[i]) * x[i]);
    return sum;
  }

  // The softmax weights u = EXP[top − z] of n scores, a multiple of 64, of which `top` is the highest; returns their
  // sum.
  static uint32_t exp_weights(const int32_t* z, int n, int32_t top, uint8_t* u) {
    uint32_t sum = 0;
    for (int i = 0; i < n; ++i) {
      u[i] = exp_weight(uint32_t(top - z[i]));
      sum += u[i];
    }
    return sum;
  }

  // The frequencies of 16 logits; `top` is the highest of all 256. Returns their sum. Differences reach 2^31, so they
  // are unsigned.
  static uint64_t pow_frequencies(const int32_t* z, int32_t top, uint32_t* frequency) {
    uint64_t sum = 0;
    for (int i = 0; i < 16; ++i) {
      frequency[i] = pow_frequency(uint32_t(top) - uint32_t(z[i]));
      sum += frequency[i];
    }
    return sum;
  }
};

}  // namespace
}  // namespace nncomp
