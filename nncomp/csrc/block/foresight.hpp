// Guesses a lane's next byte before it is coded.
//
// A step of the network costs little more with two rows than with one where its time goes into reading weights. So a
// decoder with one lane takes the step after next along, with a guess of the byte between; where that is right, the
// step is done already. Rows do not depend on what shares a step with them: which are computed changes the time alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stage/state.hpp"

namespace nncomp {

class Foresight {
 public:
  // `worth`: of 256 guesses, how many have to be right for a row to pay. Where it is 256, none ever does.
  Foresight(const mix::Shared& s, const mix::Lane& l, int worth)
      : s_(s), l_(l), worth_(worth << 8), by_kind_(KINDS << 8, HALF), by_byte_(256 << 8, HALF) {}

  // Of a lane that has started with a byte: what follows where the last bytes came before, at least two of them.
  void guess() {
    const bool match = l_.expected != 0xFFFF;
    const uint32_t kind = match ? 1 + (l_.expected >> 8) : 0;
    const uint32_t last = l_.recent[0] & 0xFF;
    byte_ = uint8_t(match ? l_.expected : s_.after2[l_.recent[0] & 0xFFFF]);
    of_kind_ = &by_kind_[kind << 8 | last];
    of_byte_ = &by_byte_[last << 8 | byte_];
  }
  uint8_t byte() const { return byte_; }

  // Whether guesses like this one were right so often of late that a row pays.
  bool pays() const { return (*of_kind_ + *of_byte_) / 2 >= worth_; }

  // That this was the byte; returns whether it was the guess.
  bool learn(uint8_t byte) {
    const bool right = byte == byte_;
    for (uint16_t* part : {of_kind_, of_byte_}) *part = uint16_t(*part + (((right ? 256 << 8 : 0) - *part) >> 5));
    return right;
  }

 private:
  static constexpr size_t KINDS = 8;  // classes of a match's length, and without one
  static constexpr uint16_t HALF = 128 << 8;

  const mix::Shared& s_;
  const mix::Lane& l_;
  // Parts of guesses that were right, 2^-16:
  const int32_t worth_;
  std::vector<uint16_t> by_kind_;  // [kind][last byte]
  std::vector<uint16_t> by_byte_;  // [last byte][guess]
  uint16_t *of_kind_ = nullptr, *of_byte_ = nullptr;  // of this guess
  uint8_t byte_ = 0;
};

}  // namespace nncomp
