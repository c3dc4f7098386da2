// Products of matrices with activations, and those of attention, by the dot products of a kernel's vectors.
#pragma once

#include <cassert>
#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "kernels/kernel.hpp"
#include "kernels/vectors.hpp"

namespace nncomp {
namespace {

// The groups of four positions where any head has weight: where each starts. `small` are those whose weights are small
// enough for dot_small(), `large` all others. Behind the last entries, find_groups() may write more.
struct Groups {
  static constexpr int ROOM = (MAX_WINDOW + 64) / 4 + 16;
  int small = 0, large = 0;
  int32_t small_at[ROOM], large_at[ROOM];
};

// Products by the vectors' `dot` alone; also the base class of others.
template <Vectors Simd>
struct DotProducts {
  // Whether factors that are 0 are skipped. Here `dot` is so fast that mispredicted branches would cost more.
  static constexpr bool SPARSE = false;

  using Vec = typename Simd::Vec;
  using Bytes = typename Simd::Bytes;
  using Multiplier = typename Simd::Multiplier;

  // Whether a query may be a sum of two, q and a rest, which are multiplied one after the other.
  static constexpr bool SPLIT = false;

  // A query of one head. score() adds the products of four of its channels with those of 16 keys, which are stored as
  // key + 128; sums begin with start().
  template <int h>
  struct Query {
    const int8_t* q;
    uint32_t set(const int8_t* from) {  // returns a bit for each four channels that have a rest
      q = from;
      return 0;
    }
  };
  // Simd::dot where no byte of a is above 127.
  static Vec dot_small(Vec sum, Bytes a, Bytes b) { return Simd::dot(sum, a, b); }

  // Finds the groups among `count` positions, a multiple of 4; behind them, up to a multiple of 64, weights are 0.
  template <int G, int N>
  static void find_groups(const uint8_t (&weight)[G][N], int count, Groups& groups) {
    for (int p = 0; p < count; p += 4) {
      uint32_t any = 0;
      UNROLL(16)
      for (int g = 0; g < G; ++g) {
        uint32_t four;
        memcpy(&four, weight[g] + p, 4);
        any |= four;
      }
      groups.small_at[groups.small] = groups.large_at[groups.large] = p;
      const bool large = (any & 0x80808080) != 0;
      groups.large += large;
      groups.small += any != 0 && !large;
    }
  }

  static Vec score(Vec sum, Bytes key, Bytes four) { return Simd::dot(sum, key, four); }
  template <int h>
  static Vec start(const Query<h>& query) {
    Vec sum = Simd::splat(0);
    UNROLL(32)
    for (int k = 0; k < h; k += 4) sum = Simd::dot(sum, Simd::splat_bytes(128), Simd::repeat4(query.q + k));
    return Simd::sub(Simd::splat(0), sum);
  }

  // out += clamp16(x) for 16 numbers of the residual stream.
  static void add_bounded(Vec x, int32_t* out) {
    const Vec bounded = Simd::min(Simd::max(x, Simd::splat(-32767)), Simd::splat(32767));
    Simd::store(out, Simd::add(Simd::load(out), bounded));
  }

  // R rows from `row` on × 16·V outputs from n on: calls finish(row, n, v) for each row, with its V Vecs, requantised.
  template <int R, int V, class Finish>
  static void tile(const Matrix& w, const uint8_t* a, int row, int n, Finish finish) {
    Vec sum[R][V];
    UNROLL(16)
    for (int v = 0; v < V; ++v) {
      const Vec start = Simd::load(w.start + n + 16 * v);
      UNROLL(16)
      for (int r = 0; r < R; ++r) sum[r][v] = start;
    }
    const int8_t* weight = w.weight + int64_t(n & ~63) * w.inputs + 4 * (n & 63);
    a += int64_t(row) * w.inputs;
    for (int k = 0; k < w.inputs; k += 4) {
      Bytes four[R];
      UNROLL(16)
      for (int r = 0; r < R; ++r) four[r] = Simd::repeat4(a + r * w.inputs + k);
      UNROLL(16)
      for (int v = 0; v < V; ++v) {
        const Bytes b = Simd::load_bytes(weight + 64 * k + 64 * v);
        UNROLL(16)
        for (int r = 0; r < R; ++r) sum[r][v] = Simd::dot(sum[r][v], four[r], b);
      }
    }
    UNROLL(16)
    for (int v = 0; v < V; ++v) {
      const Multiplier m(Simd::load(w.m + n + 16 * v));
      UNROLL(16)
      for (int r = 0; r < R; ++r) sum[r][v] = m.rq(sum[r][v]);
    }
    UNROLL(16)
    for (int r = 0; r < R; ++r) finish(row + r, n, sum[r]);
  }

  // R rows × 64 outputs, in tiles as wide as the registers allow.
  template <int R, class Finish>
  static void tiles(const Matrix& w, const uint8_t* a, int row, int n, Finish finish) {
    constexpr int V = 4 * R <= Simd::MAX_ACCUMULATORS ? 4 : 2 * R <= Simd::MAX_ACCUMULATORS ? 2 : 1;
    for (int v = 0; v < 4; v += V) tile<R, V>(w, a, row, n + 16 * v, finish);
  }

  // Calls finish(row, n, v) for all rows and outputs: v[i] is rq(W·a) of the 16 outputs from n + 16·i on. The weights
  // of 64 outputs stay in the first-level cache while all rows pass.
  template <class Finish>
  static void multiply(const Matrix& w, const uint8_t* a, int rows, Finish finish) {
    assert(w.outputs % 64 == 0 && w.inputs % 64 == 0);
    for (int n = 0; n < w.outputs; n += 64) {
      int row = 0;
      for (; row + 4 <= rows; row += 4) tiles<4>(w, a, row, n, finish);
      switch (rows - row) {
        case 3: tiles<3>(w, a, row, n, finish); break;
        case 2: tiles<2>(w, a, row, n, finish); break;
        case 1: tiles<1>(w, a, row, n, finish); break;
      }
    }
  }
};

// out += clamp16(rq(W·a)) by multiply() of `Products`; out: (rows, outputs), dense.
template <Vectors Simd, class Products>
void accumulate(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
  Products::multiply(w, a, rows, [&]<int V>(int row, int n, const typename Simd::Vec(&v)[V]) {
    int32_t* p = out + int64_t(row) * w.outputs + n;
    UNROLL(4)
    for (int i = 0; i < V; ++i) DotProducts<Simd>::add_bounded(v[i], p + 16 * i);
  });
}

}  // namespace
}  // namespace nncomp
