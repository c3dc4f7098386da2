// The range coder, from the 256 frequencies of a byte to bits and back (docs/numerics.md, sections 7 and 8): integers
// and pointers, so that the same code can run on any device. Buffers are the caller's. Kernels call
// this: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {

constexpr int PROBABILITY_BITS = 22;
constexpr int MAX_BYTES_PER_SYMBOL = 24;  // eight bits of at most three shifts each

// The frequencies before one byte, with the sums of each 16 of them.
struct Distribution {
  alignas(64) uint32_t frequency[256];  // 1 … 2^30
  uint64_t sum[16];                  // < 2^34
};

// Probability that the bit is 1, in units of 2^-22, where `one` of `total` frequencies lies on its side.
static inline uint32_t probability(uint64_t one, uint64_t total) {
  const uint64_t p = (one << PROBABILITY_BITS) / total;  // one < 2^39
  const uint64_t last = (1u << PROBABILITY_BITS) - 1;
  return uint32_t(p < 1 ? 1 : p > last ? last : p);
}

// Invariant between bits: 2^24 <= range < 2^32, low < 2^32.
struct Encoder {
  uint64_t low = 0;
  uint32_t range = 0xFFFFFFFF;
  uint8_t* out;      // the lane's payload
  uint64_t size = 0; // bytes of it

  ALWAYS_INLINE void carry() {  // adds 1 to the bytes already out; low + range <= 2^32 until there is one
    uint8_t* p = out + size;
    while (++*--p == 0) {
    }
  }

  // Needs room for three bytes.
  ALWAYS_INLINE void put(uint32_t bit, uint32_t p) {
    const uint32_t bound = uint32_t((uint64_t(range) * p) >> PROBABILITY_BITS);  // 4 <= bound < range
    if (bit) {
      range = bound;
    } else {
      low += bound;
      range -= bound;
    }
    if (low >> 32) {
      carry();
      low &= 0xFFFFFFFF;
    }
    while (range < 1u << 24) {
      out[size++] = uint8_t(low >> 24);
      low = (low << 8) & 0xFFFFFFFF;
      range <<= 8;
    }
  }

  // Ends a lane that has symbols; needs room for one byte.
  void finish() {
    const uint64_t end = low + range;
    uint64_t value = (low + 0xFFFFFFFF) & ~uint64_t(0xFFFFFFFF);
    if (value >= end) value = (low + 0xFFFFFF) & ~uint64_t(0xFFFFFF);
    if (value >> 32) carry();
    const uint8_t last = uint8_t(value >> 24);
    if (last != 0) out[size++] = last;
  }
};

// Invariant between bits: 2^24 <= range < 2^32, code < range.
struct Decoder {
  uint32_t code = 0;
  uint32_t range = 0xFFFFFFFF;
  const uint8_t* in;     // the lane's payload
  uint64_t size;         // bytes of it
  uint64_t position = 0; // bytes read, those beyond the end included

  ALWAYS_INLINE uint32_t next() {
    const uint64_t at = position++;
    return at < size ? in[at] : 0;
  }

  void start() {
    for (int i = 0; i < 4; ++i) code = (code << 8) | next();
  }

  ALWAYS_INLINE uint32_t get(uint32_t p) {
    const uint32_t bound = uint32_t((uint64_t(range) * p) >> PROBABILITY_BITS);
    const uint32_t bit = code < bound;
    if (bit) {
      range = bound;
    } else {
      code -= bound;
      range -= bound;
    }
    while (range < 1u << 24) {
      code = (code << 8) | next();
      range <<= 8;
    }
    return bit;
  }

  // Whether the payload can still be a lane: false after start() or a symbol is an error at once.
  bool valid() const { return position <= size + 4 && code < range; }

  // Whether the lane ends, after its last symbol, exactly where the payload does, and as Encoder::finish ends it:
  // of the numbers in the interval, the one with the most zeros. So a lane has one payload. Unless all of the last
  // four bytes read are beyond the end (then the number is a multiple of 2^32, the smallest there is in the interval),
  // the last one of the payload must be needed: no multiple of 2^32 lies in the interval below or above the number,
  // and no smaller multiple of 2^24.
  bool complete() const {
    if (position == size + 4) return true;
    if (position != size + 3 || size == 0 || in[size - 1] == 0) return false;
    return code < 1u << 24 && range - code <= uint64_t(256 - in[size - 1]) << 24;
  }
};

}  // namespace nncomp
