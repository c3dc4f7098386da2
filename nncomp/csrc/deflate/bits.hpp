// Bits of a deflate stream, the lowest of each byte first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "coder/error.hpp"

namespace nncomp::deflate {

class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The next bits, of which those beyond the end are zero; at least 32 of them count.
  uint64_t peek() {
    while (count_ <= 56) {
      bits_ |= uint64_t(at_ < bytes_.size() ? bytes_[at_] : 0) << count_;
      ++at_;
      count_ += 8;
    }
    return bits_;
  }

  void skip(int count) {  // of what has been peeked
    bits_ >>= count;
    count_ -= count;
  }

  uint32_t take(int count) {  // 0 … 32
    const uint32_t bits = uint32_t(peek() & ((uint64_t(1) << count) - 1));
    skip(count);
    return bits;
  }

  // The bits up to the next whole byte.
  uint32_t align() { return take(count_ & 7); }

  // Whole bytes that have been begun, and so more than there are where reading went beyond the end.
  uint64_t position() const { return at_ - uint64_t(count_ / 8); }
  bool valid() const { return position() <= bytes_.size(); }

  // Bits that have been read, and bits that are not.
  uint64_t bits() const { return 8 * at_ - uint64_t(count_); }
  uint64_t left() const { return 8 * bytes_.size() - std::min(bits(), uint64_t(8) * bytes_.size()); }

  // Goes to the bit with this number.
  void seek(uint64_t bit) {
    at_ = bit / 8;
    bits_ = 0;
    count_ = 0;
    take(int(bit % 8));
  }

 private:
  std::span<const uint8_t> bytes_;
  uint64_t bits_ = 0;
  int count_ = 0;
  uint64_t at_ = 0;
};

// Appends to a buffer, but no more than up to a limit of its size: FormatError there.
class BitWriter {
 public:
  BitWriter(std::vector<uint8_t>& out, uint64_t limit) : out_(out), limit_(limit) {}

  void put(uint32_t bits, int count) {  // 0 … 32, none set above them
    bits_ |= uint64_t(bits) << count_;
    count_ += count;
    while (count_ >= 8) {
      byte(uint8_t(bits_));
      bits_ >>= 8;
      count_ -= 8;
    }
  }

  // How many bits are missing to a whole byte.
  int missing() const { return -count_ & 7; }

 private:
  void byte(uint8_t value) {
    if (out_.size() >= limit_) throw FormatError("a deflate stream is longer than the content");
    out_.push_back(value);
  }

  std::vector<uint8_t>& out_;
  uint64_t limit_;
  uint64_t bits_ = 0;
  int count_ = 0;
};

}  // namespace nncomp::deflate
