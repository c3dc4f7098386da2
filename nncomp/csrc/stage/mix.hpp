// The adaptive stage (docs/numerics.md, sections 10 to 14): predicts the eight decisions of a byte from what
// the block has shown so far, and from the network's weights where there are any.
//
// A byte step: start() and then code_byte() for every lane that still has a byte, then update_tables() and
// update_rest() once for all of them. Until these two, everything in Shared is constant; a Lane is private and
// learns bit by bit. Nothing allocates, nothing throws. Everything is in unnamed namespaces: see
// kernels/body.hpp. Expected of a kernel's simd_mix.hpp: find_slot, the types Inputs and Sums, gather, dot_rows, dot_both,
// learn and learn_cells.
#pragma once

#include <cstdint>

#include "coder/coder.hpp"
#include "compiler.hpp"
#include "stage/contexts.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

constexpr int32_t ONE = (1 << 22) - 1;  // the largest probability, in units of 2^−22

// ---- Cells ----

inline int32_t clamp_stretch(int32_t x) { return x < -2047 ? -2047 : x > 2047 ? 2047 : x; }

// Between two cells of a map, which hold 16 bits; the nearer one learns.
struct Between {
  uint32_t cell, part;  // 0 … 31, 0 … 127
};
inline Between between(int32_t x) { return {uint32_t(x + 2048) >> 7, uint32_t(x + 2048) & 127}; }
inline uint32_t interpolate(const uint16_t* cell, uint32_t part) {  // 22 bits
  return (cell[0] * (128 - part) + cell[1] * part) >> 1;
}
inline uint16_t drawn(uint32_t cell, uint32_t bit) {  // by a 64th, rounded towards the bit
  return uint16_t(bit ? cell + ((65535 - cell + 63) >> 6) : cell - ((cell + 63) >> 6));
}

// ---- Hashed tables ----

inline uint8_t check_of(uint64_t h) {
  const uint8_t c = uint8_t(h >> 8);  // not of the bits that choose the bucket
  return c ? c : 1;
}

// For predicting: the slot, or `none`.
inline uint8_t* find(const Table& t, uint64_t h, uint8_t* none) {
  uint8_t* b = t.data + (h >> t.shift) * 64;
  const uint32_t at = find_slot(b, check_of(h));
  uint8_t* places[2] = {b + at, none};  // without a branch: it would be missed
  return places[at >> 6];
}

// For updating: the slot, or the one whose first history stands for least, emptied. `found` is what find()
// said before other lanes' updates.
inline uint8_t* claim(const Table& t, uint64_t h, uint8_t* found) {
  const uint8_t check = check_of(h);
  if (*found == check) return found;
  uint8_t* b = t.data + (h >> t.shift) * 64;
  int worst = 0;
  uint32_t least = 256;
  for (int i = 0; i < 64; i += 16) {
    if (b[i] == check) return b + i;
    if (b[i + 1] < least) {
      least = b[i + 1];
      worst = i;
    }
  }
  for (int i = 1; i < 16; ++i) b[worst + i] = 0;
  b[worst] = check;
  return b + worst;
}

// ---- Matches ----

inline uint32_t match_least(int m) { return m == 0 ? 6 : 20; }

// The piece that holds an offset of the block starts here.
inline uint32_t piece_start(const Shared& s, uint32_t at) {
  uint32_t low = 0, high = s.lanes;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    if (s.lane[middle].start <= at) low = middle;
    else high = middle;
  }
  return s.lane[low].start;
}

// After l.byte: pointers go on, across the ends of pieces, which the decoder can follow because a pointer is
// never further into a piece than its lane.
inline void advance_matches(const Shared& s, Lane& l) {
  for (int m = 0; m < s.shape.matches; ++m) {
    Match& a = l.match[m];
    if (a.length == 0) continue;
    if (a.byte == l.byte) {
      if (a.length < 65535) ++a.length;
      a.misses = a.misses << 1 & 255;
    } else {
      a.misses = (a.misses << 1 | 1) & 255;
      a.length = a.misses == 1 ? 1 : 0;  // one miss in eight is forgiven
    }
    if (++a.at == s.size) a.length = 0;
  }
}

