// Fuzzes gif::join: damaged parts give as many bytes as asked for, or are refused.
#include "gif/split.hpp"
#include "harness.hpp"

void fuzz::check(View data) {
  const std::vector<View> parts = parts_of(data, 4);
  const size_t size = Numbers(parts[0]).below(1 << 16);
  const std::vector<View> pixels(parts.begin() + 3, parts.end());
  expect(gif::join(parts[1], parts[2], pixels, size).size() == size, "joined to another size");
}
