// What all targets share: what holds for a case, or ends the process; cases that are several things one behind the
// other.
//
// A target is a file with one function, `check`, and is a program of its own: libFuzzer finds the cases. It takes all
// that an attacker may write, so that it stands below every checksum (unnnc/bytes.hpp, CHECKED).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coder/error.hpp"
#include "kernels/kernel.hpp"

namespace fuzz {

using namespace nncomp;
using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

// What a target is: returns where all holds for the case, whatever it is. May throw FormatError.
void check(View data);

// Ends the process with what does not hold, where libFuzzer keeps the case.
void expect(bool holds, const char* what);

// A case as parts, each with its size in front, in two bytes; `least` or more, whatever the bytes are. They are mutated
// one at a time, so that no mutation shifts the others (parts.cpp).
std::vector<View> parts_of(View data, size_t least);

// Numbers from the front of a part; behind its end there are zeros.
class Numbers {
 public:
  explicit Numbers(View data) : left_(data) {}

  uint64_t below(uint64_t end) { return next(end > 256 ? 2 : 1) % end; }  // end <= 2^16

 private:
  uint64_t next(int bytes) {
    uint64_t found = 0;
    for (int i = 0; i < bytes && !left_.empty(); ++i, left_ = left_.subspan(1)) found = found << 8 | left_[0];
    return found;
  }

  View left_;
};

// One of those that this processor runs.
const Kernel& kernel_of(Numbers& numbers);

}  // namespace fuzz
