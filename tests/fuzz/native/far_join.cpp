// Fuzzes far::join: damaged lists of copies fill the content, or are refused.
#include "far/join.hpp"
#include "harness.hpp"

void fuzz::check(View data) {
  const std::vector<View> parts = parts_of(data, 4);
  Bytes content(Numbers(parts[0]).below(1 << 16));
  far::join(parts[1], parts[2], {parts.begin() + 3, parts.end()}, content);
}
