// The network's part of a kernel, as templates over the vectors of one instruction set (see vectors.hpp). A kernel's
// kernel.cpp includes its simd.hpp, and then this header.
//
// Of an inline function that several object files have, the linker keeps any one copy, perhaps one compiled for
// instructions that this CPU lacks. So vectors, and whatever else a kernel includes, are in unnamed namespaces: each
// object file has its own copies, and exports its Kernel or StageKernel alone.
#pragma once

#include <cassert>
#include <cstdint>
#include <cstring>

#include "compiler.hpp"
#include "kernels/kernel.hpp"
#include "kernels/products.hpp"
#include "kernels/vectors.hpp"
#include "root.hpp"

namespace nncomp {
namespace {

// The network's inner loops. `Products` is DotProducts<Simd>, or has the same members; if its SPARSE is true, it also
// has accumulate_columns.
template <Vectors Simd, class Products>
struct Loops {
  using Vec = typename Simd::Vec;
  using Bytes = typename Simd::Bytes;
  using Multiplier = typename Simd::Multiplier;

  static void add_row(const int8_t* row, int n, int32_t m, int32_t* x) {
    assert(n % 16 == 0);
    const Multiplier by(Simd::splat(m));
    for (int i = 0; i < n; i += 16) {
      const Vec v = Simd::template shift_left<10>(Simd::widen(row + i));
      DotProducts<Simd>::add_bounded(by.rq(v), x + i);
    }
  }

  static void norm(const int32_t* x, int rows, int n, uint64_t c, uint8_t* y) {
    assert(n % 64 == 0);
    constexpr int GROUP = 8;  // rows whose square roots and divisions, which take long, overlap
    for (int row = 0; row < rows; row += GROUP) {
      const int group = rows - row < GROUP ? rows - row : GROUP;
      uint64_t s[GROUP];
      Vec m[GROUP];
      for (int i = 0; i < group; ++i) s[i] = Simd::sum_squares(x + i * n, n);  // < 2^55
      for (int i = 0; i < group; ++i) {
        const uint32_t root = isqrt(s[i]);
        const uint64_t r = c / (root > 0 ? root : 1);
        m[i] = Simd::splat(r > 0x7FFFFFFF ? 0x7FFFFFFF : int32_t(r));
      }
      for (int i = 0; i < group; ++i, x += n, y += n) {
        const Multiplier by(m[i]);
        for (int k = 0; k < n; k += 64) {
          Vec v[4];
          UNROLL(4)
          for (int j = 0; j < 4; ++j) v[j] = by.rq(Simd::load(x + k + 16 * j));
          Simd::store_clamp8_plus128(y + k, v);
        }
      }
    }
  }

  // ---- products ----

  static void project(const Matrix& w, const uint8_t* a, int rows, int8_t* out) {
    Products::multiply(w, a, rows, [&]<int V>(int row, int n, const Vec(&v)[V]) {
      Simd::store_clamp8(out + int64_t(row) * w.outputs + n, v);
    });
  }

  static void accumulate(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    if constexpr (Products::SPARSE) {
      if (w.columns) return Products::accumulate_columns(w, a, rows, out);
    }
    nncomp::accumulate<Simd, Products>(w, a, rows, out);
  }

  static void expand(const Matrix& w, const uint8_t* a, int rows, uint8_t* out) {
    Products::multiply(w, a, rows, [&]<int V>(int row, int n, const Vec(&v)[V]) {
      Simd::store_squared_relu(out + int64_t(row) * w.outputs + n, v);
    });
  }

  static void logits(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    Products::multiply(w, a, rows, [&]<int V>(int row, int n, const Vec(&v)[V]) {
      UNROLL(4)
      for (int i = 0; i < V; ++i) Simd::store(out + int64_t(row) * w.outputs + n + 16 * i, v[i]);
    });
  }

  // ---- attention ----

