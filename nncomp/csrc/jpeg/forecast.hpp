// Foretells a number from others that are known, by the weights that would have been the best for those before
// (docs/jpeg.md, section 4).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "cholesky.hpp"
#include "jpeg/levels.hpp"

namespace nncomp::jpeg {

constexpr int32_t UNIT = 16;  // numbers are in sixteenths
constexpr int HINTS = 16;     // numbers that a forecast is made of, at most

using Hints = std::array<int32_t, HINTS>;  // in units of 1/UNIT; the last ones may be 0

template <class... Number>
inline Hints hints(Number... v) {
  static_assert(sizeof...(v) <= HINTS);
  return {int32_t(v)...};
}
template <class... Number>
inline Hints whole_hints(Number... v) {
  return hints(int32_t(v) * UNIT...);
}

// What was foretold in steps of size/UNIT, from 1 on; 0 for what is negative; at most `most`.
inline uint32_t steps(int32_t foretold, int32_t size, int32_t most) {
  return uint32_t(std::clamp((foretold + size) / size, 0, most));
}

class Forecast {
 public:
  // In units of 1/UNIT. The hints are remembered.
  int32_t of(const Hints& hints) {
    int64_t sum = 0;
    for (size_t i = 0; i < HINTS; ++i) {
      hints_[i] = clamp(hints[i], MOST);
      sum += int64_t(weight_[i]) * hints_[i];
    }
    return int32_t(sum >> 16);  // |weight| <= 2^20, so below 2^24
  }

  // What was foretold last was `v`/UNIT.
  void learn(int32_t v) {
    uint64_t power = UNIT * UNIT;  // below 2^35
    for (const int32_t h : hints_) power += uint64_t(int64_t(h) * h);
    // By the fourth root of the power, or errors where numbers are large would decide alone.
    const uint32_t log = uint32_t(std::bit_width(power)) - 1;
    const auto scaled = [&](int32_t h) { return int16_t(clamp((h * ROOTS[log % 4]) >> (8 + log / 4), 1 << 13)); };
    auto& row = seen_[count_++ % BATCH];
    for (size_t i = 0; i < HINTS; ++i) row[i] = scaled(hints_[i]);
    row[HINTS] = scaled(clamp(v, MOST));
    if (count_ % BATCH == 0) take_in();
  }

 private:
  static constexpr int32_t MOST = (1 << 15) - 1;
  static constexpr uint32_t BATCH = 8;
  static constexpr uint32_t EARLY = 128, EVERY = 16;  // weights are found anew with each batch at first, then so often
  static constexpr int DECAY = 6;  // sums lose 2^-DECAY of themselves with each batch
  static constexpr int32_t ROOTS[4] = {16384, 13777, 11585, 9742};  // 2^14 / 2^(i/4)

  void take_in() {
    for (size_t i = 0; i <= HINTS; ++i) {
      int32_t more[HINTS + 1] = {};  // below 2^30
      for (const auto& row : seen_) {
        for (size_t j = 0; j <= HINTS; ++j) more[j] += int32_t(row[i]) * row[j];
      }
      for (size_t j = 0; j <= i; ++j) sum_[i][j] += int64_t(more[j]) * 256 - (sum_[i][j] >> DECAY);  // below 2^44
    }
    if (count_ > EARLY && count_ % EVERY != 0) return;
    Cholesky<HINTS>(sum_).solve(HINTS, weight_);
  }

  int64_t sum_[HINTS + 1][HINTS + 1]{};  // of products of two entries of a row, 2^8 is one; up to the diagonal
  int32_t weight_[HINTS]{};  // 2^16 is one
  Hints hints_{};
  int16_t seen_[BATCH][HINTS + 1]{};  // scaled hints, and what was foretold, that are not in the sums yet
  uint32_t count_ = 0;
};

}  // namespace nncomp::jpeg
