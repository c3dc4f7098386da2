#include "jpeg/header.hpp"

#include <algorithm>

namespace nncomp::jpeg {
namespace {

// Markers by their names in T.81. SOF2 is progressive; SOF3 and on are not undone.
constexpr uint8_t SOF0 = 0xC0, SOF1 = 0xC1, SOF2 = 0xC2, DHT = 0xC4, EOI = 0xD9, SOS = 0xDA, DQT = 0xDB, DRI = 0xDD;

// The fields of a marker segment, read from the front. Beyond its end they are 0, and good becomes false.
struct Fields {
  std::span<const uint8_t> left;
  bool good = true;

  uint32_t byte() {
    if (left.empty()) {
      good = false;
      return 0;
    }
    const uint8_t value = left[0];
    left = left.subspan(1);
    return value;
  }
  uint32_t word() {
    const uint32_t high = byte();
    return high << 8 | byte();
  }
};

// This and the other read_…() functions return false if the segment is invalid or of a picture that is not undone.
bool read_quantisation(Fields f, Header& header) {
  while (f.good && !f.left.empty()) {
    const uint32_t kind = f.byte();
    if ((kind & 15) > 3 || kind > 0x1F) return false;
    for (const uint8_t place : NATURAL) {
      header.quantised[kind & 15][place] = uint16_t(kind >> 4 ? f.word() : f.byte());
    }
  }
  return f.good;
}

// Completes a code whose symbols are set; count[length] of them have codes of that length, 1 … 16. False if these are
// too many, or a symbol is there twice.
bool build(Code& code, const uint8_t* count) {
  code.there = true;
  code.length.fill(0);
  code.fast.fill(0);
  uint32_t next = 0, place = 0;
  for (uint32_t length = 1; length <= 16; ++length) {
    code.first[length] = int32_t(place) - int32_t(next);
    if (next + count[length] > 1u << length) return false;
    for (uint32_t i = 0; i < count[length]; ++i, ++next, ++place) {
      const uint8_t symbol = code.symbol[place];
      if (code.length[symbol]) return false;
      code.length[symbol] = uint8_t(length);
      code.bits[symbol] = uint16_t(next);
      if (length > 8) continue;
      for (uint32_t j = next << (8 - length); j < (next + 1) << (8 - length); ++j) {
        code.fast[j] = uint16_t(length << 8 | symbol);
      }
    }
    code.end[length] = next << (16 - length);
    next <<= 1;
  }
  return true;
}

bool read_codes(Fields f, Header& header) {
  while (f.good && !f.left.empty()) {
    const uint32_t kind = f.byte();
    if ((kind & 15) > 3 || kind > 0x1F) return false;
    uint8_t count[17] = {};
    uint32_t total = 0;
    for (int i = 1; i <= 16; ++i) total += count[i] = uint8_t(f.byte());
    if (total > 256) return false;
    Code& code = header.code[kind >> 4][kind & 15];
    for (uint32_t i = 0; i < total; ++i) code.symbol[i] = uint8_t(f.byte());
    if (!f.good || !build(code, count)) return false;
  }
  return f.good;
}

uint32_t ceiling(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

// The frame's header: 8 bits a sample, size, components. A height of 0, which a marker DNL defines later, is refused.
bool read_frame(Fields f, Header& header) {
  if (header.framed || f.byte() != 8) return false;
  const uint32_t height = f.word(), width = f.word();
  header.count = int(f.byte());
  if (height == 0 || width == 0 || header.count < 1 || header.count > MAX_COMPONENTS) return false;
  uint32_t across = 1, down = 1;
  const std::span<Component> components(header.component.data(), size_t(header.count));
  for (Component& c : components) {
    c.id = f.byte();
    const uint32_t sampling = f.byte();
    c.across = sampling >> 4;
    c.down = sampling & 15;
    c.table = f.byte();
    if (c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.table > 3) return false;
    across = std::max(across, c.across);
    down = std::max(down, c.down);
  }
  header.units_wide = ceiling(width, 8 * across);
  header.units_high = ceiling(height, 8 * down);
  for (Component& c : components) {
    c.wide = header.units_wide * c.across;
    c.own_wide = ceiling(ceiling(width * c.across, across), 8);
    c.own_high = ceiling(ceiling(height * c.down, down), 8);
  }
  header.framed = true;
  return f.good && f.left.empty();
}

bool read_components(Fields& f, Header& header) {
  Scan& scan = header.scan;
  scan.count = int(f.byte());
  if (scan.count < 1 || scan.count > header.count) return false;
  uint32_t blocks = 0;
  for (int i = 0; i < scan.count; ++i) {
    const uint32_t id = f.byte(), tables = f.byte();
    int found = i == 0 ? 0 : scan.component[size_t(i - 1)] + 1;  // they come in the frame's order
    while (found < header.count && header.component[size_t(found)].id != id) ++found;
    if (found == header.count || tables >> 4 > 3 || (tables & 15) > 3) return false;
    const Component& c = header.component[size_t(found)];
    blocks += c.across * c.down;
    scan.component[size_t(i)] = found;
    scan.dc[size_t(i)] = int(tables >> 4);
    scan.ac[size_t(i)] = int(tables & 15);
  }
  return scan.count == 1 || blocks <= 16;
}

bool read_scan(Fields f, Header& header) {
  Scan& scan = header.scan;
  if (!header.framed || !read_components(f, header)) return false;
  scan.from = int(f.byte());
  scan.to = int(f.byte());
  const uint32_t bits = f.byte();
  scan.high = int(bits >> 4);
  scan.low = int(bits & 15);
  if (!f.good || !f.left.empty()) return false;
  if (!header.progressive && (scan.from != 0 || scan.to != 63 || bits != 0)) return false;
  if (header.progressive) {
    if (scan.to > 63 || scan.from > scan.to || (scan.from == 0) != (scan.to == 0)) return false;
    if (scan.low > 13 || (scan.high != 0 && scan.high != scan.low + 1)) return false;
    if (scan.from > 0 && scan.count > 1) return false;
  }
  for (size_t i = 0; i < size_t(scan.count); ++i) {
    const bool dc = scan.from == 0 && scan.high == 0, ac = scan.to > 0;
    if (dc && !header.code[0][size_t(scan.dc[i])].there) return false;
    if (ac && !header.code[1][size_t(scan.ac[i])].there) return false;
  }
  return true;
}

bool read_marker(uint8_t marker, Fields f, Header& header) {
  switch (marker) {
    case DQT: return read_quantisation(f, header);
    case DHT: return read_codes(f, header);
    case SOS: return read_scan(f, header);
    case DRI: header.interval = f.word(); return f.good && f.left.empty();
    case SOF0:
    case SOF1:
    case SOF2: header.progressive = marker == SOF2; return read_frame(f, header);
    default: return marker >= 0xE0;  // APPn and comments are skipped; others change how the data is coded
  }
}

}  // namespace

uint64_t Header::row_blocks() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < size_t(count); ++i) sum += uint64_t(component[i].wide) * component[i].down;
  return sum;
}

size_t read_markers(std::span<const uint8_t> data, Header& header, size_t& read) {
  read = 0;
  size_t& at = read;
  while (data.size() - at >= 4 && data[at] == 0xFF) {
    const uint8_t marker = data[at + 1];
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    if (marker < SOF0 || (marker >= RST0 && marker <= EOI)) return 0;
    const size_t size = size_t(data[at + 2]) << 8 | data[at + 3];
    if (size < 2 || size > data.size() - at - 2) return 0;
    const Fields fields{data.subspan(at + 4, size - 2)};
    at += 2 + size;
    if (!read_marker(marker, fields, header)) return 0;
    if (marker == SOS) return at;
  }
  return 0;
}

}  // namespace nncomp::jpeg
