// What a lane prefetches of the memory that it will read: all of a byte that is known, else what is certain and what
// the match says. None of it changes what is computed.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/matches.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

// Prefetches the bucket where table i may have the hash.
inline void fetch_slot(const Shared& s, int i, uint64_t h) { prefetch(s.table[i].data + (h >> s.table[i].shift) * 64); }

// Prefetches rows of the map that lanes share: of `count` nodes behind byte c1, from `node` on.
inline void fetch_map(const Shared& s, uint32_t c1, uint32_t node, uint32_t count) {
  const uint16_t* const row = s.map + (c1 << 8 | node) * BINS;
  for (uint32_t i = 0; i < count; ++i) prefetch(row + i * BINS);
  prefetch(row + count * BINS - 1);
}

// The hashes of the low nibble's contexts, and where they lead.
inline void fetch_low_nibbles(const Shared& s, Lane& l, uint32_t high) {
  for (int i = 0; i < s.shape.contexts; ++i) {
    l.hash[1][i] = with_nibble(l.hash[0][i], high);
    fetch_slot(s, i, l.hash[1][i]);
  }
}

// Prefetches everything that coding `byte` will need.
inline void fetch_all(const Shared& s, Lane& l, uint32_t byte) {
  fetch_low_nibbles(s, l, byte >> 4);
  foresee_matches(s, l, byte);
  for (int k = 0; k < 8; ++k) fetch_map(s, l.recent[0] & 255, (256 | byte) >> (8 - k), 1);
}

// Where the byte is not known: prefetches what the bit behind bit k will need whichever it is and, as long as the byte
// begins as the match says, a part of what the low nibble will need. All of that at once would have to wait.
ALWAYS_INLINE void fetch_ahead(const Shared& s, const Lane& l, uint32_t k, uint32_t byte_node) {
  if (k < 7) fetch_map(s, l.recent[0] & 255, 2 * byte_node, 2);
  const Match& a = l.match[0];
  if (k >= 4 || a.length == 0 || (a.byte | 256) >> (8 - k) != byte_node) return;
  const int first = int(k) * s.shape.contexts / 4, end = int(k + 1) * s.shape.contexts / 4;
  for (int i = first; i < end; ++i) fetch_slot(s, i, with_nibble(l.hash[0][i], a.byte >> 4));
}

// What the byte behind `byte` will need, whichever it is.
inline void fetch_next(const Shared& s, Lane& l, uint32_t byte) {
  foresee_matches(s, l, byte);
  fetch_map(s, byte, 1, 1);
}

}  // namespace
}  // namespace nncomp::mix
