#include "filters/hex.hpp"

#include <algorithm>
#include <array>

namespace nncomp::hex {
namespace {

// What a column of a line holds. A code below HIGH is a character of the text itself. Digits add 1 for upper case.
enum Place : uint8_t {
  HIGH = 0x80,
  LOW = 0x82,   // HIGH and LOW: digits of a byte; after its low digit follows the next byte
  TEXT = 0x84,  // a byte as printable text, from the line's first byte on
  CHECK_HIGH = 0x86,
  CHECK_LOW = 0x88,  // CHECK_HIGH and CHECK_LOW: digits of the line's checksum
  ADDRESS = 0x90,    // plus 2k: digit k of the line's address, k = 0 … 15 from the lowest
  END = 0xB0,        // the first code beyond
};

constexpr size_t WIDEST = 255;  // columns of a line at most

// The code of a column without the case of its digit; 0 for a character.
uint8_t kind_of(uint8_t place) { return place < HIGH ? 0 : place & 0xFE; }

// The lowest four bits of `value` as a digit, in the case that the column has.
uint8_t digit(uint8_t place, uint64_t value) {
  return uint8_t((place & 1 ? "0123456789ABCDEF" : "0123456789abcdef")[value & 15]);
}

// The value of a hexadecimal digit; 16 if it is none, or in the other case.
unsigned value_of(uint8_t place, uint8_t character) {
  if (character >= '0' && character <= '9') return character - '0';
  const uint8_t first = place & 1 ? 'A' : 'a';
  return character >= first && character < first + 6 ? character - first + 10u : 16u;
}

// The checksum of a line: Form::check minus its bytes and those bytes of its address whose digits it shows, mod 256.
uint8_t checksum(const Form& form, std::span<const uint8_t> payload) {
  uint8_t left = form.check;
  for (const uint8_t byte : payload) left = uint8_t(left - byte);
  for (const uint8_t place : form.line) {
    if (place < ADDRESS) continue;
    const int at = (place - ADDRESS) >> 1;
    left = uint8_t(left - ((form.address >> (4 * at) & 15) << 4 * (at & 1)));
  }
  return left;
}

void write_line(const Form& form, std::span<const uint8_t> payload, uint8_t* out) {
  const uint8_t check = has_check(form.line) ? checksum(form, payload) : 0;
  const uint8_t *byte = payload.data(), *shown = byte;
  for (const uint8_t place : form.line) {
    switch (kind_of(place)) {
      case 0: *out++ = place; break;
      case HIGH: *out++ = digit(place, *byte >> 4); break;
      case LOW: *out++ = digit(place, *byte++); break;
      case TEXT: *out++ = *shown >= 32 && *shown < 127 ? *shown : uint8_t('.'), ++shown; break;
      case CHECK_HIGH: *out++ = digit(place, check >> 4); break;
      case CHECK_LOW: *out++ = digit(place, check); break;
      default: *out++ = digit(place, form.address >> 2 * (kind_of(place) - ADDRESS));
    }
  }
}

// Decodes a line into `payload`. Returns false if its characters or digits do not fit the form. Address, checksum and
// text are not compared: the caller writes the line again and compares that.
bool read_line(const Form& form, const uint8_t* text, std::span<uint8_t> payload) {
  size_t at = 0;
  unsigned high = 0;
  std::fill(payload.begin(), payload.end(), uint8_t(0));
  for (const uint8_t place : form.line) {
    const uint8_t character = *text++;
    const uint8_t kind = kind_of(place);
    if (kind == 0 && character != place) return false;
    if (kind != HIGH && kind != LOW) continue;
    const unsigned value = value_of(place, character);
    if (value > 15) return false;
    if (kind == HIGH) {
      high = value << 4;
    } else {
      payload[at++] = uint8_t(high | value);
      high = 0;
    }
  }
  return true;
}

}  // namespace

size_t bytes_of(std::span<const uint8_t> line) {
  size_t bytes = 0, shown = 0;
  bool inside = false;  // whether a high digit waits for its low one
  for (const uint8_t place : line) {
    const uint8_t kind = kind_of(place);
    if ((kind > CHECK_LOW && kind < ADDRESS) || kind >= END || place == TEXT + 1) return 0;
    bytes += kind == LOW;
    shown += kind == TEXT;
    if (kind == HIGH || kind == LOW) inside = kind == HIGH;
  }
  return line.size() <= WIDEST && !inside && shown <= bytes ? bytes : 0;
}

bool has_address(std::span<const uint8_t> line) {
  return std::any_of(line.begin(), line.end(), [](uint8_t place) { return place >= ADDRESS; });
}

bool has_check(std::span<const uint8_t> line) {
  return std::any_of(line.begin(), line.end(),
                     [](uint8_t p) { return kind_of(p) == CHECK_HIGH || kind_of(p) == CHECK_LOW; });
}

uint8_t* write(Form form, std::span<const uint8_t> payload, uint8_t* out) {
  const size_t size = bytes_of(form.line);
  for (; payload.size() >= size; payload = payload.subspan(size)) {
    write_line(form, payload.first(size), out);
    form.address += size;
    out += form.line.size();
  }
  return out;
}

std::vector<uint8_t> read(Form form, std::span<const uint8_t> text) {
  const size_t size = bytes_of(form.line), width = form.line.size();
  std::vector<uint8_t> payload;
  std::array<uint8_t, WIDEST> bytes, again;
  for (; size && text.size() >= width; text = text.subspan(width)) {
    if (!read_line(form, text.data(), {bytes.data(), size})) break;
    write_line(form, {bytes.data(), size}, again.data());
    if (!std::equal(again.begin(), again.begin() + ptrdiff_t(width), text.begin())) break;
    payload.insert(payload.end(), bytes.begin(), bytes.begin() + ptrdiff_t(size));
    form.address += size;
  }
  return payload;
}

}  // namespace nncomp::hex
