// Undoes and redoes the filters of a PNG picture's rows: its stream holds each row as differences to neighbouring
// pixels, which are harder to predict than the pixels (docs/deflate.md, section 8).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::deflate {

constexpr uint32_t ROW_FILTERS = 5;
constexpr uint32_t MAX_PIXEL = 8;  // bytes of a pixel

// How rows lie in a stream's content: a byte that names the filter, then `size` bytes. The last row may be shorter.
struct Rows {
  uint32_t size = 1;   // bytes of a row without the filter's, at least 1
  uint32_t pixel = 1;  // bytes from a pixel to the next, 1 … MAX_PIXEL

  bool operator==(const Rows&) const = default;
  // How many rows `content` bytes are.
  uint32_t count(uint32_t content) const { return content / (size + 1) + (content % (size + 1) != 0); }
};

// The rows that the last PNG header in `data` describes, if they take exactly `content` bytes: those of an interlaced
// picture do not.
std::optional<Rows> find_rows(std::span<const uint8_t> data, uint64_t content);

struct Picture {
  std::vector<uint8_t> filters;  // one for each row
  std::vector<uint8_t> pixels;   // bytes of all rows, without the filters'
};

// Undoes the filters. None if a row's filter does not exist.
std::optional<Picture> to_pixels(std::span<const uint8_t> content, const Rows& rows);

// Whether the pixels are, about, as easy to predict as the filtered rows. They are not in a picture whose rows name
// filters that were not applied.
bool pixels_pay(std::span<const uint8_t> content, std::span<const uint8_t> pixels, const Rows& rows);

// The inverse of `to_pixels`: `pixels` are as many bytes as `filters`, each below ROW_FILTERS, have in rows.
std::vector<uint8_t> from_pixels(std::span<const uint8_t> pixels, std::span<const uint8_t> filters, const Rows& rows);

}  // namespace nncomp::deflate