  // Scores of G heads at N blocks of 16 positions: z = rq(q·k, m) + bias. Sums begin with `start`, which takes off
  // what the keys' + 128 adds. `more` has a bit for each four channels in which some query has a rest. `top` keeps the
  // highest score of each lane.
  template <int h, int G, int N>
  static void score_blocks(const typename Products::template Query<h>* q, [[maybe_unused]] uint32_t more,
                           const uint8_t* keys, const Multiplier& m, const Vec* start, const int32_t* const* bias,
                           int32_t* const* z, int block, Vec* top) {
    Vec sum[G][N];
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      UNROLL(16)
      for (int n = 0; n < N; ++n) sum[g][n] = start[g];
    }
    keys += int64_t(block) * 16 * h;
    const auto add_four = [&](int k, auto channels) {
      Bytes key[N];
      UNROLL(16)
      for (int n = 0; n < N; ++n) key[n] = Simd::load_bytes(keys + (16 * h) * n + 16 * k);
      UNROLL(16)
      for (int g = 0; g < G; ++g) {
        const Bytes four = Simd::repeat4(channels(q[g]) + k);
        UNROLL(16)
        for (int n = 0; n < N; ++n) sum[g][n] = Products::score(sum[g][n], key[n], four);
      }
    };
    UNROLL(32)
    for (int k = 0; k < h; k += 4) add_four(k, [](const auto& query) { return query.q; });
    if constexpr (Products::SPLIT) {
      for (uint32_t mask = more; mask != 0; mask &= mask - 1) {
        add_four(4 * lowest_bit(mask), [](const auto& query) { return query.rest; });
      }
    }
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      UNROLL(16)
      for (int n = 0; n < N; ++n) {
        const Vec s = Simd::add(m.rq(sum[g][n]), Simd::load(bias[g] + 16 * (block + n)));
        Simd::store(z[g] + 16 * (block + n), s);
        top[g] = Simd::max(top[g], s);
      }
    }
  }

  // Positions of the whole blocks of 16 that a window overlaps, at most, rounded up to a multiple of 64.
  static constexpr int SPAN = MAX_WINDOW + 64;

