// Codes all that a deflate stream has beside its content, as differences to what zlib would have chosen, and rebuilds
// the stream from that bit for bit (docs/deflate.md, section 7).
#pragma once

#include <cstdint>
#include <span>

#include "bits.hpp"
#include "coder/side.hpp"
#include "deflate/fit.hpp"
#include "deflate/walk.hpp"

namespace nncomp::deflate {

// The adaptive probabilities of all decisions about streams. All streams of a block share them, in order.
struct Model {
  Parameters parameters;  // of the stream before
  AdaptiveBit same_parameters;
  Numbers preset, window_bits, hash_bits, block_bits;
  AdaptiveBit filtered, truncates;
  AdaptiveBit exact;  // whether all tokens and ends of blocks are as expected
  AdaptiveBit cheap;  // whether tokens are predicted by Cheapest

  // Which part of the stream is there.
  AdaptiveBit piece, begun, cut, open;
  Numbers window, tokens, offset, low;

  // Blocks. `stored` by the block before: none, not stored, stored; `last` and `dynamic` by what is expected.
  AdaptiveBit stored[3], same_size, whole_rest, hidden;
  Numbers size, padding;
  AdaptiveBit padded, empty[2], last[2], dynamic[2];

  // Tokens, by the class of the expected one; `expected` also by whether each of the last three was as expected.
  static constexpr int CLASSES = 2 + 3 * 9;
  AdaptiveBit expected[CLASSES][8];
  AdaptiveBit match[CLASSES];
  Numbers length[CLASSES], distance, hops;
  AdaptiveBit near, ends[2];

  // The cheapest tokens: [a match is expected][bits by which it is ahead][the last three].
  Numbers block;
  AdaptiveBit cheapest[2][16][8];
  Numbers rank, other_length, other_distance;

  // Huffman codes. `change` by whether the expected length is not 0.
  AdaptiveBit lengths_expected, items_expected, code_expected, item_expected;
  Numbers count, symbols, code_length, repeat;
  Numbers change[2];
};

// Writes what `stream` is redone from to `side`, and the redone stream to `out`, to be compared with the original.
// Throws FormatError if `out` is full or it takes too long.
void put_stream(Side& side, Model& model, const Stream& stream, const Fit& fit, BitWriter& out);

// Reads that from `side`, and writes the stream with the content `plain` to `out`. Throws FormatError if it is
// damaged, `out` is full or it takes too long.
void get_stream(Side& side, Model& model, std::span<const uint8_t> plain, BitWriter& out);

}  // namespace nncomp::deflate
