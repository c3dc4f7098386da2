// Products of many rows by the tiles of AMX: an instruction multiplies 64 activations of each of 16 rows by the
// weights of 64 inputs and 16 outputs. The packed matrix is what tiles need: 64 bytes of it are four inputs of 16
// outputs.
#pragma once

#include <cassert>
#include <cstdint>

#include "compiler.hpp"
#include "kernels/avx512/products.hpp"
#include "kernels/avx512/simd.hpp"
#include "kernels/kernel.hpp"

namespace nncomp {
namespace {

// Tiles 0 … 3 hold the sums of 64 outputs, tile 4 activations, tiles 5 and 6 weights. While tiles are configured, the
// system saves 8 KiB more for the thread, and other code may run slower: so they are configured for one product only.
class Tiles {
 public:
  static constexpr int ROWS = 16;  // of a tile, at most

  explicit Tiles(int rows) {
    Palette p{};
    p.id = 1;
    for (int t = 0; t < 7; ++t) {
      p.bytes[t] = 64;
      p.rows[t] = uint8_t(t == 5 || t == 6 ? 16 : rows);
    }
    // not _tile_loadconfig: GCC before 13.3 takes it to read eight bytes, and may never write the others
    asm volatile("ldtilecfg %0" ::"m"(p));
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  // sum = W·a for 64 outputs from n on, and for as many rows as the tiles have.
  void multiply(const Matrix& w, const uint8_t* a, int n, int32_t (*sum)[64]) const {
    const int32_t* start = w.start + n;
    _tile_loadd(0, start, 0);  // the same in each row
    _tile_loadd(1, start + 16, 0);
    _tile_loadd(2, start + 32, 0);
    _tile_loadd(3, start + 48, 0);
    const int8_t* weight = w.weight + int64_t(n) * w.inputs;
    for (int k = 0; k < w.inputs; k += 64, weight += 64 * 64) {
      _tile_loadd(4, a + k, w.inputs);
      _tile_loadd(5, weight, 256);
      _tile_dpbusd(0, 4, 5);
      _tile_loadd(6, weight + 64, 256);
      _tile_dpbusd(1, 4, 6);
      _tile_loadd(5, weight + 128, 256);
      _tile_dpbusd(2, 4, 5);
      _tile_loadd(6, weight + 192, 256);
      _tile_dpbusd(3, 4, 6);
    }
    _tile_stored(0, sum[0], 256);
    _tile_stored(1, sum[0] + 16, 256);
    _tile_stored(2, sum[0] + 32, 256);
    _tile_stored(3, sum[0] + 48, 256);
  }

 private:
  struct alignas(64) Palette {  // what ldtilecfg reads
    uint8_t id, row, reserved[14];
    uint16_t bytes[16];  // of a row of each tile
    uint8_t rows[16];
  };
};

struct AmxProducts : Avx512Products {
  using Vec = Avx512::Vec;
  using Multiplier = Avx512::Multiplier;

  static constexpr int ENOUGH = 6;  // rows from which on tiles are faster

  // See DotProducts.
  template <class Finish>
  static void multiply(const Matrix& w, const uint8_t* a, int rows, Finish finish) {
    if (rows < ENOUGH) return Avx512Products::multiply(w, a, rows, finish);
    const int each = rows < Tiles::ROWS ? rows : Tiles::ROWS;
    const Tiles tiles(each);
    alignas(64) int32_t sum[Tiles::ROWS][64];
    for (int n = 0; n < w.outputs; n += 64) {
      Vec m[4];
      UNROLL(4)
      for (int i = 0; i < 4; ++i) m[i] = Avx512::load(w.m + n + 16 * i);
      for (int done = 0; done < rows; done += each) {
        const int first = done + each <= rows ? done : rows - each;  // the last rows may be multiplied twice
        tiles.multiply(w, a + int64_t(first) * w.inputs, n, sum);
        for (int row = done - first; row < each; ++row) {
          Vec v[4];
          UNROLL(4)
          for (int i = 0; i < 4; ++i) v[i] = Multiplier(m[i]).rq(Avx512::load(sum[row] + 16 * i));
          finish(first + row, n, v);
        }
      }
    }
  }

  static void accumulate_columns(const Matrix& w, const uint8_t* a, int rows, int32_t* out) {
    if (rows <= FEW) return Avx512Products::accumulate_columns(w, a, rows, out);
    accumulate<Avx512, AmxProducts>(w, a, rows, out);
  }
};

}  // namespace
}  // namespace nncomp
