// Updates the shared state with the bytes that the lanes have just coded (docs/numerics.md, section 14). Every piece of
// state below belongs to one of these functions, and pieces commute; of one cell, bucket or entry the lanes' updates
// keep their order.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/cells.hpp"
#include "stage/matches.hpp"
#include "stage/slots.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

// The way of a nibble's bits through the 15 nodes, and what it makes of an empty slot: its check is missing.
struct Path {
  uint8_t node[4];
  const uint8_t* next[4];
  uint8_t slot[16];
};
inline Path path_of(const Shared& s, const Lane& l, int half) {
  const uint32_t nibble = half == 0 ? l.byte >> 4 : l.byte & 15;
  Path p{};
  uint32_t node = 1;
  for (int k = 0; k < 4; ++k) {
    const uint32_t bit = nibble >> (3 - k) & 1;
    p.node[k] = uint8_t(node);
    p.next[k] = s.tables->next[bit];
    p.slot[node] = p.next[k][0];
    node = node << 1 | bit;
  }
  return p;
}
inline void add_bits(const Path& p, uint8_t* histories) {
  for (int k = 0; k < 4; ++k) histories[p.node[k]] = p.next[k][histories[p.node[k]]];
}

// Table i, for the half of a byte, whose path it is.
inline void update_table(const Shared& s, const Lane& l, const Path& path, int i, int half) {
  const Table& t = s.table[i];
  const uint64_t h = l.hash[half][i];
  uint8_t* slot = held(t, h, l.slot[half][i]);
  const bool is_new = !slot;
  if (is_new) {
    slot = weakest(t, h);
    memcpy(slot, path.slot, sizeof path.slot);
    slot[0] = check_of(h);
  } else {
    add_bits(path, slot);
  }
  if (s.shape.full && (half == 0 || is_new)) {
    uint16_t& run = run_of(t, h, slot);
    if (is_new) run = 0;
    if (half == 0) run = run_after(run, l.byte);
  }
}

// Histories of bit k, and the map that it noted.
inline uint32_t node_of(const Lane& l, uint32_t k) { return (l.byte | 256) >> (8 - k); }
inline uint32_t bit_of(const Lane& l, uint32_t k) { return l.byte >> (7 - k) & 1; }
inline void update_history(const Shared& s, const Lane& l, uint32_t k, uint8_t& history) {
  history = s.tables->next[bit_of(l, k)][history];
}
inline uint8_t& order0_of(const Shared& s, const Lane& l, uint32_t k) { return s.order0[node_of(l, k)]; }
inline uint8_t& order1_of(const Shared& s, const Lane& l, uint32_t k) {
  return s.order1[(l.recent[0] & 255) << 8 | node_of(l, k)];
}
inline void update_map(const Lane& l, uint32_t k) { *l.shared_cell[k] = drawn(*l.shared_cell[k], bit_of(l, k)); }

// Notes the bytes that followed the last byte, and the last two.
inline void update_after1(const Shared& s, const Lane& l) {
  uint32_t& after = s.after1[l.recent[0] & 255];
  after = after << 8 | l.byte;
}
inline void update_after2(const Shared& s, const Lane& l) {
  uint16_t& after = s.after2[l.recent[0] & 0xFFFF];
  after = uint16_t(after << 8 | l.byte);
}

// Notes the byte that followed the value of memory m.
inline void update_memory(const Shared& s, const Lane& l, int m) {
  uint32_t& last = s.memory[m][l.memory_at[m]];
  last = last << 8 | l.byte;
}

// Match index m.
inline uint32_t index_entry(const Shared& s, const Lane& l, int m) { return l.match_hash[m] >> s.index_shift; }
inline void update_index(const Shared& s, const Lane& l, int m) {
  if (l.t >= match_least(m)) s.index[m][index_entry(s, l, m)] = l.start + l.t;
}

// Hashed tables first … last − 1.
inline void update_tables(const Shared& s, int first, int last, uint32_t count) {
  for (int half = 0; half < 2; ++half) {
    for (uint32_t j = 0; j < count; ++j) {
      const Path path = path_of(s, s.lane[j], half);
      for (int i = first; i < last; ++i) update_table(s, s.lane[j], path, i, half);
    }
  }
}

// Updates all other shared state.
inline void update_rest(const Shared& s, uint32_t count) {
  for (uint32_t j = 0; j < count; ++j) {
    const Lane& l = s.lane[j];
    assert(l.coded == l.t + 1);
    for (uint32_t k = 0; k < 8; ++k) {
      update_history(s, l, k, order0_of(s, l, k));
      update_history(s, l, k, order1_of(s, l, k));
      update_map(l, k);
    }
    update_after1(s, l);
    update_after2(s, l);
    for (int m = 0; m < s.shape.memories; ++m) update_memory(s, l, m);
    for (int m = 0; m < s.shape.matches; ++m) update_index(s, l, m);
  }
}

}  // namespace
}  // namespace nncomp::mix
