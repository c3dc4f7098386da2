// The filter quoted (docs/format.md, section 7): quoted-printable text as the text that it stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::quoted {

struct Split {
  std::vector<uint8_t> plain;   // the content, with runs of it as what they stand for
  std::vector<uint8_t> places;  // of the runs, and how they differ from what a writer is expected to do
  std::vector<uint8_t> text, payload;  // all runs, as they are written, and what they stand for
};

// None where there is none.
std::optional<Split> split(std::span<const uint8_t> content);

// `content` again, as many bytes. Throws FormatError for what `split` never gives.
void join(std::span<const uint8_t> plain, std::span<const uint8_t> places, std::span<uint8_t> content);

}  // namespace nncomp::quoted
