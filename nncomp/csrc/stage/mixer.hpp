// The mixer (docs/numerics.md, section 13): codes the eight bits of a lane's byte. For each bit, the first layer mixes
// the inputs with several sets of weights, each a row chosen by a small context; the second layer mixes their results;
// two maps (APMs) refine that to a probability; then all of them learn the bit. Everything is in unnamed namespaces:
// see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "coder/coder.hpp"
#include "compiler.hpp"
#include "stage/automaton.hpp"
#include "stage/cells.hpp"
#include "stage/contexts.hpp"
#include "stage/fetch.hpp"
#include "stage/floats.hpp"
#include "stage/matches.hpp"
#include "stage/readout.hpp"
#include "stage/samples.hpp"
#include "stage/slots.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"
#include "stage/vectors.hpp"

namespace nncomp::mix {
namespace {

static_assert(StageVectors<Inputs<32>, Sums, 32, MANY_SETS>);

constexpr uint32_t MAX_SEEN_FIRST = 32 * 256 - 1;  // what is counted of rows of the first layer
constexpr int MOST_ERROR = 32767;  // of any row of weights
constexpr int SMALL_ERROR = 60;  // a set of a full profile's first layer learns from larger ones

// The state that the bits of a byte share.
struct Common {
  Common(const Shared& s, const Lane& l) : shape(s.shape), tables(*s.tables), c1(uint8_t(l.recent[0])) {
    for (int m = 0; m < MAX_MATCHES; ++m) length[m] = length_class(l.match[m].length);
  }

  const Shape shape;  // a copy, which nothing that is written can be
  const Tables& tables;
  const uint32_t c1;
  uint32_t length[MAX_MATCHES];  // class
};

// The layers' results for a bit, and the weights that gave them.
template <int inputs>
struct Layers {
  Inputs<inputs> x;
  int16_t* row[MAX_SETS];
  uint16_t* seen[MAX_SETS];
  int32_t sum[MAX_GROUPS * GROUP];
  Sums y[MAX_GROUPS];
  int16_t* row2[2];
  uint16_t* seen2[2];
  int32_t sum2[2];
};

// Sets are divided into groups, with one vector of sums for each.
template <int sets>
constexpr int groups_of = sets > MANY_SETS ? MAX_GROUPS : 1;
template <int sets>
constexpr int sum_of(int set) {  // where the set's sum is
  constexpr int each = sets / groups_of<sets>;
  return set / each * GROUP + set % each;
}

// The cells of the two final maps that learn.
struct Maps {
  uint16_t* own;
  uint16_t* common;
};

// The first eight inputs, 16 bits each: see enum Input.
struct First {
  uint64_t four[2] = {0, uint64_t(256) << 16 * (CONSTANT - 4)};

  void set(int input, int32_t v) { four[input / 4] |= uint64_t(uint16_t(v)) << 16 * (input % 4); }
};

// ---- Inputs ----

// Sets the cells of the contexts' bit histories. `node` is that of the nibble.
ALWAYS_INLINE void ask_histories(const Shared& s, const Lane& l, const Common& c, uint8_t* const* slot, uint32_t node,
                                 const Bit& bit, uint32_t** history) {
  const int contexts = c.shape.contexts;
  history[contexts] = l.history_map + 256 * contexts + s.order0[bit.node];
  for (int i = 0; i < contexts; ++i) history[i] = l.history_map + 256 * i + slot[i][node];
  // Apart from order 0: compilers make of both one vector, and wait for its halves.
  history[contexts + 1] = l.history_map + 256 * (contexts + 1) + s.order1[c.c1 << 8 | bit.node];
}

// The runs of contexts in the max profile: the last byte, and how often it came in a row. A run speaks while the byte
// begins with the bits of its own.
struct Runs {
  int count;  // of runs that speak
  uint8_t context[MAX_CONTEXTS];  // of each of them
  uint8_t byte[MAX_CONTEXTS];     // by context
  uint32_t* cells[MAX_CONTEXTS];  // by context, then by bit
  int16_t input[histories_of(MAX_CONTEXTS, PREDICTIONS)];

