// The hashed tables (docs/numerics.md, section 11): from a hash to the histories of a nibble. Expected of simd_mix.hpp:
// find_slot.
#pragma once

#include <cstdint>

#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

inline uint8_t check_of(uint64_t h) {
  const uint8_t c = uint8_t(h >> 8);  // not of the bits that choose the bucket
  return c ? c : 1;
}

// For predicting: the slot, or `none`.
inline uint8_t* find(const Table& t, uint64_t h, uint8_t* none) {
  uint8_t* b = t.data + (h >> t.shift) * 64;
  const uint32_t at = find_slot(b, check_of(h));
  uint8_t* places[2] = {b + at, none};  // without a branch: it would be missed
  return places[at >> 6];
}

// Of a slot of this hash, what a full profile remembers beside it: see Table::runs.
inline uint16_t& run_of(const Table& t, uint64_t h, const uint8_t* slot) {
  const uint64_t bucket = h >> t.shift;
  return t.runs[4 * bucket + size_t(slot - (t.data + 64 * bucket)) / 16];
}

// A byte has come in a context.
inline uint16_t run_after(uint32_t run, uint32_t byte) {
  if ((run & 255) != byte || run < 256) return uint16_t(256 | byte);
  return uint16_t(run < 255 * 256 ? run + 256 : run);
}

// For updating: the slot; null: there is none. `found` is what find() said before other lanes' updates.
inline uint8_t* held(const Table& t, uint64_t h, uint8_t* found) {
  const uint8_t check = check_of(h);
  if (*found == check) return found;
  uint8_t* const b = t.data + (h >> t.shift) * 64;
  const uint32_t at = find_slot(b, check);
  return at < 64 ? b + at : nullptr;
}

// Of a bucket, the first slot whose first history stands for least.
inline uint8_t* weakest(const Table& t, uint64_t h) {
  uint8_t* const b = t.data + (h >> t.shift) * 64;
  uint32_t least = uint32_t(b[1]) << 6;  // above its place: the least of both needs no branch, which would be missed
  for (uint32_t at = 16; at < 64; at += 16) {
    const uint32_t next = uint32_t(b[at + 1]) << 6 | at;
    least = next < least ? next : least;
  }
  return b + (least & 63);
}

}  // namespace
}  // namespace nncomp::mix
