#include "far/join.hpp"

#include <cstring>

#include "coder/error.hpp"
#include "varint.hpp"

namespace nncomp::far {
namespace {

void require(bool condition) {
  if (!condition) throw FormatError("a block's copies do not fit what they are copied from, or into");
}

}  // namespace

void join(std::span<const uint8_t> literals, std::span<const uint8_t> copies,
          const std::vector<std::span<const uint8_t>>& sources, std::span<uint8_t> content) {
  std::span<uint8_t> left = content;
  const auto append = [&](std::span<const uint8_t> from, uint64_t start, uint64_t count) {
    require(start <= from.size() && count <= from.size() - start && count <= left.size());
    if (count != 0) memcpy(&left[0], &from[start], count);
    left = left.subspan(count);
  };
  std::vector<int64_t> expected(sources.size());  // by source: where the last copy from it ended
  uint64_t used = 0;                              // literals so far
  const auto number = [&] { return take_varint(copies, require); };
  while (!copies.empty()) {
    const uint64_t gap = number(), count = number(), source = number(), jump = number();
    append(literals, used, gap);
    used += gap;
    require(count > 0 && source < sources.size());
    const int64_t start = expected[source] + (int64_t(jump >> 1) ^ -int64_t(jump & 1));
    require(start >= 0);
    append(sources[source], uint64_t(start), count);
    expected[source] = start + int64_t(count);
  }
  append(literals, used, literals.size() - used);
  require(left.empty());
}

}  // namespace nncomp::far
