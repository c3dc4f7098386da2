// The kernels' algorithms, written on the vectors of one instruction set. A file kernel_*.cpp includes its
// simd_*.hpp and then this header; everything is in unnamed namespaces, because code compiled for one
// instruction set must never be linked into another. Expected of simd_*.hpp (see simd_portable.hpp):
// the types Vec (16 × int32) and Bytes (64 × 8 bit), the operations on them, and the constants
// TILE_VECS (vectors of outputs that the product of a row block keeps in registers) and MAX_ACCUMULATORS.
#pragma once

#include <cassert>
#include <cstdint>

#include "kernel.hpp"

namespace nncomp {
namespace {

Vec clamp8(Vec v) { return min(max(v, splat(-127)), splat(127)); }
Vec clamp16(Vec v) { return min(max(v, splat(-32767)), splat(32767)); }

void add_row(const int8_t* row, int n, int32_t m, int32_t* x) {
  assert(n % 16 == 0);
  for (int i = 0; i < n; i += 16) {
    const Vec v = shift_left<10>(widen(row + i));
    store(x + i, add(load(x + i), clamp16(rq(v, splat(m)))));
  }
}

// floor(√s). Newton's step never goes below it, and from a start that is at most 1.09 times too large three
// steps leave at most a rounding, which the loop at the end takes off whatever it is.
uint32_t isqrt(uint64_t s) {
  if (s == 0) return 0;
  const int e = (63 - __builtin_clzll(s)) / 2;                   // 4^e <= s < 4^(e+1)
  uint64_t r = (s >> e) / 3 + ((uint64_t(3) << e) >> 2) + 1;     // the tangent at s = 2.25·4^e
  r = (r + s / r) >> 1;
  r = (r + s / r) >> 1;
  r = (r + s / r) >> 1;
  while (r * r > s) --r;
  return uint32_t(r);
}

void norm(const int32_t* x, int rows, int n, uint64_t c, uint8_t* y) {
  assert(n % 64 == 0);
  for (int row = 0; row < rows; ++row, x += n, y += n) {
    const uint32_t root = isqrt(sum_squares(x, n));  // √ of less than 2^55
    uint64_t r = c / (root > 0 ? root : 1);
    if (r > 0x7FFFFFFF) r = 0x7FFFFFFF;
    const Vec m = splat(int32_t(r));
    for (int i = 0; i < n; i += 16) store_bytes(y + i, add(clamp8(rq(load(x + i), m)), splat(128)));
  }
}

// ---- products ----

// R rows × V vectors of 16 outputs from output n on; finish(row, output, sums) gets each vector.
template <int R, int V, class Finish>
inline void tile(const Matrix& w, const uint8_t* a, int row, int n, Finish finish) {
  Vec sum[R][V];
  const int8_t* weight = w.weight + int64_t(n) * w.inputs;
  const int64_t next = 16 * int64_t(w.inputs);  // to the next 16 outputs
  for (int v = 0; v < V; ++v) {
    for (int r = 0; r < R; ++r) sum[r][v] = load(w.start + n + 16 * v);
  }
  a += int64_t(row) * w.inputs;
  for (int k = 0; k < w.inputs; k += 4) {
    Bytes four[R];
    for (int r = 0; r < R; ++r) four[r] = repeat4(a + r * w.inputs + k);
    for (int v = 0; v < V; ++v) {
      const Bytes b = load_bytes(weight + v * next + 16 * k);
      for (int r = 0; r < R; ++r) sum[r][v] = dot(sum[r][v], four[r], b);
    }
  }
  for (int v = 0; v < V; ++v) {
    const Multiplier m(load(w.m + n + 16 * v));
    for (int r = 0; r < R; ++r) finish(row + r, n + 16 * v, m.rq(sum[r][v]));
  }
}

// finish(row, output, rq(W·a)) for all rows and each 16 outputs. The weights of a tile stay in the
// first-level cache while all rows pass.
template <class Finish>
inline void multiply(const Matrix& w, const uint8_t* a, int rows, Finish finish) {
  constexpr int V = TILE_VECS;
  static_assert(64 % (16 * V) == 0);
  assert(w.outputs % 64 == 0 && w.inputs % 64 == 0);
  for (int n = 0; n < w.outputs; n += 16 * V) {
    int row = 0;
    for (; row + 4 <= rows; row += 4) tile<4, V>(w, a, row, n, finish);
    switch (rows - row) {
      case 3: tile<3, V>(w, a, row, n, finish); break;
      case 2: tile<2, V>(w, a, row, n, finish); break;
      case 1: tile<1, V>(w, a, row, n, finish); break;
    }
  }
}

void project(const Matrix& w, const uint8_t* a, int rows, int8_t* out) {
  multiply(w, a, rows, [&](int row, int n, Vec v) {
    store_bytes(out + int64_t(row) * w.outputs + n, clamp8(v));
  });
}

void accumulate(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
  multiply(w, a, rows, [&](int row, int n, Vec v) {
    int32_t* p = out + int64_t(row) * w.outputs + n;
    store(p, add(load(p), clamp16(v)));
  });
}

void expand(const Matrix& w, const uint8_t* a, int rows, uint8_t* out) {
  multiply(w, a, rows, [&](int row, int n, Vec v) {
    const Vec p = min(max(v, splat(0)), splat(4095));
    const Vec s = min(shift_right<16>(add(square12(p), splat(1 << 15))), splat(255));
    store_bytes(out + int64_t(row) * w.outputs + n, s);
  });
}

void logits(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
  multiply(w, a, rows, [&](int row, int n, Vec v) { store(out + int64_t(row) * w.outputs + n, v); });
}

// ---- attention ----

// Scores of G heads and N blocks of 16 positions: z = rq(q·k, m) + bias. `start` is −128·Σq, what the keys'
// + 128 adds; `top` gathers the maxima.
template <int h, int G, int N>
inline void score_blocks(const int8_t* q, const uint8_t* keys, const Multiplier& m, const Vec* start,
                         const int32_t* const* bias, int32_t* const* z, int block, Vec* top) {
  Vec sum[G][N];
  for (int g = 0; g < G; ++g) {
    for (int n = 0; n < N; ++n) sum[g][n] = start[g];
  }
  keys += int64_t(block) * 16 * h;
  for (int k = 0; k < h; k += 4) {
    Bytes key[N];
    for (int n = 0; n < N; ++n) key[n] = load_bytes(keys + (16 * h) * n + 16 * k);
    for (int g = 0; g < G; ++g) {
      const Bytes four = repeat4(q + g * h + k);
      for (int n = 0; n < N; ++n) sum[g][n] = dot(sum[g][n], key[n], four);
    }
  }
  for (int g = 0; g < G; ++g) {
    for (int n = 0; n < N; ++n) {
      const Vec s = add(m.rq(sum[g][n]), load(bias[g] + 16 * (block + n)));
      store(z[g] + 16 * (block + n), s);
      top[g] = max(top[g], s);
    }
  }
}

// G heads: scores, softmax weights, weighted sum of the values.
template <int h, int G>
void attend_heads(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values,
                  int head, int index, uint8_t* out) {
  constexpr int SPAN = MAX_WINDOW + 64;  // positions a window can touch in whole blocks of 16, rounded to 64
  alignas(64) int32_t score[G][SPAN];
  alignas(64) uint8_t weight[G][SPAN];

  // Blocks of 16 positions that the window touches. From here on positions count from the first one.
  const int first = index >= at.window ? (index - at.window + 1) & ~15 : 0;
  const int blocks = ((index - first) >> 4) + 1;
  assert(16 * blocks <= SPAN);
  keys += int64_t(first) * h;
  values += int64_t(first) * h;
  q += head * h;

  Vec start[G];
  Vec top[G];
  int32_t* z[G];
  const int32_t* bias[G];
  for (int g = 0; g < G; ++g) {
    start[g] = splat(0);
    for (int k = 0; k < h; k += 4) start[g] = dot(start[g], splat_bytes(128), repeat4(q + g * h + k));
    start[g] = sub(splat(0), start[g]);
    top[g] = splat(BIAS_NEVER);
    z[g] = score[g];
    // bias[W − 1 − j] belongs to distance j = index − position
    bias[g] = at.bias + int64_t(head + g) * (at.window + 2 * BIAS_PAD) + BIAS_PAD + at.window - 1 - index + first;
  }
  const Multiplier m(splat(at.m));
  int block = 0;
  for (; block + 2 <= blocks; block += 2) score_blocks<h, G, 2>(q, keys, m, start, bias, z, block, top);
  if (block < blocks) score_blocks<h, G, 1>(q, keys, m, start, bias, z, block, top);

  uint64_t r[G];
  for (int g = 0; g < G; ++g) {
    for (block = blocks; block % 4 != 0; ++block) store(score[g] + 16 * block, splat(BIAS_NEVER));
    const uint32_t sum = exp_weights(score[g], 16 * block, highest(top[g]), weight[g]);
    assert(sum >= 255);
    r[g] = at.c / sum;
  }

  constexpr int V = h / 16;
  Vec total[G][V];
  for (int g = 0; g < G; ++g) {
    for (int v = 0; v < V; ++v) total[g][v] = splat(0);
  }
  for (int p = 0; p < 16 * blocks; p += 4) {
    Bytes four[G];
    for (int g = 0; g < G; ++g) four[g] = repeat4(weight[g] + p);
    for (int v = 0; v < V; ++v) {
      const Bytes value = load_bytes(values + p * h + 64 * v);
      for (int g = 0; g < G; ++g) total[g][v] = dot(total[g][v], four[g], value);
    }
  }
  for (int g = 0; g < G; ++g) {
    for (int v = 0; v < V; ++v) {
      const Vec o = clamp8(rq(total[g][v], splat(int32_t(r[g]))));
      store_bytes(out + (head + g) * h + 16 * v, add(o, splat(128)));
    }
  }
}

template <int h, int G>
constexpr bool fits = G == 1 || (G * (h / 16) <= MAX_ACCUMULATORS && 2 * G <= MAX_ACCUMULATORS);

template <int h>
void attend_all(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values,
                int index, uint8_t* out) {
  int head = 0;
  const auto run = [&]<int G>() {
    if constexpr (fits<h, G>) {
      if (at.heads % G != 0 || head == at.heads) return;
      for (; head < at.heads; head += G) attend_heads<h, G>(at, q, keys, values, head, index, out);
    }
  };
  run.template operator()<6>();
  run.template operator()<4>();
  run.template operator()<3>();
  run.template operator()<2>();
  run.template operator()<1>();
}

void attend(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values, int index,
            uint8_t* out) {
  switch (at.head) {
    case 16: return attend_all<16>(at, q, keys, values, index, out);
    case 32: return attend_all<32>(at, q, keys, values, index, out);
    case 64: return attend_all<64>(at, q, keys, values, index, out);
    case 128: return attend_all<128>(at, q, keys, values, index, out);
  }
}

void weights(const int32_t* z, uint32_t* weight, uint64_t* sum) {
  Vec top = load(z);
  for (int i = 16; i < 256; i += 16) top = max(top, load(z + i));
  const int32_t highest_z = highest(top);
  for (int i = 0; i < 16; ++i) sum[i] = pow_weights(z + 16 * i, highest_z, weight + 16 * i);
}

constexpr Kernel kernel(const char* name) {
  return {name, add_row, norm, project, accumulate, expand, logits, attend, weights};
}

}  // namespace
}  // namespace nncomp
