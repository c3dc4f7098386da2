// Codes a decision (docs/jpeg.md) with the cells, maps and vectors of the adaptive stage. Everything is in unnamed
// namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/cells.hpp"
#include "stage/decision.hpp"
#include "stage/tables.hpp"

namespace nncomp::mix {
namespace {

constexpr int FIRST_LAYER_RATE = 110, SECOND_LAYER_RATE = 14;  // in 1/1024
constexpr uint32_t RARE = 64;                                // the smallest probability

// Codes a bit: choose(p) codes one whose probability of being 1 is p/2^22, and returns it.
template <class Choose>
ALWAYS_INLINE uint32_t decide(const Tables& t, const Decision& d, Choose choose) {
  uint64_t first[2] = {256, 0};
  for (int i = 1; i < 8; ++i) first[i / 4] |= uint64_t(uint16_t(t.stretch[*d.cell[i - 1] >> 20])) << 16 * (i % 4);
  const auto x = gather<Decision::INPUTS>(first, 8, [&](int i) { return t.stretch[*d.cell[7 + i] >> 20]; });
  int32_t sum[8], sum2[2];
  const Sums y = dot_rows<Decision::SETS>(x, d.row, 14, 128, sum);
  int16_t* const row2[2] = {d.row2, d.row2};
  dot_both(y, row2, sum2);
  const int32_t mean = clamp_stretch(sum2[0] >> 14);
  const Between b = between(mean);
  uint16_t* const map = d.map + b.cell;
  const uint32_t p = (t.squash[mean + 2048] + interpolate(map, b.part)) >> 1;
  const uint32_t bit = choose(p<RARE ? RARE : p>(1u << 22) - RARE ? (1u << 22) - RARE : p);

  const int32_t target = bit ? ONE : 0;
  const auto error = [&](int32_t v) { return (target - int32_t(t.squash[v + 2048])) >> 4; };
  for (int i = 0; i < Decision::SETS; ++i) learn(x, d.row[i], (error(sum[i]) * FIRST_LAYER_RATE) >> 10);
  learn(y, d.row2, (error(mean) * SECOND_LAYER_RATE) >> 10);
  learn_cells(t.reciprocal, d.cell, d.count, target);
  map[b.nearer()] = drawn(map[b.nearer()], bit);
  return bit;
}

}  // namespace
}  // namespace nncomp::mix
