// The filter quoted (docs/format.md, section 7): decodes quoted-printable text, and encodes it again exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::quoted {

struct Split {
  std::vector<uint8_t> plain;   // the content with its runs of quoted-printable text decoded
  std::vector<uint8_t> places;  // where the runs are, and where their writer decided otherwise than expected
  std::vector<uint8_t> text, payload;  // all runs one after the other: as in the content, and decoded
};

// Splits `content`; none if it has no quoted-printable text.
std::optional<Split> split(std::span<const uint8_t> content);

// Fills `content`. Throws FormatError unless the streams give exactly as many bytes as it has.
void join(std::span<const uint8_t> plain, std::span<const uint8_t> places, std::span<uint8_t> content);

}  // namespace nncomp::quoted
