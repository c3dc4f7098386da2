// Fuzzes far::Finder: joining restores a block from which copies of earlier blocks were taken out.
#include <algorithm>

#include "far/find.hpp"
#include "far/join.hpp"
#include "harness.hpp"

void fuzz::check(View data) {
  std::vector<View> blocks = parts_of(data, 2);
  Numbers numbers(blocks[0]);
  far::Finder finder({.reach = uint64_t(1) << numbers.below(21),
                      .least = 1 + numbers.below(100),
                      .share = uint64_t(1) << numbers.below(20),
                      .sources = 1 + numbers.below(4),
                      .blocks = 8 - numbers.below(8)});
  const View content = blocks.back();
  blocks.pop_back();
  blocks.erase(blocks.begin());
  size_t held = 0;
  for (const View block : blocks) held = finder.add(block);
  std::vector<far::Head> heads;
  for (size_t end = 0; numbers.below(3) > 0;) {
    const size_t start = end + numbers.below(300);
    end = start + numbers.below(300);
    heads.push_back({start, end});
  }
  const auto split = finder.split(content, heads);
  if (!split) return;
  std::vector<View> sources;
  for (const uint32_t back : split->sources) {
    expect(back >= 1 && back <= held, "a source is not held");
    sources.push_back(blocks[blocks.size() - back]);
  }
  Bytes again(content.size());
  far::join(split->literals, split->copies, sources, again);
  expect(std::ranges::equal(again, content), "copies are not the same again");
}
