// The parameters with which zlib would choose a stream's tokens, or most of them.
#pragma once

#include "deflate/matcher.hpp"

namespace nncomp::deflate {

struct Fit {
  Parameters parameters;
  bool exact = false;  // all tokens and ends of blocks are as expected
  bool cheap = false;  // tokens are rather those that take the fewest bits
};

// `guess` is tried first. Throws FormatError where all take too long.
Fit fit(const Stream& stream, const Parameters& guess);

}  // namespace nncomp::deflate
