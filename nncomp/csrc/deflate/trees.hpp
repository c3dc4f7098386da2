// The codes of a dynamic block: as differences to the ones that zlib would send, and written.
#pragma once

#include "deflate/bits.hpp"
#include "deflate/redo.hpp"

namespace nncomp::deflate {

// `given`, or what is read.
Trees code_trees(Side& side, Model& model, const Trees* given, const Trees& expected);

void write_trees(BitWriter& out, const Trees& trees);

}  // namespace nncomp::deflate
