// The state of the adaptive stage: of a block, shared by its lanes, and of each lane. Plain data in the caller's
// memory, so that the same functions (byte_step.hpp) run on any device.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/families.hpp"
#include "stage/tables.hpp"

namespace nncomp::mix {

constexpr int MAX_MATCHES = 2;
constexpr int FEW_SETS = 4, MANY_SETS = 7;  // sets of weights of a family that is not of the max profile
constexpr int MAX_SETS = 2 * MANY_SETS;     // of a family of the max profile
constexpr int GROUP = 8;          // inputs of the second layer that form a vector: up to 7 sets, zeros, a constant
constexpr int MAX_GROUPS = MAX_SETS / MANY_SETS;
constexpr int BINS = 33;          // of an adaptive probability map: −16 … 16 octaves
constexpr int LENGTHS = 24;       // classes of a match's length
constexpr int MATCH_CELLS = LENGTHS * 64;
constexpr int TAPS = 32;          // inputs of a linear prediction
// Predictions of a sample: those that learn with each, those that do not, and those of least squares, each of which is
// made of all inputs and of the first ones.
constexpr int LEARNING = 2, FIXED = 2, SQUARES = 2, PREDICTIONS = LEARNING + FIXED + 2 * SQUARES;
constexpr int SHORT = 16;         // inputs of the shorter ones of least squares
constexpr int NEAREST = 5;        // the prediction whose place chooses rows and maps
constexpr int BATCH = 8;          // samples between which sums of least squares do not change
constexpr int PART = 4;           // entries of a row of these sums that are handled at a time
constexpr int SAMPLE_CELLS = 8 * 8 * 256;  // [error][bit][place]
constexpr int ROWS2 = 4 * LENGTHS + 256;
constexpr int MAX_UNITS = 1024;   // of the network that are read
constexpr int READOUT_ROWS = 16;  // rows of weights of the readout for each node
constexpr int32_t MAX_GAIN = 2 << 16;  // largest gain of the readout, 2^16 being one
constexpr uint32_t MAX_FIELDS = 64;  // fields of a line whose beginnings are used
constexpr uint32_t MAX_NUMBERS = 64;  // numbers of a line that are remembered
constexpr int PLACE_BITS = 12;
constexpr uint32_t PLACES = 1 << PLACE_BITS;  // entries of the hash tables of numbers
constexpr uint32_t MAX_DIGITS = 8;    // digits of a number that are predicted, a byte each
constexpr uint32_t MAX_DEPTH = 16;   // open brackets that are remembered; a power of two
constexpr uint32_t MAX_PACE = 4096, PACE_COUNT = 15;
constexpr uint32_t MEMORY = 1 << 16;  // entries of each memory
constexpr uint32_t RECORD_ENDS = 1 << 13;   // offsets ahead for which ends of records are counted
constexpr uint32_t MAX_RECORD = 8000;      // limit of a record's bytes after its head
constexpr uint32_t LEAST_RECORDS = 8;      // records in a row that make a chain
constexpr int RUN_CELLS = 17 * 8;  // [class of a run's length][bit]

// Which input of the first layer is which; what a family lacks is 0. Behind the contexts are orders 0 and 1,
// and predictions of samples.
enum Input { FIRST_MATCH = 0, AUTOMATON = 2, NETWORK = 6, CONSTANT = 7, FIRST_HISTORY = 8 };

constexpr int VECTOR = 16;  // inputs of a vector
constexpr int whole(int n, int unit) { return (n + unit - 1) / unit * unit; }
constexpr int ROW = whole(TAPS + 1, PART);

// A number in floating point, highest byte first: a sign, an exponent, and a fraction; or a whole one.
struct FloatFormat {
  uint32_t width;  // bytes
  int exponent;    // bits; of a whole number, some of its highest
  int base;        // log2: the fraction counts as many times that as the exponent says; 0: a whole number
};
constexpr int FLOAT_KINDS = 5;  // IEEE 754 of 32 bits, System/360 of 32, IEEE 754 of 64, whole ones of 24 and 32
inline constexpr FloatFormat FLOAT_FORMATS[FLOAT_KINDS] = {{4, 8, 1}, {4, 7, 4}, {8, 11, 1}, {3, 8, 0}, {4, 8, 0}};

// What has a cell: contexts, orders 0 and 1, predictions. A full profile has three inputs of each: as many behind each
// other, up to a multiple of 8. The kernels count at run time, too, and share no code: hence inline.
ALWAYS_INLINE constexpr int cells_of(int contexts, int samples) { return contexts + 2 + samples; }
constexpr int histories_of(int contexts, int samples) { return whole(cells_of(contexts, samples), 8); }
constexpr int inputs_of(int contexts, int samples, bool full) {
  return whole(FIRST_HISTORY + (full ? 3 * histories_of(contexts, samples) : cells_of(contexts, samples)), VECTOR);
}
struct Range {
  int least, most;
};
constexpr Range inputs_of_families(bool full) {
  Range r = {1 << 30, 0};
  for (const FamilyTable& f : FAMILIES) {
    if (f.full != full) continue;
    for (const int n : f.contexts) {
      const int inputs = inputs_of(n, f.samples, full);
      r = {inputs < r.least ? inputs : r.least, inputs > r.most ? inputs : r.most};
    }
  }
  return r;
}
constexpr int MOST_INPUTS = inputs_of_families(true).most;
constexpr bool some_family_has(bool full, int inputs) {
  for (const FamilyTable& f : FAMILIES) {
    for (const int n : f.contexts) {
      if (f.full == full && inputs_of(n, f.samples, full) == inputs) return true;
    }
  }
  return false;
}
constexpr int RUN_WEIGHT = 300;  // first weight of a run's input
constexpr uint32_t FIRST_STATES = 256 * 255;  // of an automaton: one for each node of a byte after each byte
constexpr uint16_t FIRST_SEEN = 51;           // first count of either bit, 256 being one occurrence
constexpr uint32_t MOST_ADDED = 1 << 20;      // states that are added at most

// States that there may be after n bytes: none is cloned beyond that.
ALWAYS_INLINE constexpr uint32_t most_states(uint32_t n) {
  const uint32_t added = n + n / 2;
  return FIRST_STATES + (added < MOST_ADDED ? added : MOST_ADDED);
}

// The shape of the stage for a block: from its header, and from the table of contexts. Where these are of numbers in
// floating point, the header has, in place of the stride, which of FLOAT_FORMATS they are, from 1 on.
struct Shape {
  int32_t family;   // enum Family
  bool network;     // whether it takes part
  bool x86;         // whether instructions are followed
  bool numbers;     // whether numbers of lines are followed
  bool full;        // whether contexts have runs, and three inputs each
  uint32_t period;  // length of a record or of a row of samples; 0: none
  uint32_t stride;  // bytes of a sample
  uint32_t width;   // bytes of a sample that is predicted; 0: samples are not predicted
  bool floats;      // whether numbers in floating point are predicted, of this format:
  FloatFormat format;
  int32_t contexts, matches, samples, sets, memories;  // how many there are; samples: of their predictions
  int32_t inputs;   // of a set of the first layer, padding with zeros included
  int32_t rows;     // rows of weights of all these sets
  int32_t groups;   // of 8 inputs of the second layer
  int32_t units;    // of the network that are read
};

inline Shape shape_of(int32_t family, bool network, int32_t units, uint32_t period, uint32_t stride) {
  const FamilyTable& f = FAMILIES[family];
  const FloatFormat format = f.floats ? FLOAT_FORMATS[stride - 1] : FloatFormat{};
  return {family,
          network,
          f.x86,
          f.numbers,
          f.full,
          period,
          f.floats ? format.width : stride,
          f.width,
          f.floats,
          format,
          f.contexts[network],
          f.matches,
          f.samples,
          f.sets,
          f.memories,
          inputs_of(f.contexts[network], f.samples, f.full),
          f.rows,
          f.full ? MAX_GROUPS : 1,
          units};
}

// 64-byte buckets of four slots: a check byte, 0 if free, then the histories of the 15 nodes of a nibble.
struct Table {
  uint8_t* data;
  uint16_t*
      runs;  // of each slot that a full profile's upper nibbles have: a byte, and above it how often it came, or 0
  uint32_t shift;  // 64 − log2 of the number of buckets
};

struct Match {
  uint32_t at;      // offset in the block of the byte that is predicted to follow again
  uint32_t length;  // how many bytes before it agree; 0: there is no match
  uint32_t misses;  // a bit for each of the last 8 predictions, 1 if wrong, newest lowest
  uint32_t byte;    // what it predicts
};

// A state of a lane's automaton.
struct State {
  uint32_t next[2];  // by bit
  uint16_t seen[2];  // how often each bit came, in 1/256
};

// Guesses the length of records from distances at which bytes come again.
struct Pace {
  uint32_t last[256][3];  // by byte: where its last three occurrences end, newest first
  uint32_t candidate[2], count[2];
  uint32_t pace;  // 0: none yet
};

// Parses records that follow each other, each a head with type and length, 16 bits each, and then its bytes.
struct Chain {
  bool locked;          // whether enough records in a row were found to follow them
  uint32_t begin, end;  // of the record that the byte to come is in; the end is known behind the head
  uint32_t type;        // the record's type; NO_TYPE before the head is complete
};
constexpr uint32_t NO_TYPE = 0xFFFF, NO_RECORD = 0xFFFFF;

// The state of an x86 program, derived from its instructions.
struct Program {
  uint64_t targets[2];       // bit i: the byte i after the one to come is the target of a jump, i < 128
  uint32_t far;              // the target of the last jump by 32 bits
  uint32_t function;         // where the current function begins
  uint32_t pushed, popped;   // registers pushed and popped in it, a bit each
  uint32_t depth;            // bytes of arguments pushed for the next call
  uint32_t slot;             // the last displacement from the stack pointer minus the depth then
  uint8_t last[8];           // the lowest byte of the last displacement, by base
  uint64_t call;             // hash of the last call's bytes
};

// The part of an instruction that the byte to come belongs to; the last three plus the bytes still to come.
enum Phase : uint32_t {
  OPCODE = 0,
  AFTER_0F,
  AFTER_38,
  AFTER_3A,
  MODRM,
  SIB,
  DISPLACEMENT = 5,
  IMMEDIATE = 9,
  VEX = 17
};

// The state of parsing an x86 instruction.
struct Instruction {
  uint32_t phase;      // see enum Phase
  uint32_t kind;       // of the opcode: see x86_kind
  uint32_t immediate;  // bytes
  uint32_t prefixes;   // 1: operand of 16 bits, 2: of 64
  uint32_t opcode;     // without its escape bytes
  uint32_t modrm, sib;
  uint32_t value, known;  // first four bytes of its displacement or immediate, and how many bytes are known
  uint64_t bytes;      // hash of its bytes
  uint64_t operand;    // hash of its displacement's or immediate's bytes
  uint64_t before;     // hash of the bytes of the instruction before
  uint64_t opcodes;    // the last 4, 16 bits each, newest lowest: opcode and what mod-r/m adds to it
  Program program;     // until the end of the instruction before, but for displacements
};

// Least squares of a channel. A sample's row is its differences from the one before (see Samples), and its own last.
struct LeastSquares {
  int64_t sum[SQUARES][TAPS + 1][ROW];  // of products of two entries of a row, 2^8 is one; up to the diagonal
  int32_t weight[2 * SQUARES][TAPS];    // 2^16 is one; of all, then of the first SHORT of them
  int32_t seen[BATCH][ROW];             // rows that are not in the sums yet
  uint32_t count;                       // samples
};

// Predictions of a sample. A sample has 16 bits: one byte is its high byte, of two the first is the low one.
struct Samples {
  int32_t weight[LEARNING][8][TAPS];  // 2^16 is one; of a faster and a slower prediction; by channel
  int32_t x[TAPS];             // differences from the sample before
  int32_t guess[PREDICTIONS];
  uint32_t error[PREDICTIONS][8];  // mean, by channel
  int32_t before;                  // the sample before
};

// Predictions of a number in floating point; their weights are those of samples.
struct Floats {
  int32_t scale;    // numbers are in units of 2^scale
  int64_t x[TAPS];  // differences
  int32_t down;     // bits by which x is shifted right to be learnt from
  int64_t before;   // the number before
  int64_t guess[PREDICTIONS];
  uint32_t channel;               // the number's place in its record
  int32_t error[PREDICTIONS][8];  // means of logarithms, see log_of, in 1/256, by channel
};

// Features of the bit to come, by which rows of weights are chosen, beside the past.
struct Bit {
  uint32_t k;            // 0 … 7, from the top
  uint32_t node;         // the byte's bits so far, with a 1 in front
  uint32_t hits;         // how many of the first five contexts have a slot
  uint32_t all_hits;     // how many of all contexts have a slot
  uint32_t match_class;  // of the length of the first active match, 0 without one
  uint32_t guess;        // 1: match 0 says 0, 2: it says 1, 0: it says nothing
  uint32_t match_row;    // 4·match_class + guess: < 4·LENGTHS
  uint32_t near;         // the quantised distance of prediction NEAREST from the bit's threshold
  uint32_t predicted;    // 256 + the byte of the longest active match, or 0
};

// Numbers of this line and of the one above.
struct Numbers {
  uint64_t value;       // of the current number so far, modulo 2^64
  uint32_t digits;      // of the current number; 0: there is none
  uint32_t count[2];    // by Lane::odd_line: complete numbers of this line and of the one above
  uint64_t change;      // the last complete number minus the one above it
  uint64_t all[2][MAX_NUMBERS];
};

// The first digits of a predicted number, compared with the digits that come.
struct Due {
  uint64_t text;   // lowest byte first; 0 behind them
  uint32_t state;  // 0: all digits agree so far; 1: the first digit that differs is greater; 2: less
};

// The number last seen at a position of an outline, and the next one if it changes by the same step.
struct Before {
  uint64_t text, next;  // first digits of the number last seen, and of the predicted one
  uint32_t value;       // modulo 2^32
};

// Names, cells, and the outline of the line: the line with every run of digits collapsed.
struct Outline {
  uint64_t name, name1;  // hash of this name's bytes, of the name before
  uint64_t line, above;  // hashes of the outlines of this line so far and of the line above
  uint64_t form;         // hash of this line with runs of letters collapsed, too
  uint32_t kind;         // of the last byte: what form tells apart
  uint32_t cell, quoted;
  uint64_t text;           // the first digits of the run of them so far
  uint32_t digits, value;  // how many, and what they are modulo 2^32
  uint32_t place, named;   // entries for the position in the outline and for the name
  Due due[3];
};

// A lane's readout. Of each hidden unit: its mean and its mean distance from that, in 1/128, and the factor from
// distance to input, in 1/2^15.
struct Reading {
  int32_t *mean, *spread, *scale;  // [units]
  int16_t* weights;  // [READOUT_ROWS][256][units]
  uint16_t* seen;    // [READOUT_ROWS][256] how often each row has learnt
  int32_t* gain;     // [ROWS2] 2^16 is one
};

struct Lane {
  uint32_t start, size;  // the lane's piece of the block
  uint32_t t, coded;     // how many of its bytes it has taken in, and how many it has coded

