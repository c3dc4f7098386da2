// The header of a dynamic block, its Huffman codes: coded as differences to what zlib would send, and written.
#pragma once

#include "bits.hpp"
#include "deflate/redo.hpp"

namespace nncomp::deflate {

// Codes `given`, with null reads it; returns the codes. Throws FormatError if what is read gives no code lengths.
Trees code_trees(Side& side, Model& model, const Trees* given, const Trees& expected);

// Writes the header behind the block's first three bits.
void write_trees(BitWriter& out, const Trees& trees);

}  // namespace nncomp::deflate
