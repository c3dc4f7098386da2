// A lane's automaton (docs/numerics.md, section 13): states that count the bits that came behind them, and split where
// one is reached often on one way and often on others. After Cormack and Horspool, Data compression using dynamic
// Markov modelling, 1987. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/state.hpp"
#include "stage/tables.hpp"

namespace nncomp::mix {
namespace {

constexpr uint32_t ONCE = 256, MOST_SEEN = 64000;  // what is counted of a bit
constexpr uint32_t KEPT = 512;    // of what the other bit's count is more, a quarter is forgotten
constexpr uint32_t OTHERS = 512;  // a state splits if other ways were taken as often

// The stretched probability of a 1; the states to come are on their way.
ALWAYS_INLINE int32_t ask_automaton(const Tables& t, const Lane& l) {
  const State& s = l.states[l.state];
  prefetch(l.states + s.next[0]);
  prefetch(l.states + s.next[1]);
  return t.stretch[((s.seen[1] + 2u) << 12) / (s.seen[0] + s.seen[1] + 4u)];
}

ALWAYS_INLINE void learn_automaton(Lane& l, uint32_t bit) {
  State& s = l.states[l.state];
  const uint32_t seen = s.seen[bit], other = s.seen[bit ^ 1];
  l.state = s.next[bit];
  s.seen[bit] = uint16_t(seen < MOST_SEEN ? seen + ONCE : seen);
  if (other > KEPT) s.seen[bit ^ 1] = uint16_t((3 * other >> 2) + KEPT / 4);
  if (seen < ONCE || l.state_count >= most_states(l.t)) return;
  State& next = l.states[l.state];
  const uint32_t all = uint32_t(next.seen[0]) + next.seen[1];
  if (all < seen + OTHERS) return;
  State& split = l.states[l.state_count];
  split = next;
  for (int i = 0; i < 2; ++i) {
    split.seen[i] = uint16_t(next.seen[i] * seen / all);
    next.seen[i] = uint16_t(next.seen[i] - split.seen[i]);
  }
  s.next[bit] = l.state = l.state_count++;
}

}  // namespace
}  // namespace nncomp::mix
