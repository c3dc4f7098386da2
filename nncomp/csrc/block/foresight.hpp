// What a lane will probably have as its next byte, before anything codes it.
//
// A step of the network costs little more with two rows than with one where its time goes into reading weights. So a
// decoder with one lane takes the step after next along, with a guess of the byte between; where that is right, the
// step is done already. Rows do not depend on what shares a step with them: which are computed changes the time alone.
#pragma once

#include <cstdint>

#include "stage/state.hpp"

namespace nncomp {

class Foresight {
 public:
  // `worth`: of 256 guesses, how many have to be right for a row to pay. Where it is 256, none ever does.
  Foresight(const mix::Shared& s, const mix::Lane& l, int worth) : s_(s), l_(l), worth_(worth << 8) {
    for (int32_t& right : right_) right = 256 << 7;
  }

  // Of a lane that has started with a byte: what follows where the last bytes came before, at least two of them.
  void guess() {
    const bool match = l_.expected != 0xFFFF;
    kind_ = match ? 1 + (l_.expected >> 8) : 0;
    byte_ = uint8_t(match ? l_.expected : s_.after2[l_.recent[0] & 0xFFFF]);
  }
  uint8_t byte() const { return byte_; }

  // Whether guesses of this kind were right so often of late that a row pays.
  bool pays() const { return right_[kind_] >= worth_; }

  // That this was the byte; returns whether it was the guess.
  bool learn(uint8_t byte) {
    const bool right = byte == byte_;
    right_[kind_] += ((right ? 256 << 8 : 0) - right_[kind_]) >> 6;
    return right;
  }

 private:
  const mix::Shared& s_;
  const mix::Lane& l_;
  const int32_t worth_;  // 2^-16, as right_
  int32_t right_[8];     // by class of a match's length, and without one
  uint32_t kind_ = 0;
  uint8_t byte_ = 0;
};

}  // namespace nncomp