// Where matches of the bytes up to `byte` will be looked for, fetched ahead.
inline void foresee_matches(const Shared& s, Lane& l, uint32_t byte) {
  const uint64_t r0 = l.recent[0] << 8 | byte, r1 = l.recent[1] << 8 | l.recent[0] >> 56;
  const uint64_t r2 = l.recent[2] << 8 | l.recent[1] >> 56;
  l.next_match_hash[0] = uint32_t(((r0 << 16) * K1) >> 32);
  l.next_match_hash[1] = uint32_t((combine(r0, combine(r1, r2 & 0xFFFFFFFF)) * K1) >> 32);
  for (int m = 0; m < s.shape.matches; ++m) {
    prefetch(s.index[m] + (l.next_match_hash[m] >> s.index_shift));
  }
}

inline void find_matches(const Shared& s, Lane& l) {
  l.match_hash[0] = l.next_match_hash[0];
  l.match_hash[1] = l.next_match_hash[1];
  const uint8_t* base = s.data + l.start;
  for (int m = 0; m < s.shape.matches; ++m) {
    Match& a = l.match[m];
    const uint32_t least = match_least(m);
    const uint32_t at = a.length < least && l.t >= least ? s.index[m][l.match_hash[m] >> s.index_shift] : 0;
    if (at) {
      const uint8_t* b = s.data + at;
      const uint32_t known = at - piece_start(s, at), most = known < l.t ? known : l.t;
      uint32_t n = 0;
      while (n < 400 && n < most && *(b - 1 - n) == base[l.t - 1 - n]) ++n;
      if (n >= least) a = {at, n, 0, 0};
    }
    if (a.length) a.byte = s.data[a.at];
  }
  const Match& a = l.match[1].length ? l.match[1] : l.match[0];
  l.expected = a.length ? a.byte | (length_class(a.length) >> 2) << 8 : 0xFFFF;
}

// ---- Predict ----

// The lane's own past takes in the byte that it has coded.
inline void remember(const Shared& s, Lane& l) {
  const uint32_t c = l.byte;
  push_recent(l, c);
  if (s.shape.x86) follow_x86(l.x86, c);
  remember_text(l, c);
  remember_sample(s.shape, l, c);
  advance_in_row(s.shape, l);
}

// Sets the lane's `next`, and fetches what will be read there.
inline void set_contexts(const Shared& s, Lane& l) {
  const uint32_t width = s.shape.width;
  if (width && !(l.channel & (width - 1))) predict_sample(s, l);  // one begins
  uint64_t value[MAX_CONTEXTS];
  const int count = set_values(s, l, value);
  for (int i = 0; i < count; ++i) {
    l.next[i] = context_hash(value[i], uint32_t(i));
    prefetch(s.table[i].data + (l.next[i] >> s.table[i].shift) * 64);
  }
}

// What a lane does before its byte: takes in the one before, unless this is its first.
inline void start(const Shared& s, Lane& l, bool first) {
  if (!first) {
    advance_matches(s, l);
    remember(s, l);
  }
  find_matches(s, l);
  set_contexts(s, l);
}

// Sums of the network's weights over a tree of 16 leaves.
inline void sum_tree(uint64_t* tree) {
  for (int i = 15; i > 0; --i) tree[i] = tree[2 * i] + tree[2 * i + 1];
}

// The hashes of the low nibble's contexts, and where they lead.
inline void fetch_low_nibbles(const Shared& s, Lane& l, uint32_t high) {
  for (int i = 0; i < s.shape.contexts; ++i) {
    l.hash[1][i] = with_nibble(l.hash[0][i], high);
    prefetch(s.table[i].data + (l.hash[1][i] >> s.table[i].shift) * 64);
  }
}

// All that coding `byte` will lead to.
inline void fetch_all(const Shared& s, Lane& l, uint32_t byte) {
  fetch_low_nibbles(s, l, byte >> 4);
  foresee_matches(s, l, byte);
  for (int k = 0; k < 8; ++k) {
    const uint16_t* row = s.map + ((l.recent[0] & 255) << 8 | (256 | byte) >> (8 - k)) * BINS;
    prefetch(row);
    prefetch(row + BINS - 1);
  }
}