  // What contexts are made of. Bytes before the piece count as 0.
  uint64_t recent[3];           // the last 24 bytes, newest lowest
  uint64_t word, word1, word2;  // hash of this word's letters, of the words before
  uint64_t shape, tokens;       // classes of the last 16 bytes; in tokens, one for each run of a class
  uint64_t field;               // hash of this field's bytes
  uint32_t run, fields;         // bytes of this class so far, fields of this line so far
  uint32_t line, line_above, line_two_above;  // offsets in the piece where they start
  uint32_t odd_line, fields_above;
  uint32_t field_at[2][MAX_FIELDS];  // where the fields of this line and of the one above start
  Numbers numbers;
  Outline outline;
  uint64_t open[MAX_DEPTH];     // hashes of brackets that are open and the words before them
  uint32_t depth;
  Pace pace;                    // only with the max profile
  Chain chain;                  // likewise
  uint32_t column;
  uint32_t row_at, channel;     // t mod period, that mod stride
  Instruction x86;
  Samples samples;
  Floats floats;
  uint32_t memory_at[MAX_MEMORIES];  // the current entry of each memory
  uint32_t memory[MAX_MEMORIES];     // its value: the last four bytes that followed
  uint32_t expected;            // what a match predicts, and how long it is
  Match match[MAX_MATCHES];
  uint32_t match_hash[MAX_MATCHES], next_match_hash[MAX_MATCHES];