  // Those that expect a 0, and those that expect a 1.
  struct Side {
    int count;
    uint8_t context[MAX_CONTEXTS];
    uint32_t* cell[MAX_CONTEXTS + 7];  // learn_cells reads up to a multiple of 8
  } side[2];
  uint32_t nothing = 0;

  // At the beginning of a byte.
  ALWAYS_INLINE void find(const Shared& s, const Lane& l) {
    for (Side& of : side) {
      for (uint32_t*& cell : of.cell) cell = &nothing;
    }
    count = 0;
    for (int i = 0; i < s.shape.contexts; ++i) {
      const uint32_t run = l.slot[0][i] == s.none ? 0 : run_of(s.table[i], l.hash[0][i], l.slot[0][i]);
      const uint32_t length = run >> 8;
      byte[i] = uint8_t(run);
      cells[i] = l.run_map + i * RUN_CELLS + (length < 15 ? length : length < 32 ? 15 : 16) * 8;
      context[count] = uint8_t(i);
      count += run != 0;
    }
  }

  ALWAYS_INLINE void ask(const Common& c, const Bit& bit) {
    for (int16_t& x : input) x = 0;
    side[0].count = side[1].count = 0;
    for (int a = 0; a < count; ++a) {
      const int i = context[a];
      const uint32_t expected = byte[i] >> (7 - bit.k) & 1;
      Side& of = side[expected];
      uint32_t* const cell = cells[i] + bit.k;
      of.cell[of.count] = cell;
      of.context[of.count++] = uint8_t(i);
      const int16_t v = c.tables.stretch[*cell >> 20];
      input[i] = expected ? v : int16_t(-v);
    }
  }

  ALWAYS_INLINE void learn(const Common& c, uint32_t one) {
    const Side &right = side[one], &wrong = side[1 - one];
    learn_cells(c.tables.reciprocal, right.cell, right.count, ONE);
    learn_cells(c.tables.reciprocal, wrong.cell, wrong.count, 0);
    count = right.count;
    for (int a = 0; a < MAX_CONTEXTS; ++a) context[a] = right.context[a];
  }
};

// Matches speak while their byte begins with the bits that were coded.
ALWAYS_INLINE void ask_matches(const Lane& l, const Common& c, Bit& bit, First& first, uint32_t** cell) {
  for (int m = 0; m < c.shape.matches; ++m) {
    const Match& a = l.match[m];
    if (a.length == 0 || (a.byte | 256) >> (8 - bit.k) != bit.node) continue;
    const uint32_t expected = a.byte >> (7 - bit.k) & 1;
    cell[m] = l.match_map + m * MATCH_CELLS + c.length[m] * 64 + bit.k * 8 + (a.misses & 7);
    const int32_t v = c.tables.stretch[*cell[m] >> 20];
    first.set(FIRST_MATCH + m, expected ? v : -v);
    bit.predicted = 256 + a.byte;
    if (m == 0) bit.guess = expected + 1;
    if (bit.match_class == 0) bit.match_class = c.length[m];
  }
  bit.match_row = bit.match_class * 4 + bit.guess;
}

ALWAYS_INLINE void ask_samples(const Lane& l, const Common& c, Bit& bit, uint32_t** cell) {
  const auto ask = [&](int j, uint32_t error, uint32_t place) {
    cell[j] = l.sample_map + j * SAMPLE_CELLS + ((error * 8 + bit.k) << 8 | place);
    if (j == NEAREST) bit.near = place;
  };
  if (c.shape.floats) {
    const Cut cut = cut_of(c.shape, l, bit.k, bit.node);
    for (int j = 0; j < c.shape.samples; ++j) ask(j, cut_class(l, cut, j), cut_place(l, cut, j));
  } else {
    for (int j = 0; j < c.shape.samples; ++j) {
      ask(j, error_class(c.shape, l, j), place_of(c.shape, l, j, bit.k, bit.node));
    }
  }
}

// The network's frequencies of a nibble's 16 values, and their sums over the nodes above them.
struct Tree {
  uint64_t sum[32];

