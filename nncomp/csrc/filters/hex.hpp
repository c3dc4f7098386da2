// The filter hex (docs/format.md, section 7): lines of one form, which stand for bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nncomp::hex {

// What is at each place of a line, and what its first one begins with.
struct Form {
  std::span<const uint8_t> line;
  uint64_t address = 0;
  uint8_t check = 0;
};

// How many bytes a line stands for; 0 if it is of no form that is supported.
size_t bytes_of(std::span<const uint8_t> line);

bool has_address(std::span<const uint8_t> line);
bool has_check(std::span<const uint8_t> line);

// The text of whole lines, of a form that is supported; returns the place behind it.
uint8_t* write(Form form, std::span<const uint8_t> payload, uint8_t* out);

// What lines of the form stand for, as many of them as there are.
std::vector<uint8_t> read(Form form, std::span<const uint8_t> text);

}  // namespace nncomp::hex
