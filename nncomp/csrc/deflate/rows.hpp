// The rows of a PNG picture: filtered, each in one of five ways, as its stream holds them, or as pixels
// (docs/deflate.md, section 8).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::deflate {

constexpr uint32_t ROW_FILTERS = 5;
constexpr uint32_t MAX_PIXEL = 8;  // bytes

// How rows lie in a stream's content: a byte that names the filter, and `size` bytes. The last one may be shorter.
struct Rows {
  uint32_t size = 1;   // bytes, at least 1
  uint32_t pixel = 1;  // bytes from a pixel to the next, at least 1

  bool operator==(const Rows&) const = default;
  uint32_t count(uint32_t content) const { return content / (size + 1) + (content % (size + 1) != 0); }
};

// Those of the last picture whose header is in `data`, if its content has `content` bytes.
std::optional<Rows> find_rows(std::span<const uint8_t> data, uint64_t content);

struct Picture {
  std::vector<uint8_t> filters;  // one a row
  std::vector<uint8_t> pixels;
};

// None where there is no such filter.
std::optional<Picture> to_pixels(std::span<const uint8_t> content, const Rows& rows);

// Whether pixels are as easy to foresee as what their rows' filters left, about, which they are but for pictures that
// say of rows that they are filtered in ways in which they are not.
bool pixels_pay(std::span<const uint8_t> content, std::span<const uint8_t> pixels, const Rows& rows);

// The inverse. As many pixels as belong to `filters`, all of which are below ROW_FILTERS.
std::vector<uint8_t> from_pixels(std::span<const uint8_t> pixels, std::span<const uint8_t> filters, const Rows& rows);

}  // namespace nncomp::deflate
