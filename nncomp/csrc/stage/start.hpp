// Prepares a lane for a byte: takes in the byte before, and computes the contexts of the next one.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/contexts.hpp"
#include "stage/fetch.hpp"
#include "stage/floats.hpp"
#include "stage/matches.hpp"
#include "stage/past.hpp"
#include "stage/samples.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"
#include "stage/x86.hpp"

namespace nncomp::mix {
namespace {

// Updates the lane's own past with the byte that it has coded.
inline void remember(const Shared& s, Lane& l) {
  const uint32_t c = l.byte, kind = byte_class(c);
  push_recent(l, c);
  if (s.shape.x86) follow_x86(l.x86, c, l.t);
  if (s.shape.numbers) {
    follow_number(l, c);
    follow_outline(l, c, kind);
  }
  if (s.shape.sets > FEW_SETS) follow_brackets(l, c);
  if (s.shape.full) {
    follow_pace(l, c);
    follow_chain(l);
  }
  remember_text(l, c, kind);
  remember_sample(s.shape, l, c);
  if (s.shape.floats && l.channel == s.shape.stride - 1) learn_float(s, l);
  advance_in_row(s.shape, l);
}

// Looks up the bytes that followed the last byte, the last two, and the memories' values before.
inline void recall(const Shared& s, Lane& l) {
  uint32_t n = 0;
  memories(s, l, [&](uint64_t v) {
    l.memory_at[n] = uint32_t(context_hash(v, n) >> 48);
    ++n;
  });
  assert(int32_t(n) == s.shape.memories);
  for (uint32_t i = 0; i < n; ++i) l.memory[i] = s.memory[i][l.memory_at[i]];
}

// Sets the lane's `next`, and fetches what will be read there.
inline void set_contexts(const Shared& s, Lane& l) {
  const uint32_t width = s.shape.width;
  if (width && !(l.channel & (width - 1))) predict_sample(s, l);  // one begins
  if (s.shape.floats && l.channel == 0) predict_float(s, l);
  if (s.shape.memories) recall(s, l);
  uint32_t n = 0;
  values(s, l, [&](uint64_t v) {
    l.next[n] = context_hash(v, n);
    fetch_slot(s, int(n), l.next[n]);
    if (s.shape.full) prefetch(s.table[n].runs + (l.next[n] >> s.table[n].shift) * 4);
    ++n;
  });
  assert(int32_t(n) == s.shape.contexts);
}

// Picks the rows of weights that are the same for all bits, and fetches them.
inline void set_rows(const Shared& s, Lane& l) {
  byte_rows(s, l, [&](int set, uint32_t row) {
    l.row[set] = row;
    prefetch(l.weights + row * uint32_t(s.shape.inputs));
  });
}

// Prepares a lane for its byte; takes in the byte before, unless this is its first.
inline void start(const Shared& s, Lane& l, bool first) {
  assert(l.coded == (first ? 0 : l.t + 1));
  if (!first) {
    advance_matches(s, l);
    remember(s, l);
  }
  find_matches(s, l);
  set_contexts(s, l);
  set_rows(s, l);
}

}  // namespace
}  // namespace nncomp::mix
