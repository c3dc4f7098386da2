// Fuzzes the filters of unnnc: damaged streams whose sizes pass the check give as many bytes as asked for, or are
// refused.
#include "filters/filters.hpp"

#include <algorithm>

#include "filters/x86.hpp"
#include "harness.hpp"

namespace fuzz {

// The two directions of the filter x86 are inverse to each other for any bytes.
void check_x86(View code) {
  Bytes moved(code.begin(), code.end());
  distances_to_targets(moved);
  targets_to_distances(moved);
  expect(std::ranges::equal(moved, code), "code is not the same again");
}

void check(View data) {
  std::vector<View> parts = parts_of(data, 3);
  Numbers numbers(parts[0]);
  const unnnc::Filter& filter = unnnc::FILTERS[numbers.below(uint64_t(unnnc::FILTER_COUNT))];
  const uint64_t size = 1 + numbers.below((1 << 16) - 1);
  const View side = parts[1];
  std::vector<Bytes> streams;
  std::vector<uint64_t> sizes;
  for (const View part : std::span(parts).subspan(2)) {
    streams.emplace_back(part.begin(), part.end());
    sizes.push_back(part.size());
  }
  filter.check(sizes, side, size);
  expect(filter.memory(sizes, side, size) < uint64_t(1) << 30, "much memory for a small block");
  check_x86(parts[2]);
  expect(filter.join(std::move(streams), side, size).size() == size, "joined to another size");
}

}  // namespace fuzz
