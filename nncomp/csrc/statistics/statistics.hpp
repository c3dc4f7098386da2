// Statistics of bytes that would be slow in Python. They are integers, because encoders decide by them, and the same
// content must give the same file everywhere. nncomp/plan/statistics.py, nncomp/filters/numbers.py and base64.py use
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nncomp::statistics {

// Compares bytes with those `lag` bytes before them: adds to equal[lag] how many are equal, and to apart[lag] the sum
// of absolute differences. Both have an entry for each lag from 0, which is not used, to less than the number of bytes.
// Compares up to `most` bytes, evenly spread over those that differ from the byte before. Returns how many it has
// compared.
size_t compare_lags(std::span<const uint8_t> data, size_t most, std::span<int64_t> equal, std::span<int64_t> apart);

constexpr size_t PLACES = 8;  // offsets modulo 8 that are told apart

// For each whole window of `size` bytes, a multiple of 8 and at most 2^16, and each offset modulo 8: the number of
// ordered pairs of equal bytes at such offsets, a byte with itself included. `alike` has 8 numbers for each window.
void count_alike(std::span<const uint8_t> data, size_t size, std::span<int64_t> alike);

// The offset of the first `least` consecutive bytes from `start` on that are all in `set`; the number of
// bytes in all if there are none. `least` >= 1. Looks at few bytes where they are rare.
size_t find_run(std::span<const uint8_t> data, const std::array<bool, 256>& set, size_t least, size_t start);

}  // namespace nncomp::statistics
