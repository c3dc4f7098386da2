#include "deflate/nearest.hpp"

#include <algorithm>

#include "coder/error.hpp"
#include "deflate/budget.hpp"
#include "equal.hpp"

namespace nncomp::deflate {
namespace {

constexpr uint32_t HASH_BITS = 16;

}  // namespace

Nearest::Nearest(std::span<const uint8_t> plain)
    : plain_(plain),
      roots_(1 << HASH_BITS),
      children_(2 * std::min<size_t>(MAX_DISTANCE, plain.size())),
      budget_(steps_for(plain.size())) {}

void Nearest::next(std::vector<Token>& found) {
  const uint32_t at = at_++;
  const auto most = uint32_t(std::min<size_t>(MAX_MATCH, plain_.size() - at));
  if (most < MIN_MATCH) return;
  const uint8_t* const here = &plain_[at];
  uint32_t& root =
      roots_[(uint32_t(here[0]) << 16 | uint32_t(here[1]) << 8 | here[2]) * HASH_FACTOR >> (32 - HASH_BITS)];
  uint32_t place = root;
  root = at + 1;
  const auto children = [&](uint32_t of) { return &children_[2 * (of % MAX_DISTANCE)]; };
  uint32_t* smaller = children(at);  // where the next smaller and the next larger position are attached
  uint32_t* larger = smaller + 1;
  uint32_t same_smaller = 0, same_larger = 0, longest = MIN_MATCH - 1;
  uint64_t steps = 0;
  while (place != 0 && at - (place - 1) < MAX_DISTANCE) {
    const uint8_t* const there = &plain_[place - 1];
    uint32_t same = std::min(same_smaller, same_larger);
    const auto more = uint32_t(equal_bytes(here + same, there + same, most - same));
    same += more;
    steps += 1 + more / 16;
    uint32_t* const below = children(place - 1);
    if (same > longest) {
      longest = same;
      found.push_back({uint16_t(same), uint16_t(at - (place - 1))});
    }
    if (same == most) {  // the new position takes the old one's place in the tree
      *smaller = below[0];
      *larger = below[1];
      return spend(budget_, steps);
    }
    if (there[same] < here[same]) {
      *smaller = place;
      smaller = below + 1;
      place = *smaller;
      same_smaller = same;
    } else {
      *larger = place;
      larger = below;
      place = *larger;
      same_larger = same;
    }
  }
  *smaller = *larger = 0;
  spend(budget_, steps);
}

}  // namespace nncomp::deflate
