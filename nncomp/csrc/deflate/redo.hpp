// What a deflate stream needs beside its content, and the stream again from that: docs/deflate.md.
#pragma once

#include <cstdint>
#include <span>

#include "coder/side.hpp"
#include "deflate/bits.hpp"
#include "deflate/fit.hpp"
#include "deflate/walk.hpp"

namespace nncomp::deflate {

// Probabilities of all that streams differ in from what is expected. Streams that follow each other share them.
struct Model {
  Parameters parameters;  // of the stream before
  AdaptiveBit same_parameters;
  Numbers preset, window_bits, hash_bits, block_bits;
  AdaptiveBit filtered, truncates;
  AdaptiveBit exact;  // whether all tokens and ends of blocks are as expected
  AdaptiveBit cheap;  // whether the tokens that are expected are the cheapest ones

  AdaptiveBit piece, begun, cut, open;  // what is missing
  Numbers window, tokens, offset, low;

  AdaptiveBit stored[3], same_size, whole_rest, hidden;  // blocks
  Numbers size, padding;
  AdaptiveBit padded, empty[2], last[2], dynamic[2];

  static constexpr int CLASSES = 2 + 3 * 9;
  AdaptiveBit expected[CLASSES][8];  // tokens, by the one that is expected, and how the last three were
  AdaptiveBit match[CLASSES];
  Numbers length[CLASSES], distance, hops;
  AdaptiveBit near, ends[2];

  Numbers block;  // the cheapest tokens
  AdaptiveBit cheapest[2][16][8];  // by whether a match is expected, how many bits it is ahead, and the last three
  Numbers rank, other_length, other_distance;

  AdaptiveBit lengths_expected, items_expected, code_expected, item_expected;  // codes
  Numbers count, symbols, code_length, repeat;
  Numbers change[2];
  AdaptiveBit unchanged[3];
};

// Writes what `stream` needs to `side`, and the stream itself to `out`.
void put_stream(Side& side, Model& model, const Stream& stream, const Fit& fit, BitWriter& out);

// Reads it from `side`, and writes the stream of the content `plain` to `out`. Throws FormatError for what is damaged.
void get_stream(Side& side, Model& model, std::span<const uint8_t> plain, BitWriter& out);

}  // namespace nncomp::deflate