// Codes a byte into l.byte: choose(p) codes a bit whose probability of being 1 is p/2^22, and returns it.
// `network` is null where it takes no part; `known` is the byte where it is known, else negative: it only
// decides what is fetched ahead.
template <class Choose>
inline void code_byte(const Shared& s, Lane& l, const Distribution* network, int known, Choose choose) {
  const Shape p = s.shape;
  const Tables& t = *s.tables;
  const int contexts = p.contexts, histories = contexts + 2, matches = p.matches, sets = p.sets;
  const uint32_t c1 = uint8_t(l.recent[0]);
  const uint32_t length[2] = {length_class(l.match[0].length), length_class(l.match[1].length)};
  // The learning rate falls from 110/1024 to 30/1024.
  const int32_t rate = 30 + int32_t((80u << 12) / (l.t + 4096));
  const int samples = p.samples;
  uint32_t nothing = 1u << 31;  // a cell that says neither, where vectors are longer than the list
  uint32_t* history_cell[INPUTS];
  for (uint32_t*& cell : history_cell) cell = &nothing;

  uint64_t tree[32];
  uint32_t hits = 0;  // of the first five contexts
  uint32_t byte_node = 1;
  for (int half = 0; half < 2; ++half) {
    uint64_t* const hash = l.hash[half];
    uint8_t** const slot = l.slot[half];
    if (half == 0) {
      for (int i = 0; i < contexts; ++i) hash[i] = l.next[i];
      if (known >= 0) fetch_all(s, l, uint32_t(known));
    } else if (known < 0) {
      fetch_low_nibbles(s, l, byte_node & 15);
    }
    for (int i = 0; i < contexts; ++i) slot[i] = find(s.table[i], hash[i], s.none);
    hits = 0;
    for (int i = 0; i < 5; ++i) hits += slot[i] != s.none;
    if (network) {
      for (uint32_t i = 0; i < 16; ++i) tree[16 + i] = half == 0 ? network->sum[i] : network->frequency[16 * (byte_node & 15) + i];
      sum_tree(tree);
    }
    uint32_t node = 1;  // of the nibble
    for (uint32_t k = 4 * uint32_t(half); k < 4 * uint32_t(half) + 4; ++k) {
      // Inputs
      for (int i = 0; i < contexts; ++i) history_cell[i] = l.history_map + 256 * i + slot[i][node];
      history_cell[contexts] = l.history_map + 256 * contexts + s.order0[byte_node];
      history_cell[contexts + 1] = l.history_map + 256 * (contexts + 1) + s.order1[c1 << 8 | byte_node];
      uint32_t* match_cell[MAX_MATCHES] = {};
      uint64_t other[2] = {0, uint64_t(256) << 16 * (CONSTANT - 4)};  // the first eight inputs, 16 bits each
      uint32_t match_class = 0, guess = 0;  // of the first match; 1: it says 0, 2: it says 1
      for (int m = 0; m < matches; ++m) {
        const Match& a = l.match[m];
        if (a.length == 0 || (a.byte | 256) >> (8 - k) != byte_node) continue;
        const uint32_t bit = a.byte >> (7 - k) & 1;
        match_cell[m] = l.match_map + m * MATCH_CELLS + length[m] * 64 + k * 8 + (a.misses & 7);
        const int16_t v = t.stretch[*match_cell[m] >> 20];
        other[0] |= uint64_t(uint16_t(bit ? v : -v)) << 16 * (FIRST_MATCH + m);
        if (m == 0) guess = bit + 1;
        if (match_class == 0) match_class = length[m];
      }
      uint32_t* sample_cell[PREDICTIONS];
      uint32_t near = 0;  // to the second prediction
      for (int i = 0; i < samples; ++i) {
        const uint32_t place = place_of(p, l, i, k, byte_node);
        sample_cell[i] = l.sample_map + i * SAMPLE_CELLS + ((error_class(p, l, i) * 8 + k) << 8 | place);
        other[(FIRST_SAMPLE + i) / 4] |= uint64_t(uint16_t(t.stretch[*sample_cell[i] >> 20])) << 16 * ((FIRST_SAMPLE + i) % 4);
        if (i == 1) near = place;
      }
      if (network) {
        const int16_t v = t.stretch[probability(tree[2 * node + 1], tree[node]) >> 10];
        other[1] |= uint64_t(uint16_t(v)) << 16 * (NETWORK - 4);
      }

      // First layer: each set picks a row of weights by a small context.
      const uint32_t match_row = match_class * 4 + guess;  // < 96
      uint32_t pick[MAX_SETS];
      choose_rows(s, l, {k, byte_node, match_class, match_row, hits, near}, pick);
      int16_t* row[MAX_SETS];
      for (int i = 0; i < sets; ++i) row[i] = l.weights + (uint32_t(i) * 256 + pick[i]) * INPUTS;
      const Inputs x = gather(other, histories, [&](int i) { return t.stretch[*history_cell[i] >> 20]; });
      int32_t sum[8];
      const Sums y = p.sets == 7 ? dot_rows<7>(x, row, 14, 128, sum) : dot_rows<4>(x, row, 14, 128, sum);

      // Second layer: the mean of two.
      int16_t* const row2[2] = {l.weights2 + match_row * ROW, l.weights2 + (4 * LENGTHS + byte_node) * ROW};
      int32_t sum2[2];
      dot_both(y, row2, sum2);
      const int32_t mean = clamp_stretch(((sum2[0] >> 1) + (sum2[1] >> 1)) >> 14);

      // Final maps.
      const Between b = between(mean);
      uint16_t* const own = l.final_map + (samples ? near : guess << 8 | byte_node) * BINS + b.cell;
      uint16_t* const common = s.map + (c1 << 8 | byte_node) * BINS + b.cell;
      const uint32_t maps = interpolate(own, b.part) + interpolate(common, b.part);
      const uint32_t bit = choose((2 * t.squash[mean + 2048] + maps) >> 2);  // 32 … 2^22 − 32

      // Learn.
      const int32_t target = bit ? ONE : 0;
      learn_cells(t.reciprocal, history_cell, histories, target);
      for (int m = 0; m < matches; ++m) {
        if (match_cell[m]) *match_cell[m] = adapted(t.reciprocal, *match_cell[m], (l.match[m].byte >> (7 - k) & 1) == bit ? ONE : 0);
      }
      for (int i = 0; i < samples; ++i) *sample_cell[i] = adapted(t.reciprocal, *sample_cell[i], target);
      for (int i = 0; i < sets; ++i) {
        learn(x, row[i], (((target - int32_t(t.squash[sum[i] + 2048])) >> 4) * rate) >> 10);
      }
      for (int i = 0; i < 2; ++i) {
        const int32_t p2 = int32_t(t.squash[clamp_stretch(sum2[i] >> 14) + 2048]);
        learn(y, row2[i], (((target - p2) >> 4) * 24) >> 10);
      }
      const uint32_t nearer = b.part >> 6;
      own[nearer] = drawn(own[nearer], bit);
      l.shared_cell[k] = common + nearer;
      node = node << 1 | bit;
      byte_node = byte_node << 1 | bit;
    }
  }
  l.byte = uint8_t(byte_node);
  if (known < 0) foresee_matches(s, l, l.byte);
}

