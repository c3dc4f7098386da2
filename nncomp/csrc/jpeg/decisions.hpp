// Codes binary decisions of one kind, for instance those of a DC coefficient. A mixer makes the probability of each
// from what the same decision was before in several contexts (docs/jpeg.md, section 4).
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

// A value is coded in decisions, which have numbers, their nodes: from LENGTH on whether it has more than so many
// bits, SIGN whether it is negative, from BITS on the two bits below its highest one.
constexpr uint32_t LENGTH = 0, SIGN = 9, BITS = 10, NODES = 24;
constexpr uint32_t LONGEST = 15;  // bits of a value's magnitude, at most

struct Context {
  uint32_t value, count;  // value < count, which is always the same
};

// What all decisions are coded with.
struct Coding {
  const Kernel& kernel;
  const mix::Tables& tables;
  Side& side;
};

class Decisions {
 public:
  static constexpr int SETS = mix::Decision::SETS;

  explicit Decisions(uint32_t nodes) : nodes_(nodes) {}  // memory is taken by the first at()

  // Sets what the next decisions depend on: at most 15 contexts, and for each set of weights the row that mixes. There
  // are always as many contexts, with the same counts.
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

  // Codes decision `node` < nodes: writes `bit`, or reads it; returns it. What took part learns.
  bool code(Coding& c, uint32_t node, bool bit) {
    for (int i = 0; i < decision_.count; ++i) decision_.cell[i] = &cells_[at_[size_t(i)] + node];
    for (size_t k = 0; k < SETS; ++k) decision_.row[k] = &weights_[(row_[k] + node) * INPUTS];
    decision_.row2 = &weights2_[node * mix::GROUP];
    decision_.map = &maps_[node * mix::BINS];
    return c.side.code(
        bit, [&](Encoder& e) { c.kernel.stage->encode_decision(c.tables, decision_, e, bit); },
        [&](Decoder& d) { return c.kernel.stage->decode_decision(c.tables, decision_, d); });
  }

 private:
  static constexpr size_t INPUTS = mix::Decision::INPUTS;
  static constexpr int ALL = 16384;  // sum of the first weights of a row: together they stand for 1

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
    weights2_.assign(nodes_ * mix::GROUP, ALL / SETS);
    maps_.resize(nodes_ * mix::BINS);
    mix::start_map(tables, maps_.data(), int(nodes_), 0, 1);
  }

  static constexpr uint32_t NOTHING = 1u << 31;  // a cell with probability ½ that has seen nothing
  uint32_t nodes_;
  uint32_t nothing_ = NOTHING;  // the cell of inputs without a context
  mix::Decision decision_{};
  std::array<size_t, mix::Decision::CELLS> at_{};  // of each context: its value's first cell
  std::array<size_t, SETS> row_{};  // of each set: the first row of the value that was chosen
  std::vector<uint32_t> cells_;  // [context and its value][node]
  std::vector<int16_t> weights_, weights2_;  // [set and its value][node][input]; of the second layer [node][GROUP]
  std::vector<uint16_t> maps_;  // [node][33]: final adjustment of the probability
};

}  // namespace nncomp::jpeg
