#include "jpeg/follow.hpp"

#include "append.hpp"
#include "jpeg/header.hpp"

namespace nncomp::jpeg {
namespace {

constexpr uint8_t APP0 = 0xE0;  // the first marker of those that say nothing of how the data is coded
// Bytes of a unit at most: 16 blocks whose every coefficient has a code of 16 bits and 15 more.
constexpr uint64_t LONGEST_UNIT = 16 * BLOCK * 31 / 8;

// The markers that say how data is coded; all of them have been read.
std::vector<uint8_t> without_others(std::span<const uint8_t> markers) {
  std::vector<uint8_t> kept;
  while (!markers.empty()) {
    if (markers[1] == 0xFF) {  // a fill byte
      markers = markers.subspan(1);
      continue;
    }
    const size_t size = 2 + (size_t(markers[2]) << 8 | markers[3]);
    if (markers[1] < APP0) append(kept, markers.first(size));
    markers = markers.subspan(size);
  }
  return kept;
}

// Bytes of the data that have so many bytes in `plain`, which has been made of it behind `before` others.
size_t size_of(std::span<const uint8_t> data, uint64_t bytes, uint64_t before) {
  size_t at = 0;
  for (uint64_t i = before; i < bytes; ++i) {
    while (data[at] == 0xFF && data[at + 1] != 0) at += 2;  // a restart marker
    at += data[at] == 0xFF ? 2 : 1;
  }
  return at;
}

}  // namespace

std::optional<Followed> follow(std::span<const uint8_t> data, size_t begin, const Inside* inside) {
  Inside here;
  Header header;
  size_t at = 0;  // where the scan's data begins
  if (inside) {
    here = *inside;
    read_markers(here.markers, header);
  } else {
    const std::span<const uint8_t> markers = data.subspan(begin + 2);
    const size_t size = read_markers(markers, header);
    if (size == 0 || !header.is_sole()) return std::nullopt;
    here.markers = without_others(markers.first(size));
    at = begin + 2 + size;
  }
  data = data.subspan(at);
  const Plain plain = plain_of(data, header, here.start, here.byte);
  if (plain.size + 1 < data.size()) return std::nullopt;  // a marker ends it
  const Reach reach = reach_of(plain, header, here.start);
  const bool is_whole = here.start.unit(header) + reach.units == header.scan_units();
  const bool is_damaged = reach.end + 8 * LONGEST_UNIT < 8 * plain.ends.back();
  if (is_whole || is_damaged || reach.next.row == 0) return std::nullopt;
  const size_t size = size_of(data, (reach.next_at + 7) / 8, here.start.bits > 0);
  here.start = reach.next;
  here.byte = plain.bytes[reach.next_at / 8];
  return Followed{at + size, std::move(here)};
}

}  // namespace nncomp::jpeg
