// Fuzzes jpeg::split: joining restores the data, also with another kernel.
#include <algorithm>

#include "harness.hpp"
#include "jpeg/split.hpp"

namespace fuzz {

constexpr uint64_t MOST = 1 << 12;  // blocks of coefficients at most

void check(View data) {
  Numbers numbers(data.last(std::min<size_t>(data.size(), 2)));
  const Kernel &first = kernel_of(numbers), &second = kernel_of(numbers);
  const auto parts = jpeg::split(first, data, MOST);
  if (!parts) return;
  const Bytes again = jpeg::join(second, parts->rest, parts->coded, data.size(), parts->blocks, MOST);
  expect(std::ranges::equal(again, data), "a picture is not the same again");
}

}  // namespace fuzz
