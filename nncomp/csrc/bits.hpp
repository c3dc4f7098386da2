// Reads and writes bits, the lowest one of each byte first, as deflate (RFC 1951) and GIF have them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "coder/error.hpp"

namespace nncomp {

// Reads bits of a span. Beyond its end all bits are 0: callers ask valid() afterwards whether they have read too far.
class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The next bits, without consuming them: at least 57, the first one lowest.
  uint64_t peek() {
    while (count_ <= 56) {
      bits_ |= uint64_t(at_ < bytes_.size() ? bytes_[at_] : 0) << count_;
      ++at_;
      count_ += 8;
    }
    return bits_;
  }

  void skip(int count) {  // at most as many as peek() has returned
    bits_ >>= count;
    count_ -= count;
  }

  uint32_t take(int count) {  // 0 … 32
    const uint32_t bits = uint32_t(peek() & ((uint64_t(1) << count) - 1));
    skip(count);
    return bits;
  }

  // Takes the bits up to the next byte boundary.
  uint32_t align() { return take(count_ & 7); }

  // Bytes of which at least one bit has been read; more than there are if bits were taken beyond the end.
  uint64_t position() const { return at_ - uint64_t(count_ / 8); }
  bool valid() const { return position() <= bytes_.size(); }

  // Bits that have been read, and bits that are left.
  uint64_t bits() const { return 8 * at_ - uint64_t(count_); }
  uint64_t left() const { return 8 * bytes_.size() - std::min(bits(), uint64_t(8) * bytes_.size()); }

  // Continues at this bit, counted from the beginning.
  void seek(uint64_t bit) {
    at_ = bit / 8;
    bits_ = 0;
    count_ = 0;
    take(int(bit % 8));
  }

 private:
  std::span<const uint8_t> bytes_;
  uint64_t bits_ = 0;  // bits that were fetched but not read
  int count_ = 0;      // how many these are
  uint64_t at_ = 0;    // the next byte to fetch
};

// Appends to a buffer. Throws FormatError rather than let the buffer grow beyond `limit` bytes. The bits of a last
// incomplete byte are not written until put() completes it.
class BitWriter {
 public:
  BitWriter(std::vector<uint8_t>& out, uint64_t limit) : out_(out), limit_(limit) {}

  void put(uint32_t bits, int count) {  // count 0 … 32; the bits above these are 0
    bits_ |= uint64_t(bits) << count_;
    count_ += count;
    while (count_ >= 8) {
      byte(uint8_t(bits_));
      bits_ >>= 8;
      count_ -= 8;
    }
  }

  // Bits up to the next byte boundary, 0 … 7.
  int missing() const { return -count_ & 7; }

 private:
  void byte(uint8_t value) {
    if (out_.size() >= limit_) throw FormatError("a stream that is redone is longer than the content");
    out_.push_back(value);
  }

  std::vector<uint8_t>& out_;
  uint64_t limit_;
  uint64_t bits_ = 0;
  int count_ = 0;
};

}  // namespace nncomp