  void fill(const Distribution& network, int half, uint32_t byte_node) {
    for (uint32_t i = 0; i < 16; ++i)
      sum[16 + i] = half == 0 ? network.sum[i] : network.frequency[16 * (byte_node & 15) + i];
    for (int i = 15; i > 0; --i) sum[i] = sum[2 * i] + sum[2 * i + 1];
  }
  uint32_t one(uint32_t node) const { return probability(sum[2 * node + 1], sum[node]); }  // of a 1 below the node
};

// ---- Layers ----

// The sets' rows.
template <int sets, int inputs>
ALWAYS_INLINE void choose_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* chosen, Layers<inputs>& a) {
  bit_rows(s, l, bit, chosen);
  for (int i = 0; i < sets; ++i) {
    assert(chosen[i] < uint32_t(s.shape.rows));
    a.row[i] = l.weights + chosen[i] * inputs;
    a.seen[i] = l.seen + chosen[i];
    prefetch(a.seen[i]);
    UNROLL(4)
    for (int j = 0; j < inputs; j += 32) prefetch(a.row[i] + j);
  }
}

// What the histories' cells say, and with a full profile how far that is from even, and what runs say.
template <bool full, int inputs>
ALWAYS_INLINE Inputs<inputs> all_inputs(const Common& c, const First& first, uint32_t* const* history,
                                        const int16_t* run) {
  const auto stretched = [&](int i) { return c.tables.stretch[*history[i] >> 20]; };
  if constexpr (!full) return gather<inputs>(first.four, cells_of(c.shape.contexts, c.shape.samples), stretched);
  constexpr int each = (inputs - FIRST_HISTORY) / 24 * 8;
  return gather<inputs>(first.four, inputs - FIRST_HISTORY, [&](int i) {
    if (i < each) return stretched(i);
    if (i < 2 * each) return int16_t((int32_t(*history[i - each] >> 20) - 2048) >> 2);
    return i < 3 * each ? run[i - 2 * each] : int16_t(0);
  });
}

template <int sets, int inputs>
ALWAYS_INLINE void first_layer(Layers<inputs>& a) {
  constexpr int groups = groups_of<sets>, each = sets / groups;
  for (int g = 0; g < groups; ++g) {
    a.y[g] = dot_rows<each>(a.x, a.row + g * each, 14, g == 0 ? 128 : 0, a.sum + g * GROUP);
  }
}

// The mean of two sets.
template <int sets, int inputs>
ALWAYS_INLINE int32_t second_layer(const Lane& l, const Bit& bit, Layers<inputs>& a) {
  constexpr int groups = groups_of<sets>;
  const uint32_t chosen[2] = {bit.match_row, 4 * LENGTHS + bit.node};
  for (int i = 0; i < 2; ++i) {
    a.row2[i] = l.weights2 + chosen[i] * (groups * GROUP);
    a.seen2[i] = l.seen2 + chosen[i];
  }
  dot_both(a.y[0], a.row2, a.sum2);
  for (int g = 1; g < groups; ++g) {
    int16_t* const row[2] = {a.row2[0] + g * GROUP, a.row2[1] + g * GROUP};
    int32_t sum[2];
    dot_both(a.y[g], row, sum);
    for (int i = 0; i < 2; ++i) a.sum2[i] += sum[i];
  }
  return clamp_stretch(((a.sum2[0] >> 1) + (a.sum2[1] >> 1)) >> 14);
}

// What two maps make of the mean, and it itself: 32 … 2^22 − 32.
ALWAYS_INLINE uint32_t final_maps(const Shared& s, const Lane& l, const Common& c, const Bit& bit, int32_t mean,
                                  Maps& maps) {
  const Between b = between(mean);
  uint16_t* const own = l.final_map + (c.shape.samples ? bit.near : bit.guess << 8 | bit.node) * BINS + b.cell;
  uint16_t* const common = s.map + (c.c1 << 8 | bit.node) * BINS + b.cell;
  maps = {own + b.nearer(), common + b.nearer()};
  return (2 * c.tables.squash[mean + 2048] + interpolate(own, b.part) + interpolate(common, b.part)) >> 2;
}

// ---- Learning ----

// The cells learn that the bit was `one`.
ALWAYS_INLINE void learn_cells_of(const Lane& l, const Common& c, const Bit& bit, uint32_t one,
                                  uint32_t* const* history, uint32_t* const* match) {
  const uint16_t* const reciprocal = c.tables.reciprocal;
  const int32_t target = one ? ONE : 0;
  learn_cells(reciprocal, history, cells_of(c.shape.contexts, c.shape.samples), target);
  for (int m = 0; m < c.shape.matches; ++m) {
    const bool right = (l.match[m].byte >> (7 - bit.k) & 1) == one;
    if (match[m]) *match[m] = adapted(reciprocal, *match[m], right ? ONE : 0);
  }
}

// The weights learn the bit.
template <int sets, int inputs>
ALWAYS_INLINE void learn_weights(const Common& c, uint32_t one, const Layers<inputs>& a) {
  constexpr bool full = sets > MANY_SETS;
  const auto error = [&](int32_t x, int32_t rate) {
    const int32_t e = ((((one ? ONE : 0) - int32_t(c.tables.squash[x + 2048])) >> 4) * rate) >> 10;
    return e < -MOST_ERROR ? -MOST_ERROR : e > MOST_ERROR ? MOST_ERROR : e;
  };
  for (int i = 0; i < sets; ++i) {
    const int32_t rate = c.tables.first_rate[full][count(*a.seen[i], MAX_SEEN_FIRST) / 32];
    const int32_t e = error(a.sum[sum_of<sets>(i)], rate);
    if (!full || e > SMALL_ERROR || e < -SMALL_ERROR) learn(a.x, a.row[i], e);
  }
  for (int i = 0; i < 2; ++i) {
    const int32_t rate = c.tables.second_rate[full][count(*a.seen2[i], MAX_SEEN)];
    const int32_t e = error(clamp_stretch(a.sum2[i] >> 14), rate);
    for (int g = 0; g < groups_of<sets>; ++g) learn(a.y[g], a.row2[i] + g * GROUP, e);
  }
}

// ---- A byte ----

// Finds the slots of a nibble's contexts.
inline void find_slots(const Shared& s, Lane& l, int half) {
  for (int i = 0; i < s.shape.contexts; ++i) l.slot[half][i] = find(s.table[i], l.hash[half][i], s.none);
}

// How many of the first contexts have one.
inline uint32_t hits_of(const Shared& s, const Lane& l, int half, int contexts) {
  uint32_t hits = 0;
  for (int i = 0; i < contexts; ++i) hits += l.slot[half][i] != s.none;
  return hits;
}

template <int inputs, int sets, class Choose>
inline void code_with(const Shared& s, Lane& l, const Distribution* network, int known, Choose choose) {
  constexpr bool full = sets > MANY_SETS;
  const Common c(s, l);
  Runs runs;
  uint32_t nothing = 1u << 31;  // a cell that says neither, where vectors are longer than the list
  uint32_t* history[inputs - FIRST_HISTORY];  // cells: of contexts, of orders 0 and 1, of predictions
  for (uint32_t*& cell : history) cell = &nothing;
  for (int i = 0; i < c.shape.contexts; ++i) l.hash[0][i] = l.next[i];
  uint32_t row[MAX_SETS];
  for (int i = 0; i < MAX_SETS; ++i) row[i] = l.row[i];
  Readout readout(s, l);
  if (known >= 0) fetch_all(s, l, uint32_t(known));

  uint32_t byte_node = 1;
  for (int half = 0; half < 2; ++half) {
    if (half == 1 && known < 0) fetch_low_nibbles(s, l, byte_node & 15);
    find_slots(s, l, half);
    if (full && half == 0) runs.find(s, l);
    const uint32_t hits = hits_of(s, l, half, 5), all_hits = full ? hits_of(s, l, half, c.shape.contexts) : 0;
    Tree tree;
    if (network) tree.fill(*network, half, byte_node);
    uint32_t node = 1;  // of the nibble
    for (uint32_t k = 4 * uint32_t(half); k < 4 * uint32_t(half) + 4; ++k) {
      if (known < 0) fetch_ahead(s, l, k, byte_node);
      Bit bit = {k, byte_node, hits, all_hits, 0, 0, 0, 0, 0};
      First first;
      uint32_t* match[MAX_MATCHES] = {};  // null where a match says nothing
      ask_matches(l, c, bit, first, match);
      ask_samples(l, c, bit, history + c.shape.contexts + 2);
      Layers<inputs> layers;
      choose_rows<sets>(s, l, bit, row, layers);
      ask_histories(s, l, c, l.slot[half], node, bit, history);
      first.set(AUTOMATON, ask_automaton(c.tables, l));
      if constexpr (full) runs.ask(c, bit);
      if (network) first.set(NETWORK, c.tables.stretch[tree.one(node) >> 10]);
      const int32_t read = readout.ask(bit, c.c1);

      Maps maps;
      layers.x = all_inputs<full, inputs>(c, first, history, runs.input);
      first_layer<sets>(layers);
      const int32_t mean = clamp_stretch(second_layer<sets>(l, bit, layers) + read);
      const uint32_t one = choose(final_maps(s, l, c, bit, mean, maps));

      learn_cells_of(l, c, bit, one, history, match);
      if constexpr (full) runs.learn(c, one);
      learn_automaton(l, one);
      learn_weights<sets>(c, one, layers);
      readout.learn(((one ? ONE : 0) - int32_t(c.tables.squash[mean + 2048])) >> 4);
      *maps.own = drawn(*maps.own, one);
      l.shared_cell[k] = maps.common;
      node = node << 1 | one;
      byte_node = byte_node << 1 | one;
    }
  }
  l.byte = uint8_t(byte_node);
  if (known < 0) fetch_next(s, l, l.byte);
}

// With as few inputs as the block's mixers have.
template <bool full, int inputs = inputs_of_families(full).least, class Choose>
inline void code_sized(const Shared& s, Lane& l, const Distribution* network, int known, Choose choose) {
  if constexpr (inputs < inputs_of_families(full).most) {
    if (s.shape.inputs > inputs) return code_sized<full, inputs + VECTOR>(s, l, network, known, choose);
  }
  if constexpr (!some_family_has(full, inputs)) {
    assert(false);
  } else if constexpr (full) {
    code_with<inputs, MAX_SETS>(s, l, network, known, choose);
  } else if (s.shape.sets == MANY_SETS) {
    code_with<inputs, MANY_SETS>(s, l, network, known, choose);
  } else {
    code_with<inputs, FEW_SETS>(s, l, network, known, choose);
  }
}

// Codes a byte into l.byte: choose(p) codes a bit whose probability of being 1 is p/2^22, and returns it.
// `network` is null where it takes no part; `known` is the byte where it is known, else negative: it only
// decides what is fetched ahead.
template <class Choose>
inline void code_byte(const Shared& s, Lane& l, const Distribution* network, int known, Choose choose) {
  assert(l.coded == l.t);
  if (s.shape.full) {
    code_sized<true>(s, l, network, known, choose);
  } else {
    code_sized<false>(s, l, network, known, choose);
  }
  l.coded = l.t + 1;
}

}  // namespace
}  // namespace nncomp::mix
