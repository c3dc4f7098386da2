// Places of bytes that the bytes themselves choose, about one in 16, and the hash of what is in front of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nncomp::far {

inline constexpr size_t WINDOW = 64;     // bytes that the hash sees
inline constexpr int LOG2_SPACING = 4;  // bytes from sample to sample, about

inline constexpr std::array<uint64_t, 256> GEAR = [] {  // splitmix64
  std::array<uint64_t, 256> gear{};
  uint64_t state = 0;
  for (uint64_t& number : gear) {
    state += 0x9E3779B97F4A7C15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    number = z ^ (z >> 31);
  }
  return gear;
}();

// Of a table with a power of two of them.
inline size_t slot_of(uint64_t hash, size_t slots) { return size_t(hash * 0x9E3779B97F4A7C15 >> 32) & (slots - 1); }

// use(end, hash) at each place where the window before it is sampled; it returns where to go on, usually at once.
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

// Whether a window repeats itself after up to 8 bytes: the adaptive stage knows such content at once, wherever it is.
inline bool is_run(const uint8_t* window) {
  for (size_t lag = 1; lag <= 8; ++lag) {
    if (memcmp(window, window + lag, WINDOW - lag) == 0) return true;
  }
  return false;
}

// The same as equal_bytes, of the bytes before both places.
inline size_t equal_behind(const uint8_t* a, const uint8_t* b, size_t most) {
  size_t n = 0;
  while (n < most && a[-1 - ptrdiff_t(n)] == b[-1 - ptrdiff_t(n)]) ++n;
  return n;
}

}  // namespace nncomp::far