  // Scores of G heads from `head` on, at `blocks` blocks of 16 positions from `first` on, and the highest of each
  // lane. Behind them, up to a multiple of 64 positions, scores are BIAS_NEVER.
  template <int h, int G>
  ALWAYS_INLINE static void scores(const Attention& at, const int8_t* q, const uint8_t* keys, int head, int index,
                                   int first, int blocks, int32_t (&score)[G][SPAN], Vec (&top)[G]) {
    typename Products::template Query<h> query[G];
    Vec start[G];
    int32_t* z[G];
    const int32_t* bias[G];
    uint32_t more = 0;
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      more |= query[g].set(q + g * h);
      start[g] = Products::start(query[g]);
      top[g] = Simd::splat(BIAS_NEVER);
      z[g] = score[g];
      // bias[W − 1 − j] belongs to distance j = index − position
      bias[g] = at.bias + int64_t(head + g) * (at.window + 2 * BIAS_PAD) + BIAS_PAD + at.window - 1 - index + first;
    }
    const Multiplier m(Simd::splat(at.m));
    int block = 0;
    for (; block + 2 <= blocks; block += 2) score_blocks<h, G, 2>(query, more, keys, m, start, bias, z, block, top);
    if (block < blocks) score_blocks<h, G, 1>(query, more, keys, m, start, bias, z, block, top);
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      for (block = blocks; block % 4 != 0; ++block) Simd::store(z[g] + 16 * block, Simd::splat(BIAS_NEVER));
    }
  }

  // The sums of the values of `count` positions, a multiple of 4, weighted for each of G heads, requantised by r and
  // stored + 128; out: (G, h).
  template <int h, int G>
  ALWAYS_INLINE static void weigh(const uint8_t (&weight)[G][SPAN], const int8_t* values, int count,
                                  const uint64_t (&r)[G], uint8_t* out) {
    constexpr int V = h / 16;
    Vec total[G][V];
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      UNROLL(16)
      for (int v = 0; v < V; ++v) total[g][v] = Simd::splat(0);
    }
    const auto add_four = [&](int p, auto dot) {
      Bytes four[G];
      UNROLL(16)
      for (int g = 0; g < G; ++g) four[g] = Simd::repeat4(weight[g] + p);
      UNROLL(16)
      for (int v = 0; v < V; ++v) {
        const Bytes value = Simd::load_bytes(values + p * h + 64 * v);
        UNROLL(16)
        for (int g = 0; g < G; ++g) total[g][v] = dot(total[g][v], four[g], value);
      }
    };
    if constexpr (Products::SPARSE) {
      Groups groups;  // few, as most weights are 0
      Products::find_groups(weight, count, groups);
      for (int i = 0; i < groups.small; ++i) add_four(groups.small_at[i], Products::dot_small);
      for (int i = 0; i < groups.large; ++i) add_four(groups.large_at[i], Simd::dot);
    } else {
      for (int p = 0; p < count; p += 4) add_four(p, Simd::dot);
    }
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      const Multiplier by(Simd::splat(int32_t(r[g])));
      UNROLL(16)
      for (int v = 0; v < V; ++v) total[g][v] = by.rq(total[g][v]);
      Simd::store_clamp8_plus128(out + g * h, total[g]);
    }
  }

  // Attention of G heads from `head` on: scores, softmax weights, weighted sum of the values.
  template <int h, int G>
  static void attend_heads(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values, int head,
                           int index, uint8_t* out) {
    alignas(64) int32_t score[G][SPAN];
    alignas(64) uint8_t weight[G][SPAN];
    // Blocks of 16 positions that the window overlaps. From here on, positions are counted from `first`.
    const int first = index >= at.window ? (index - at.window + 1) & ~15 : 0;
    const int blocks = ((index - first) >> 4) + 1;
    assert(16 * blocks <= SPAN);

    Vec top[G];
    scores<h, G>(at, q + head * h, keys + int64_t(first) * h, head, index, first, blocks, score, top);
    uint64_t r[G];
    UNROLL(16)
    for (int g = 0; g < G; ++g) {
      const uint32_t sum = Simd::exp_weights(score[g], (16 * blocks + 63) & ~63, Simd::highest(top[g]), weight[g]);
      assert(sum >= 255);
      r[g] = at.c / sum;
    }
    weigh<h, G>(weight, values + int64_t(first) * h, 16 * blocks, r, out + head * h);
  }

  // Whether the sums of G heads fit the registers, of weighted values and of scores.
  template <int h, int G>
  static constexpr bool fits = G == 1 || (G * (h / 16) <= Simd::MAX_ACCUMULATORS && 2 * G <= Simd::MAX_ACCUMULATORS);

  // Attention of all heads, as many at a time as fit and divide their number.
  template <int h>
  static void attend_all(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values, int index,
                         uint8_t* out) {
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

  static void attend(const Attention& at, const int8_t* q, const uint8_t* keys, const int8_t* values, int index,
                     uint8_t* out) {
    switch (at.width) {
      case 16: return attend_all<16>(at, q, keys, values, index, out);
      case 32: return attend_all<32>(at, q, keys, values, index, out);
      case 64: return attend_all<64>(at, q, keys, values, index, out);
      case 128: return attend_all<128>(at, q, keys, values, index, out);
    }
  }

  static void frequencies(const int32_t* z, uint32_t* frequency, uint64_t* sum) {
    Vec top = Simd::load(z);
    for (int i = 16; i < 256; i += 16) top = Simd::max(top, Simd::load(z + i));
    const int32_t highest_z = Simd::highest(top);
    for (int i = 0; i < 16; ++i) sum[i] = Simd::pow_frequencies(z + 16 * i, highest_z, frequency + 16 * i);
  }
};

// The kernel of some vectors and products. `foresight` is measured: see block/foresight.hpp. It is 256, so that no row
// ahead is computed, where the time goes into products rather than into reading weights.
template <Vectors Simd, class Products = DotProducts<Simd>>
constexpr Kernel kernel(const char* name, const StageKernel& stage, int foresight = 256) {
  using L = Loops<Simd, Products>;
  return {
      .name = name,
      .by_column = Products::SPARSE,
      .foresight = foresight,
      .add_row = L::add_row,
      .norm = L::norm,
      .project = L::project,
      .accumulate = L::accumulate,
      .expand = L::expand,
      .logits = L::logits,
      .attend = L::attend,
      .frequencies = L::frequencies,
      .stage = &stage,
  };
}

}  // namespace
}  // namespace nncomp
