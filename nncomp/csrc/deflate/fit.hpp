// Finds the parameters with which zlib would choose a stream's tokens, or most of them (docs/deflate.md, section 3).
#pragma once

#include "deflate/matcher.hpp"

namespace nncomp::deflate {

struct Fit {
  Parameters parameters;
  bool exact = false;  // all tokens and ends of blocks are as zlib would choose them
  bool cheap = false;  // tokens are predicted by Cheapest instead
};

// Tries parameters until they predict all tokens, or no better ones are found. `guess` is tried first: usually the
// parameters of the stream before. What takes too long counts as predicting nothing.
Fit fit(const Stream& stream, const Parameters& guess);

}  // namespace nncomp::deflate