  // The byte step.
  uint64_t next[MAX_CONTEXTS];      // hashes of the byte to come
  uint64_t hash[2][MAX_CONTEXTS];   // of the nibbles just coded
  uint8_t* slot[2][MAX_CONTEXTS];   // where they were found
  uint32_t row[MAX_SETS];           // rows of the sets of weights that choose one for all bits of a byte
  uint16_t* shared_cell[8];         // of Shared::map
  uint32_t byte;
  const uint8_t* activations;       // [units] the network's hidden units before it

  // What learns bit by bit.
  State* states;          // [most_states(size)] of the automaton
  uint32_t state, state_count;
  int16_t* weights;       // [rows][inputs] of all sets, 2^14 is one
  int16_t* weights2;      // [ROWS2][groups][GROUP]
  uint16_t* seen;         // [rows] how often each was chosen
  uint16_t* seen2;        // [ROWS2] likewise
  uint32_t* history_map;  // [contexts + 2][256]
  uint32_t* run_map;      // [contexts][RUN_CELLS] of a full profile
  uint16_t* record_ends;  // [RECORD_ENDS] likewise: how many records in a row would end at an offset modulo RECORD_ENDS
  Before* before;  // [PLACES] where numbers are followed: by position in an outline
  uint64_t* named;  // [PLACES] likewise: first digits of the last number, by the name in front of it
  uint32_t* match_map;  // [matches][MATCH_CELLS]
  uint32_t* sample_map;  // [samples][SAMPLE_CELLS]
  LeastSquares* squares;  // [8], by channel; none without samples
  uint16_t* final_map;  // [3][256][BINS]
  Reading reading;
};

// Constant during a byte step, except the lanes.
struct Shared {
  Shape shape;
  const Tables* tables;
  const uint8_t* data;  // the block
  uint32_t size;
  Lane* lane;
  uint32_t lanes;
  uint32_t flip;  // activations are xored with it
  uint8_t* none;  // 16 zeros: the slot of contexts that have none
  Table table[MAX_CONTEXTS];
  uint8_t* order0;  // [256] histories
  uint8_t* order1;  // [256][256]
  uint32_t* index[MAX_MATCHES];
  uint32_t index_shift;  // 32 − log2 of the entries
  uint16_t* map;  // [256][256][BINS]
  uint32_t* after1;  // [256] the last four bytes that followed a byte
  uint16_t* after2;  // [65536] the last two that followed a pair
  uint32_t* memory[MAX_MEMORIES];  // [MEMORY] the last four that followed a hash
};

}  // namespace nncomp::mix
