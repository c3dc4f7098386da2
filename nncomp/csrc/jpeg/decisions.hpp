// Binary decisions of one kind, each with the probability that a mixer makes of what several contexts have shown
// (docs/jpeg.md).
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "coder/side.hpp"
#include "kernels/kernel.hpp"
#include "stage/decision.hpp"
#include "stage/layout.hpp"

namespace nncomp::jpeg {

// The decisions of a value: how many bits it has, its sign, and of those below the highest two.
constexpr uint32_t LENGTH = 0, SIGN = 9, BITS = 10, NODES = 24;
constexpr uint32_t LONGEST = 15;

// A context's value, and how many it has.
struct Context {
  uint32_t value, count;
};

// What decisions are coded with.
struct Coding {
  const Kernel& kernel;
  const mix::Tables& tables;
  Side& side;
};

class Decisions {
 public:
  static constexpr int SETS = mix::Decision::SETS;

  explicit Decisions(uint32_t nodes) : nodes_(nodes) {}

  // What the next decisions depend on: contexts, at most 15, and which rows of weights.
  void at(const Coding& c, std::initializer_list<Context> contexts, const std::array<Context, SETS>& rows) {
    size_t from = 0;
    int i = 0;
    for (const Context& context : contexts) {
      assert(context.value < context.count);
      at_[size_t(i++)] = (from + context.value) * nodes_;
      from += context.count;
    }
    if (cells_.empty()) start(c.tables, from, i, rows);
    from = 0;
    for (size_t k = 0; k < SETS; ++k) {
      assert(rows[k].value < rows[k].count);
      row_[k] = (from + rows[k].value) * nodes_;
      from += rows[k].count;
    }
  }

  // Decision `node`: `bit`, or what is read.
  bool code(Coding& c, uint32_t node, bool bit) {
    for (int i = 0; i < decision_.count; ++i) decision_.cell[i] = &cells_[at_[size_t(i)] + node];
    for (size_t k = 0; k < SETS; ++k) decision_.row[k] = &weights_[(row_[k] + node) * INPUTS];
    decision_.row2 = &weights2_[node * 8];
    decision_.map = &maps_[node * mix::BINS];
    return c.side.code(
        bit, [&](Encoder& e) { c.kernel.decide_encode(c.tables, decision_, e, bit); },
        [&](Decoder& d) { return c.kernel.decide_decode(c.tables, decision_, d); });
  }

 private:
  static constexpr size_t INPUTS = mix::Decision::INPUTS;
  static constexpr int ALL = 16384;  // the weights of a row at first, together

  void start(const mix::Tables& tables, size_t cells, int count, const std::array<Context, SETS>& rows) {
    decision_.count = count;
    cells_.assign(cells * nodes_, NOTHING);
    for (uint32_t*& cell : decision_.cell) cell = &nothing_;
    size_t sum = 0;
    for (const Context& row : rows) sum += row.count;
    weights_.assign(sum * nodes_ * INPUTS, 0);
    for (size_t k = 0; k < weights_.size(); ++k) {
      const int input = int(k % INPUTS);
      if (input > 0 && input <= count) weights_[k] = int16_t(ALL / count);
    }
    weights2_.assign(nodes_ * 8, 16384 / SETS);
    maps_.resize(nodes_ * mix::BINS);
    mix::start_map(tables, maps_.data(), int(nodes_), 0, 1);
  }

  static constexpr uint32_t NOTHING = 1u << 31;  // a cell that says neither
  uint32_t nodes_;
  uint32_t nothing_ = NOTHING;
  mix::Decision decision_{};
  std::array<size_t, mix::Decision::CELLS> at_{};
  std::array<size_t, SETS> row_{};
  std::vector<uint32_t> cells_;
  std::vector<int16_t> weights_, weights2_;
  std::vector<uint16_t> maps_;
};

}  // namespace nncomp::jpeg
