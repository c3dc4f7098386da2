// The filter hex (docs/format.md, section 7): lines of hexadecimal text in one form, and the bytes they encode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::hex {

// The form of the lines of a run.
struct Form {
  std::span<const uint8_t> line;  // what each column holds: a code of docs/format.md
  uint64_t address = 0;           // of the first line
  uint8_t check = 0;              // what each line's bytes, address bytes and checksum add up to, mod 256
};

// How many bytes a line encodes, 0 … 255; 0 if the form is not legal.
size_t bytes_of(std::span<const uint8_t> line);

bool has_address(std::span<const uint8_t> line);
bool has_check(std::span<const uint8_t> line);

// Writes `payload` as text, line by line; returns the end of it in `out`. The form is legal, and `payload` is a
// multiple of bytes_of(form.line) long; `out` has room for as many bytes as form.line has for each line.
uint8_t* write(Form form, std::span<const uint8_t> payload, uint8_t* out);

// Decodes lines from the beginning of `text`, as long as they are exactly what `write` would give.
std::vector<uint8_t> read(Form form, std::span<const uint8_t> text);

}  // namespace nncomp::hex