// ---- Update: after lanes 0 … count − 1 have coded their byte ----

// The way of a nibble's bits through the 15 nodes.
struct Path {
  uint8_t node[4];
  const uint8_t* next[4];
};
inline Path path_of(const Shared& s, const Lane& l, int half) {
  const uint32_t nibble = half == 0 ? l.byte >> 4 : l.byte & 15;
  Path p;
  uint32_t node = 1;
  for (int k = 0; k < 4; ++k) {
    const uint32_t bit = nibble >> (3 - k) & 1;
    p.node[k] = uint8_t(node);
    p.next[k] = s.tables->next[bit];
    node = node << 1 | bit;
  }
  return p;
}
inline void add_bits(const Path& p, uint8_t* histories) {
  for (int k = 0; k < 4; ++k) histories[p.node[k]] = p.next[k][histories[p.node[k]]];
}

// Lane l's part of what follows: every piece of state below belongs to one of these, and pieces commute. Of one
// cell, bucket or entry the lanes' updates keep their order.

// Table i, for the half of a byte, whose path it is.
inline void update_table(const Shared& s, const Lane& l, const Path& path, int i, int half) {
  add_bits(path, claim(s.table[i], l.hash[half][i], l.slot[half][i]));
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

// What followed a byte, what followed two.
inline void update_after1(const Shared& s, const Lane& l) {
  uint32_t& after = s.after1[l.recent[0] & 255];
  after = after << 8 | l.byte;
}
inline void update_after2(const Shared& s, const Lane& l) {
  uint16_t& after = s.after2[l.recent[0] & 0xFFFF];
  after = uint16_t(after << 8 | l.byte);
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

// Everything else that is shared.
inline void update_rest(const Shared& s, uint32_t count) {
  for (uint32_t j = 0; j < count; ++j) {
    const Lane& l = s.lane[j];
    for (uint32_t k = 0; k < 8; ++k) {
      update_history(s, l, k, order0_of(s, l, k));
      update_history(s, l, k, order1_of(s, l, k));
      update_map(l, k);
    }
    update_after1(s, l);
    update_after2(s, l);
    for (int m = 0; m < s.shape.matches; ++m) update_index(s, l, m);
  }
}

}  // namespace
}  // namespace nncomp::mix
