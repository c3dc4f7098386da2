// What bytes look like: measures that look at each byte, which Python would be slow at. What they are for is said in
// nncomp/plan/statistics.py, nncomp/filters/numbers.py and base64.py. Integers only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nncomp::statistics {

// Compares bytes with those before them, by lag: adds to equal[lag] how many are the same, and to apart[lag] the sum of
// their differences. Both have a number for each lag from 0 on, which has none, and at most as many as there are bytes.
// Looks at `most` bytes that differ from the one before, evenly spread over those that are there, or at all of them.
// How many these are.
size_t compare_lags(std::span<const uint8_t> data, size_t most, std::span<int64_t> equal, std::span<int64_t> apart);

constexpr size_t PLACES = 8;

// For each whole window of so many bytes, a multiple of 8 and at most 2^16, and each of 8 places: how many pairs of
// bytes are the same, each with itself, too, of those that have this place modulo 8. `alike` has 8 numbers a window.
void count_alike(std::span<const uint8_t> data, size_t size, std::span<int64_t> alike);

// Where the first `least` bytes are, from `start` on, that are all in `set` one behind the other; the end of `data`
// where there are none.
size_t find_run(std::span<const uint8_t> data, const std::array<bool, 256>& set, size_t least, size_t start);

}  // namespace nncomp::statistics
