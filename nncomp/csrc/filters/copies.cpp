#include "filters/copies.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "coder/error.hpp"
#include "equal.hpp"
#include "far/samples.hpp"
#include "varint.hpp"

namespace nncomp::copies {
namespace {

void require(bool condition) {
  if (!condition) throw FormatError("damaged copies: they do not fit the content");
}

}  // namespace

std::vector<Copy> find(std::span<const uint8_t> content, size_t least) {
  std::vector<Copy> copies;
  std::vector<uint32_t> table(std::bit_ceil((content.size() >> far::LOG2_SPACING) + 1));  // by hash: end of a window
  size_t first = 0;  // end of the last copy
  far::for_samples(content, [&](size_t end, uint64_t hash) {
    const uint8_t* const here = content.data() + end;
    if (far::is_run(here - far::WINDOW)) return end;
    uint32_t& slot = table[far::slot_of(hash, table.size())];
    const size_t there = slot, distance = end - there;
    slot = uint32_t(end);
    if (there == 0 || distance < least) return end;
    const size_t before = far::equal_behind(here, here - distance, std::min({end - first, there, distance}));
    const size_t after = equal_bytes(here, here - distance, std::min(content.size() - end, distance - before));
    if (before + after < least) return end;
    copies.push_back({end - before, end + after, distance});
    return first = end + after;
  });
  return copies;
}

void join(std::span<const uint8_t> literals, std::span<const uint8_t> places, std::span<uint8_t> content) {
  size_t at = 0;
  const auto number = [&] { return take_varint(places, require); };
  const auto put = [&](const uint8_t* from, size_t count) {
    if (count != 0) memcpy(&content[at], from, count);
    at += count;
  };
  while (!places.empty()) {
    const uint64_t gap = number(), size = number(), distance = number();
    require(gap <= literals.size() && gap <= content.size() - at);
    put(literals.data(), gap);
    literals = literals.subspan(gap);
    require(size > 0 && size <= distance && distance <= at && size <= content.size() - at);
    put(&content[at - distance], size);
  }
  require(literals.size() == content.size() - at);
  put(literals.data(), literals.size());
}

}  // namespace nncomp::copies
