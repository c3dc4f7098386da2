// Fuzzes gif::split: joining restores the data.
#include <algorithm>

#include "gif/split.hpp"
#include "harness.hpp"

void fuzz::check(View data) {
  const auto parts = gif::split(data, 1 << 20);
  if (!parts) return;
  const std::vector<View> pixels(parts->pixels.begin(), parts->pixels.end());
  expect(std::ranges::equal(gif::join(parts->rest, parts->side, pixels, data.size()), data),
         "pictures are not the same again");
}
