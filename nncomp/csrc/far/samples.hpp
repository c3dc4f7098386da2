// Content-defined sampling: a rolling hash of the last 64 bytes, which itself selects about one place in 16.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nncomp::far {

inline constexpr size_t WINDOW = 64;    // bytes that the hash covers: each shifts it by one of its 64 bits
inline constexpr int LOG2_SPACING = 4;  // log2 of the mean distance of samples in bytes

inline constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio

// A random number for each byte, by splitmix64.
inline constexpr std::array<uint64_t, 256> GEAR = [] {
  std::array<uint64_t, 256> gear{};
  uint64_t state = 0;
  for (uint64_t& number : gear) {
    state += GOLDEN;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    number = z ^ (z >> 31);
  }
  return gear;
}();

// The slot of a hash in a table of `slots` slots, a power of two.
inline size_t slot_of(uint64_t hash, size_t slots) { return size_t(hash * GOLDEN >> 32) & (slots - 1); }

// Calls use(end, hash) at each sampled place `end`; the window is the 64 bytes before it. `use` returns where to go
// on, `end` or later.
inline void for_samples(std::span<const uint8_t> data, auto use) {
  uint64_t hash = 0;
  for (size_t end = 0; end < data.size();) {
    hash = (hash << 1) + GEAR[data[end++]];
    if (hash >> (64 - LOG2_SPACING) != 0 || end < WINDOW) continue;
    const size_t next = use(end, hash);
    if (next == end) continue;
    for (end = next - WINDOW; end < next; ++end) hash = (hash << 1) + GEAR[data[end]];
  }
}

// Whether a window has a period of up to 8 bytes. Copies of such content are not worth it, because the adaptive stage
// predicts it well without them.
inline bool is_run(const uint8_t* window) {
  for (size_t lag = 1; lag <= 8; ++lag) {
    if (memcmp(window, window + lag, WINDOW - lag) == 0) return true;
  }
  return false;
}

// Counts how many bytes before `a` and `b` are equal, at most `most`. Like equal_bytes, but backwards.
inline size_t equal_behind(const uint8_t* a, const uint8_t* b, size_t most) {
  size_t n = 0;
  while (n < most && a[-1 - ptrdiff_t(n)] == b[-1 - ptrdiff_t(n)]) ++n;
  return n;
}

}  // namespace nncomp::far
