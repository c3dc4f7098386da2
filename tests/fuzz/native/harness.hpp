// What the fuzzers share.
//
// Each target is a program: a file that defines `check`, which libFuzzer calls with cases. It has to cope with
// everything that an attacker may write. As an attacker can compute checksums, they are not verified (unnnc/bytes.hpp,
// CHECKED).
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

// Tests a case, which may be any bytes. Throws FormatError for input that is refused; calls `expect` for what must
// hold.
void check(View data);

// Aborts with the message `what` unless `holds`; libFuzzer then keeps the case.
void expect(bool holds, const char* what);

// Splits a case into parts, each with its size before it in two bytes. Empty ones are added if there are fewer than
// `least`. Mutations change one part at a time and do not shift the others (parts.cpp).
std::vector<View> parts_of(View data, size_t least);

// Reads numbers from the front of a part, and zeros after its end.
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

// A kernel that this processor can run, chosen by a number.
const Kernel& kernel_of(Numbers& numbers);

}  // namespace fuzz
