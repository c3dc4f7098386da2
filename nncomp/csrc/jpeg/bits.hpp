// Reads and writes the entropy-coded data of a scan (ITU-T T.81, annex F), the highest bit of each byte first. A byte
// FF of the data is followed by a stuffed 00, which tells it from a marker.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "coder/error.hpp"
#include "jpeg/header.hpp"

namespace nncomp::jpeg {

[[noreturn]] inline void damaged() { throw FormatError("a JPEG picture is damaged: its parts do not fit together"); }

// A scan's data without stuffed bytes and restart markers.
struct Plain {
  std::vector<uint8_t> bytes;  // followed by four zeros, so that four bytes can be read anywhere
  std::vector<size_t> ends;    // where restart intervals end, in bytes; the last one is the end of the data
  size_t size = 0;             // bytes of the data with stuffed ones and markers
};

// The scan's data at the beginning of `data`: up to the first marker that is not, with `restarts`, the restart marker
// whose turn it is. The first one has the number `next_restart`, modulo 8. `before` comes in front of the data.
inline Plain unstuffed(std::span<const uint8_t> data, bool restarts, uint32_t next_restart,
                       std::span<const uint8_t> before) {
  Plain plain;
  plain.bytes.assign(before.begin(), before.end());
  size_t at = 0;
  for (; at < data.size(); ++at) {
    const uint8_t b = data[at];
    if (b == 0xFF) {
      if (at + 1 == data.size()) break;
      const uint8_t next = data[at + 1];
      if (restarts && next == (RST0 | ((next_restart + plain.ends.size()) & 7))) {
        plain.ends.push_back(plain.bytes.size());
        ++at;
        continue;
      }
      if (next != 0) break;
      ++at;
    }
    plain.bytes.push_back(b);
  }
  plain.size = at;
  plain.ends.push_back(plain.bytes.size());
  plain.bytes.resize(plain.bytes.size() + 4);
  return plain;
}

// Reads bits, one restart interval after the other. Bits behind an interval's end are meaningless: callers ask good()
// whether they have read such.
class BitReader {
 public:
  // Begins behind the first so many bits.
  explicit BitReader(const Plain& plain, uint32_t bits) : plain_(plain), at_(bits), end_(8 * plain.ends[0]) {}

  uint64_t position() const { return at_; }                     // bits
  bool good() const { return at_ <= end_; }                     // nothing behind the restart interval was read
  uint32_t to_byte() const { return uint32_t(-at_ & 7); }       // bits up to the next byte boundary

  // The next bits, without consuming them; count ≤ 16.
  uint32_t peek(uint32_t count) const {
    if (at_ >= end_) return 0;
    const uint8_t* b = &plain_.bytes[at_ >> 3];
    const uint32_t four = uint32_t(b[0]) << 24 | uint32_t(b[1]) << 16 | uint32_t(b[2]) << 8 | b[3];
    return count == 0 ? 0 : (four << (at_ & 7)) >> (32 - count);
  }
  uint32_t take(uint32_t count) {
    const uint32_t value = peek(count);
    at_ += count;
    return value;
  }

  // The next symbol; −1 if the next bits are not a code.
  int symbol(const Code& code) {
    const uint32_t next = peek(16);
    const uint32_t fast = code.fast[next >> 8];
    if (fast) {
      at_ += fast >> 8;
      return int(fast & 255);
    }
    uint32_t length = 9;
    while (length <= 16 && next >= code.end[length]) ++length;
    if (length > 16) return -1;
    at_ += length;
    return code.symbol[size_t(int32_t(next >> (16 - length)) + code.first[length]) & 255];
  }

  // A difference or coefficient of `count` ≤ 15 bits, which is negative if its highest bit is 0 (EXTEND in T.81).
  int32_t number(uint32_t count) {
    const int32_t value = int32_t(take(count));
    return count > 0 && value >> (count - 1) == 0 ? value - (1 << count) + 1 : value;
  }

  // Moves behind the restart marker. Returns whether it is at the next byte boundary, and the bits up to there all are
  // `padding`, which the first such bit sets unless it is `known`.
  bool restart(uint32_t& padding, bool& known) {
    const uint32_t count = to_byte(), bits = take(count);
    if (at_ != end_ || part_ + 1 == plain_.ends.size()) return false;
    end_ = 8 * plain_.ends[++part_];
    if (count == 0) return true;
    if (!known) padding = bits & 1;
    known = true;
    return bits == (padding ? (1u << count) - 1 : 0);
  }

 private:
  const Plain& plain_;
  uint64_t at_, end_;  // in bits: the position, and the end of the restart interval
  size_t part_ = 0;  // the restart interval
};

// Appends bits and restart markers, with stuffed bytes. Throws FormatError rather than append more than `limit` bytes.
// The bits of a last incomplete byte are not written until put() completes it.
class BitWriter {
 public:
  // The first byte has so many bits already, up to 7. If it has some, it is not appended.
  BitWriter(std::vector<uint8_t>& out, size_t limit, uint32_t bits)
      : out_(out), end_(out.size() + limit), count_(bits), skips_(bits > 0) {}

  void put(uint32_t bits, uint32_t count) {  // the lowest `count` ≤ 16 bits
    held_ = held_ << count | (bits & ((1u << count) - 1));
    count_ += count;
    while (count_ >= 8) {
      count_ -= 8;
      byte(uint8_t(held_ >> count_));
    }
  }
  void symbol(const Code& code, uint32_t symbol) {  // throws FormatError if it has no code
    if (code.length[symbol] == 0) damaged();
    put(code.bits[symbol], code.length[symbol]);
  }
  void number(int32_t value, uint32_t count) { put(uint32_t(value < 0 ? value - 1 : value), count); }
  uint32_t to_byte() const { return -count_ & 7; }
  void restart(uint32_t padding, uint32_t number) {
    put(padding ? 0xFF : 0, to_byte());
    if (out_.size() + 2 > end_) damaged();
    out_.push_back(0xFF);
    out_.push_back(uint8_t(RST0 | (number & 7)));
  }

 private:
  void byte(uint8_t b) {
    if (std::exchange(skips_, false)) return;
    if (out_.size() + 1 + (b == 0xFF) > end_) damaged();
    out_.push_back(b);
    if (b == 0xFF) out_.push_back(0);
  }

  std::vector<uint8_t>& out_;
  size_t end_;  // the buffer's size, at most
  uint64_t held_ = 0;  // its lowest count_ bits are not written yet
  uint32_t count_;
  bool skips_;
};

// How many bits the magnitude of a value has; 0 for 0.
inline uint32_t length_of(int32_t value) { return uint32_t(std::bit_width(uint32_t(value < 0 ? -value : value))); }

}  // namespace nncomp::jpeg
