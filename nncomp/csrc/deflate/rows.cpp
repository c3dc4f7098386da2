#include "deflate/rows.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

#include "deflate/checksum.hpp"

namespace nncomp::deflate {
namespace {

constexpr size_t HEADER = 17;         // bytes of the chunk IHDR: its name and its fields
constexpr size_t FARTHEST = 1 << 20;  // bytes before a picture's stream in which its header is looked for
constexpr size_t SAMPLE = 1 << 16;    // bytes of rows from which pixels_pay() judges
constexpr uint64_t CLEARLY = 2;  // filtered rows are better if they have so many times the equal pairs of pixels

// What a filter predicts for a byte from those one pixel to the left (a), above (b), and above to the left (c).
uint8_t none(uint8_t, uint8_t, uint8_t) { return 0; }
uint8_t left(uint8_t a, uint8_t, uint8_t) { return a; }
uint8_t above(uint8_t, uint8_t b, uint8_t) { return b; }
uint8_t mean(uint8_t a, uint8_t b, uint8_t) { return uint8_t((a + b) / 2); }
uint8_t nearest(uint8_t a, uint8_t b, uint8_t c) {  // Paeth's
  const int from_a = std::abs(b - c), from_b = std::abs(a - c), from_c = std::abs(a + b - 2 * c);
  return from_a <= from_b && from_a <= from_c ? a : from_b <= from_c ? b : c;
}

// Calls use(expect) with the function of a filter.
template <class Use>
void with_filter(uint8_t filter, Use use) {
  switch (filter) {
    case 0: return use(none);
    case 1: return use(left);
    case 2: return use(above);
    case 3: return use(mean);
    default: return use(nearest);
  }
}

// Calls code(predicted byte, index) for each byte of a row, from left to right. `row` are its pixels, known up to the
// index; `before` is the row above, or null.
template <class Code>
void walk(uint8_t filter, size_t size, uint32_t pixel, const uint8_t* row, const uint8_t* before, Code code) {
  with_filter(filter, [&](auto expect) {
    for (size_t i = 0; i < size; ++i) {
      const bool first = i < pixel;
      const uint8_t a = first ? 0 : row[i - pixel], b = before ? before[i] : 0;
      const uint8_t c = first || !before ? 0 : before[i - pixel];
      code(expect(a, b, c), i);
    }
  });
}

// How well the best of the filters predicts some of the rows, which begin `step` bytes behind each other: the sum of
// squares of how often each difference to the prediction occurs, that is, the number of equal pairs.
uint64_t alike(std::span<const uint8_t> bytes, size_t step, const Rows& rows) {
  const size_t count = (bytes.size() + step - rows.size) / step;  // complete rows
  const size_t some = std::clamp<size_t>(SAMPLE / rows.size, 1, count);
  uint64_t most = 0;
  for (uint8_t filter = 0; filter < ROW_FILTERS; ++filter) {
    std::array<uint64_t, 256> counts{};
    for (size_t i = 0; i < some; ++i) {
      const size_t number = i * count / some;
      const uint8_t* const row = bytes.data() + number * step;
      walk(filter, rows.size, rows.pixel, row, number > 0 ? row - step : nullptr,
           [&](uint8_t expected, size_t place) { ++counts[uint8_t(row[place] - expected)]; });
    }
    uint64_t pairs = 0;
    for (const uint64_t same : counts) pairs += same * same;
    most = std::max(most, pairs);
  }
  return most;
}

}  // namespace

bool pixels_pay(std::span<const uint8_t> content, std::span<const uint8_t> pixels, const Rows& rows) {
  if (pixels.size() < rows.size) return true;
  const size_t step = 1 + size_t(rows.size);
  return alike(content.subspan(1), step, rows) < CLEARLY * alike(pixels, rows.size, rows);
}

std::optional<Rows> find_rows(std::span<const uint8_t> data, uint64_t content) {
  data = data.last(std::min(data.size(), FARTHEST));
  const auto name = {'I', 'H', 'D', 'R'};
  const auto found = std::find_end(data.begin(), data.end(), name.begin(), name.end());
  const std::span<const uint8_t> header(found, data.end());
  if (header.size() < HEADER) return std::nullopt;
  const uint64_t width = big32(&header[4]), height = big32(&header[8]);
  const uint32_t depth = header[12];
  constexpr uint32_t SAMPLES[] = {1, 0, 3, 1, 2, 0, 4};  // [colour type]: samples of a pixel; 0: there is no such type
  if (header[13] >= std::size(SAMPLES)) return std::nullopt;
  const uint64_t bits = uint64_t(depth) * SAMPLES[header[13]], size = (width * bits + 7) / 8;
  if (bits == 0 || bits > 8 * MAX_PIXEL || size == 0 || size > content || height > content) return std::nullopt;
  if ((size + 1) * height != content) return std::nullopt;  // interlaced, or the header of another picture
  return Rows{uint32_t(size), std::max(uint32_t(bits) / 8, 1u)};
}

std::optional<Picture> to_pixels(std::span<const uint8_t> content, const Rows& rows) {
  Picture picture;
  picture.pixels.resize(content.size() - rows.count(uint32_t(content.size())));
  uint8_t* row = picture.pixels.data();
  const uint8_t* before = nullptr;
  for (size_t at = 0; at < content.size(); at += 1 + size_t(rows.size)) {
    const uint8_t filter = content[at];
    if (filter >= ROW_FILTERS) return std::nullopt;
    const size_t size = std::min<size_t>(rows.size, content.size() - at - 1);
    const uint8_t* const filtered = content.data() + at + 1;
    walk(filter, size, rows.pixel, row, before,
         [&](uint8_t expected, size_t i) { row[i] = uint8_t(filtered[i] + expected); });
    picture.filters.push_back(filter);
    before = row;
    row += size;
  }
  return picture;
}

std::vector<uint8_t> from_pixels(std::span<const uint8_t> pixels, std::span<const uint8_t> filters, const Rows& rows) {
  std::vector<uint8_t> content;
  content.reserve(pixels.size() + filters.size());
  const uint8_t* row = pixels.data();
  const uint8_t* before = nullptr;
  size_t left = pixels.size();
  for (const uint8_t filter : filters) {
    const size_t size = std::min<size_t>(rows.size, left);
    content.push_back(filter);
    walk(filter, size, rows.pixel, row, before,
         [&](uint8_t expected, size_t i) { content.push_back(uint8_t(row[i] - expected)); });
    before = row;
    row += size;
    left -= size;
  }
  return content;
}

}  // namespace nncomp::deflate
