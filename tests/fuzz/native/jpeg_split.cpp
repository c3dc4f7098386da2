// Fuzzes jpeg::split: joining restores the data, also with another kernel. The data may begin inside of a picture.
#include <algorithm>
#include <optional>

#include "harness.hpp"
#include "jpeg/split.hpp"

namespace fuzz {

constexpr uint64_t MOST = 1 << 12;  // blocks of coefficients at most

void check(View data) {
  // The last four bytes say which kernels, and where to look from for a place to cut the data in two, if anywhere.
  Numbers numbers(data.last(std::min<size_t>(data.size(), 4)));
  const Kernel &first = kernel_of(numbers), &second = kernel_of(numbers);
  std::optional<jpeg::Followed> followed;
  const size_t cut = numbers.below(1 << 16);
  if (cut >= 2 && cut < data.size()) followed = jpeg::follow(data.first(cut), 0, nullptr);
  if (followed) {
    expect(followed->size <= cut, "a picture is cut behind its end");
    data = data.subspan(followed->size);
  }
  const auto parts = jpeg::split(first, data, followed ? &followed->inside : nullptr, MOST);
  if (!parts) return;
  const Bytes again = jpeg::join(second, parts->rest, parts->coded, data.size(), parts->blocks, MOST);
  expect(std::ranges::equal(again, data), "a picture is not the same again");
}

}  // namespace fuzz
