// The memory of the adaptive stage for one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "stage/state.hpp"

namespace nncomp {

enum Profile : int { PROFILE_LEAN = 1, PROFILE_RICH, PROFILE_MAX };  // as the format numbers them

// What every stage looks up.
const mix::Tables& mixing_tables();

// How a block is mixed, as its header says it.
struct Mixing {
  int profile;    // a Profile
  int contexts;   // as the format numbers them; 0 where the profile is lean
  int period;     // 0, or 2 … 65535
  int stride;     // 1 … 8; of numbers in floating point which they are, 1 … FLOAT_KINDS

  int32_t family() const;  // mix::Family
  void check() const;  // throws std::invalid_argument unless within the limits
};

// Lane i of `lanes` as a piece of the block: the first n mod lanes are one byte longer.
struct Piece {
  size_t start;
  size_t size;
};
Piece piece(size_t n, int lanes, int i);

// All lanes and tables, as they are before the first byte. `data` stays the caller's: a decoder fills it.
class Stage {
 public:
  // With `room`, there is one lane, which may become so long: tables are as for a block of so many bytes.
  Stage(const Mixing& mixing, bool network, int units, std::span<const uint8_t> data, int lanes, size_t room = 0);

  // All lanes as the only one of `primed` is now. `data` has lane behind lane: what that one has read, and a piece of
  // the block. With tables as large as those of `primed`.
  Stage(const Stage& primed, std::span<const uint8_t> data, int lanes);

  // What may be shared by stages for so many bytes of data: the least power of two with tables as large.
  static size_t room_for(size_t size);

  // Bytes of memory that a stage for `size` bytes takes.
  static uint64_t memory(const Mixing& mixing, bool network, int units, size_t size, int lanes);

  mix::Shared shared;

 private:
  Stage(const Mixing& mixing, bool network, int units, size_t size, int lanes);

  // Takes memory for all of it, zeros, and lays it out. Returns how much, in bytes.
  size_t allocate();

  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t, Free> memory_;
};

}  // namespace nncomp
