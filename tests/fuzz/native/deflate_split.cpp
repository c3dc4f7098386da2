// Fuzzes deflate::split: joining restores the data, which may begin inside of a deflate stream.
#include <algorithm>
#include <optional>

#include "deflate/find.hpp"
#include "deflate/split.hpp"
#include "harness.hpp"

namespace fuzz {

constexpr uint64_t MOST = 1 << 20;  // inflated bytes at most

void check(View data) {
  std::optional<deflate::Inside> inside;
  if (data.size() > 2) {  // the last two bytes say where the data is cut in two blocks, if anywhere
    const size_t cut = Numbers(data.last(2)).below(1 << 16);
    if (cut < data.size()) {
      inside = deflate::follow(data.first(cut), nullptr);
      data = data.subspan(cut);
    }
  }
  const auto parts = deflate::split(data, inside ? &*inside : nullptr, MOST);
  if (!parts) return;
  const std::vector<View> contents(parts->contents.begin(), parts->contents.end());
  expect(std::ranges::equal(deflate::join(parts->rest, parts->side, contents, data.size()), data),
         "deflate streams are not the same again");
}

}  // namespace fuzz
