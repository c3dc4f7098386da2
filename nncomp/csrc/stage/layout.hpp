// How much memory the adaptive stage takes for a block, where each array lies in it, and what it holds before the
// first byte. Memory is zeroed first; what fills it is divided among threads: each takes every `step`-th from
// `first` on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stage/state.hpp"

namespace nncomp::mix {

// Smallest k with 2^k >= n, within low … high.
inline uint32_t bits_for(uint64_t n, uint32_t low, uint32_t high) {
  uint32_t k = low;
  while (k < high && uint64_t(1) << k < n) ++k;
  return k;
}

// Log2 of the buckets of each hashed table, for a block of n bytes: 2 bytes of table for each, of a full profile 4,
// 64 KiB … 16 MiB.
inline uint32_t bucket_bits(uint64_t n, bool full) { return bits_for(((full ? 4 : 2) * n + 63) / 64, 10, 18); }

// Log2 of the entries of each match index: one for each byte, 4 Ki … 4 Mi.
inline uint32_t index_bits(uint64_t n) { return bits_for(n, 12, 22); }

// Takes arrays one behind the other, each at a multiple of 64 bytes.
struct Room {
  uint8_t* base;  // null: only sizes count
  uint64_t size = 0;

  template <class T>
  void take(T*& pointer, uint64_t count) {
    if (base) pointer = reinterpret_cast<T*>(base + size);
    size += (count * sizeof(T) + 63) & ~uint64_t(63);
  }
};

// Places the arrays of a lane but for its automaton, one behind the other.
inline void lay_out_own(const Shape& p, Lane& l, Room& room) {
  room.take(l.weights, uint64_t(p.rows * p.inputs));
  room.take(l.weights2, uint64_t(ROWS2 * p.groups * GROUP));
  room.take(l.seen, uint64_t(p.rows));
  room.take(l.seen2, ROWS2);
  room.take(l.history_map, uint64_t((p.contexts + 2) * 256));
  if (p.full) {
    room.take(l.run_map, uint64_t(p.contexts * RUN_CELLS));
    room.take(l.record_ends, RECORD_ENDS);
  }
  if (p.numbers) {
    room.take(l.before, PLACES);
    room.take(l.named, PLACES);
  }
  room.take(l.match_map, uint64_t(p.matches * MATCH_CELLS));
  room.take(l.sample_map, uint64_t(p.samples * SAMPLE_CELLS));
  room.take(l.squares, p.samples ? 8 : 0);
  room.take(l.final_map, uint64_t(3 * 256 * BINS));
  if (p.units) {
    room.take(l.reading.mean, uint64_t(p.units));
    room.take(l.reading.spread, uint64_t(p.units));
    room.take(l.reading.scale, uint64_t(p.units));
    room.take(l.reading.weights, uint64_t(READOUT_ROWS * 256 * p.units));
    room.take(l.reading.seen, uint64_t(READOUT_ROWS * 256));
    room.take(l.reading.gain, ROWS2);
  }
}

// Places all arrays of `s`, whose shape, size and lanes are set, from base on; returns the bytes they take.
// With base null it only counts.
inline uint64_t lay_out(Shared& s, uint8_t* base) {
  const Shape& p = s.shape;
  const int contexts = p.contexts, matches = p.matches;
  const uint32_t buckets = bucket_bits(s.size, p.full), entries = index_bits(s.size);
  Room room{base};
  s.index_shift = 32 - entries;
  for (int i = 0; i < contexts; ++i) {
    s.table[i].shift = 64 - buckets;
    room.take(s.table[i].data, uint64_t(64) << buckets);
    if (p.full) room.take(s.table[i].runs, uint64_t(4) << buckets);
  }
  for (int i = 0; i < matches; ++i) room.take(s.index[i], uint64_t(1) << entries);
  room.take(s.map, uint64_t(65536) * BINS);
  room.take(s.order0, 256);
  room.take(s.order1, 65536);
  room.take(s.after1, 256);
  room.take(s.after2, 65536);
  for (int i = 0; i < p.memories; ++i) room.take(s.memory[i], MEMORY);
  room.take(s.none, 16);
  room.take(s.lane, s.lanes);
  for (uint32_t i = 0; i < s.lanes; ++i) {
    Lane unused{};
    Lane& l = base ? s.lane[i] : unused;
    lay_out_own(p, l, room);
    room.take(l.states, most_states((s.size + s.lanes - 1) / s.lanes));
  }
  return room.size;
}

inline void start_map(const Tables& t, uint16_t* cells, int rows, int first, int step) {  // every row maps x to itself
  uint16_t row[BINS];
  for (int j = 0; j < BINS; ++j) row[j] = uint16_t(t.squash[128 * j < 4095 ? 128 * j : 4095] >> 6);
  for (int i = first; i < rows; i += step) {
    for (int j = 0; j < BINS; ++j) cells[i * BINS + j] = row[j];
  }
}

inline void start_shared(const Shared& s, int first, int step) { start_map(*s.tables, s.map, 65536, first, step); }

// A state for each node of a byte behind each byte; what follows the byte's last bit is the first node behind it.
inline void start_automaton(Lane& l, int first, int step) {
  for (uint32_t i = uint32_t(first); i < FIRST_STATES; i += uint32_t(step)) {
    const uint32_t before = i / 255, node = i % 255 + 1;
    for (uint32_t bit = 0; bit < 2; ++bit) {
      const uint32_t next = 2 * node + bit;  // a node, or 256 and the byte
      l.states[i].next[bit] = next < 256 ? before * 255 + next - 1 : (next - 256) * 255;
      l.states[i].seen[bit] = FIRST_SEEN;
    }
  }
  if (first == 0) l.state_count = FIRST_STATES;
}

inline void start_lane(const Shared& s, Lane& l, int first, int step) {
  const Shape& p = s.shape;
  const Tables& t = *s.tables;
  const int contexts = p.contexts, matches = p.matches, sets = p.sets;
  for (int i = first; i < (contexts + 2) * 256; i += step) l.history_map[i] = uint32_t(t.start[i & 255]) << 16 | 8;
  for (int i = first; i < matches * MATCH_CELLS; i += step) {
    const uint32_t length = uint32_t(i % MATCH_CELLS) >> 6;
    l.match_map[i] = (65535 - 65536 / (length + 3)) << 16;
  }
  for (int i = first; p.full && i < contexts * RUN_CELLS; i += step) {
    const uint32_t length = uint32_t(i % RUN_CELLS) / 8;
    l.run_map[i] = (65535 - 65536 / (length + 3)) << 16;
  }
  for (int i = first; i < p.samples * SAMPLE_CELLS; i += step) l.sample_map[i] = 32768u << 16;
  start_map(t, l.final_map, 3 * 256, first, step);
  start_automaton(l, first, step);
  int16_t weight[MOST_INPUTS] = {};  // 0 of confidences and of the automaton
  const int16_t* w = FAMILIES[p.family].weight[p.network];  // in the order of the table of contexts
  for (int i = 0; i < contexts + 2; ++i) weight[FIRST_HISTORY + i] = *w++;
  for (int i = 0; i < matches; ++i) weight[FIRST_MATCH + i] = *w++;
  for (int i = 0; i < p.samples; ++i) weight[FIRST_HISTORY + contexts + 2 + i] = *w++;
  if (p.network) weight[NETWORK] = *w++;
  weight[CONSTANT] = *w;
  for (int i = 0; p.full && i < contexts; ++i)
    weight[FIRST_HISTORY + 2 * histories_of(contexts, p.samples) + i] = RUN_WEIGHT;
  for (int row = first; row < p.rows; row += step) {
    for (int i = 0; i < p.inputs; ++i) l.weights[row * p.inputs + i] = weight[i];
  }
  for (int i = first; p.units && i < ROWS2; i += step) l.reading.gain[i] = 1 << 16;
  const int each = sets / p.groups;
  for (int i = first; i < ROWS2 * p.groups * GROUP; i += step) {
    l.weights2[i] = int16_t(i % GROUP < each ? (1 << 14) / sets : 0);
  }
}

}  // namespace nncomp::mix
