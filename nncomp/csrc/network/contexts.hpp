// The contexts of the network's tables (docs/numerics.md, section 3). A context is a function of the bytes of a lane
// before the next one; its key selects the table's row. For the native engine and, compiled by NVRTC, for GPUs.
#pragma once

#include <cstdint>

#include "compiler.hpp"

namespace nncomp {

// Their names in a model's configuration.
constexpr const char* CONTEXTS[] = {"1",    "2",     "3",    "4",     "5",     "6",     "7",     "8",
                                    "skip", "skip2", "word", "words", "above", "field", "indent"};
constexpr int CONTEXT_COUNT = int(sizeof CONTEXTS / sizeof *CONTEXTS);

// What the contexts of a lane depend on, updated byte by byte. Hashes are polynomials in FACTOR, modulo 2^64.
struct Past {
  static constexpr uint64_t FACTOR = 0x2F0B4C4700000B2D;

  uint64_t last = 0;    // the last eight bytes, newest lowest; 0 before the lane's start
  uint64_t word = 0;    // hash of the current word's letters; 0 if there are none
  uint64_t before = 0;  // hash of the word before it
  uint32_t size = 0;    // bytes so far
  uint32_t line = 0;    // offset where this line begins
  uint32_t above = 0;   // offset where the line before it begins; at first, of this one
  uint32_t field = 0;   // separators in this line
  uint32_t blanks = 0;  // spaces and tabs that this line begins with, at most 31
  uint32_t blanks_above = 0;  // those of the line before it
  uint32_t first = 0;   // 256 + the byte behind this line's; 0: there is none yet

  // Takes in the next byte.
  void take(uint8_t byte) {
    const bool letter = is_letter(byte);
    if ((!letter || byte >= 0xE0) && size > 0 && is_letter(uint8_t(last))) {  // from 0xE0 on, a character is a word
      before = word;
      word = 0;
    }
    if (letter) word = (word + lower(byte) + 1) * FACTOR;
    last = last << 8 | byte;
    ++size;
    field += byte == '\t' || byte == ',' || byte == ';' || byte == '|';
    if (byte == '\n') {
      above = line;
      line = size;
      blanks_above = blanks;
      field = blanks = first = 0;
    } else if (first == 0) {
      if (byte != ' ' && byte != '\t') {
        first = 256 + byte;
      } else if (blanks < 31) {
        ++blanks;
      }
    }
  }

  // Sets the keys of all contexts of the next byte, in the order of CONTEXTS; `bytes` are those of the lane.
  void keys(const uint8_t* bytes, uint64_t (&key)[CONTEXT_COUNT]) const {
    uint64_t* next = key;
    for (int i = 56; i >= 0; i -= 8) *next++ = last & (~uint64_t(0) >> i);
    *next++ = last & 0xFFFFFF00;
    *next++ = last & 0xFFFF00;
    *next++ = word;
    *next++ = word * FACTOR + before;
    *next++ = byte_above(bytes, 0) << 16 | byte_above(bytes, 1) << 8 | (last & 0xFF);
    *next++ = word * FACTOR + field;
    *next++ = uint64_t(blanks << 13 | blanks_above << 8 | (first & 0xFF)) * FACTOR + (last & 0xFF);
  }

 private:
  static bool is_letter(uint8_t byte) {
    return byte >= 128 || (byte >= '0' && byte <= '9') || uint8_t((byte | 32) - 'a') < 26;
  }

  static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? uint8_t(byte + 32) : byte; }

  // The byte of the line before that is above the next byte, or the one `ahead` bytes behind it, even if that is in
  // another line. 0 if the line before is too short to have a byte above.
  uint64_t byte_above(const uint8_t* bytes, uint32_t ahead) const {
    const uint32_t place = above + (size - line);
    return place < line && place + ahead < size ? bytes[place + ahead] : 0;
  }
};

constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio, for multiplicative hashing
constexpr int LOG2_WAYS = 3;  // rows in a bucket of known contexts

// The upper `bits` bits of a key's hash: the row of a hashed table, or the number of a bucket.
inline uint32_t hashed(uint64_t hash, int bits) { return uint32_t(hash >> (64 - bits)); }

// The first row of the bucket of a table of 2^log2_rows known contexts.
inline uint32_t first_row(uint64_t hash, int log2_rows) { return hashed(hash, log2_rows - LOG2_WAYS) << LOG2_WAYS; }

// The first row in that bucket that has the context's check, or the table's last row if none has. `checks` are those
// of the bucket.
inline uint32_t known_row(const uint8_t* checks, uint64_t hash, int log2_rows) {
  constexpr uint64_t ONES = 0x0101010101010101;
  uint64_t eight = 0;
  for (int slot = 0; slot < 1 << LOG2_WAYS; ++slot) eight |= uint64_t(checks[slot]) << (8 * slot);
  const uint64_t other = eight ^ ((hashed(hash, log2_rows - LOG2_WAYS + 8) & 0xFF) * ONES);
  const uint64_t zero = (other - ONES) & ~other & (ONES << 7);  // its lowest 1 is in the first byte that is 0
  if (zero == 0) return uint32_t(1) << log2_rows;
  return first_row(hash, log2_rows) + (uint32_t(lowest_bit(zero)) >> 3);
}

}  // namespace nncomp
