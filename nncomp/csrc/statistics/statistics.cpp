#include "statistics/statistics.hpp"

#include <algorithm>
#include <vector>

namespace nncomp::statistics {
namespace {

constexpr size_t BATCH = 255;  // bytes that are compared before counters of 8 and 16 bits could overflow

// Compares bytes with those before them. It counts in 8 and 16 bits, so that a vector holds many counters, and adds
// them to the sums of 64 bits after each batch.
class Comparison {
 public:
  Comparison(std::span<int64_t> equal, std::span<int64_t> apart)
      : count_(equal.size() - 1), equal_(equal), apart_(apart), same_(count_), sum_(count_) {}

  // Compares the byte at `now` with each of the `count_` bytes before it.
  void add(const uint8_t* now) {
    const uint8_t* const before = now - count_;
    const uint8_t value = *now;
    for (size_t i = 0; i < count_; ++i) {
      const uint8_t other = before[i];
      same_[i] = uint8_t(same_[i] + (other == value));
      sum_[i] = uint16_t(sum_[i] + uint8_t(std::max(other, value) - std::min(other, value)));
    }
    if (++added_ == BATCH) flush();
  }

  void flush() {
    for (size_t i = 0; i < count_; ++i) {
      equal_[count_ - i] += same_[i];
      apart_[count_ - i] += sum_[i];
    }
    std::fill(same_.begin(), same_.end(), uint8_t(0));
    std::fill(sum_.begin(), sum_.end(), uint16_t(0));
    added_ = 0;
  }

 private:
  size_t count_, added_ = 0;
  std::span<int64_t> equal_, apart_;
  std::vector<uint8_t> same_;  // of the batch, from the longest lag to the shortest
  std::vector<uint16_t> sum_;  // likewise
};

}  // namespace

size_t compare_lags(std::span<const uint8_t> data, size_t most, std::span<int64_t> equal, std::span<int64_t> apart) {
  const size_t limit = equal.size() - 1;
  size_t unlike = 0;
  for (size_t i = std::max<size_t>(limit, 1); i < data.size(); ++i) unlike += data[i] != data[i - 1];
  const size_t count = std::min(unlike, most);
  Comparison comparison(equal, apart);
  size_t found = 0, wanted = 0;
  for (size_t i = std::max<size_t>(limit, 1), next = 0; wanted < count; ++i) {
    if (data[i] == data[i - 1] || found++ != next) continue;
    comparison.add(&data[i]);
    next = ++wanted * unlike / count;
  }
  comparison.flush();
  return count;
}

void count_alike(std::span<const uint8_t> data, size_t size, std::span<int64_t> alike) {
  for (size_t window = 0; window < alike.size() / PLACES; ++window) {
    std::array<std::array<uint16_t, 256>, PLACES> counts{};
    std::array<uint32_t, PLACES> pairs{};
    const uint8_t* bytes = &data[window * size];
    for (size_t i = 0; i < size; i += PLACES) {
      for (size_t place = 0; place < PLACES; ++place) pairs[place] += 2u * counts[place][bytes[i + place]]++ + 1;
    }
    std::copy(pairs.begin(), pairs.end(), &alike[window * PLACES]);
  }
}

size_t find_run(std::span<const uint8_t> data, const std::array<bool, 256>& set, size_t least, size_t start) {
  size_t known = start;  // bytes from `start` up to here are known to be in the set
  while (start < data.size() && least <= data.size() - start) {
    size_t at = start + least;
    while (at > known && set[data[at - 1]]) --at;
    if (at == known) return start;
    known = start + least;  // the bytes after the last one that is not in the set
    start = at;
  }
  return data.size();
}

}  // namespace nncomp::statistics
