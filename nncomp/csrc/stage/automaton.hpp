// Dynamic Markov modelling (docs/numerics.md, section 13): each state of a lane's automaton counts the bits that came
// after it, and is cloned if it is often reached by one transition and often by others. After Cormack and Horspool,
// Data compression using dynamic Markov modelling, 1987. Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/state.hpp"
#include "stage/tables.hpp"

namespace nncomp::mix {
namespace {

constexpr uint32_t ONCE = 256, MOST_SEEN = 64000;  // one occurrence, and the largest count
constexpr uint32_t KEPT = 512;    // a quarter of the other bit's count in excess of this is forgotten
constexpr uint32_t OTHERS = 512;  // a state is cloned only if other transitions into it were taken so often

// The stretched probability of a 1. Prefetches the states that may come next.
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
