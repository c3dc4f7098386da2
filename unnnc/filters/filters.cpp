// The list of filters, and those that are short or call the engine.
#include "filters/filters.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "deflate/split.hpp"
#include "deflate/walk.hpp"
#include "filters/copies.hpp"
#include "filters/quoted.hpp"
#include "filters/x86.hpp"
#include "gif/split.hpp"
#include "jpeg/split.hpp"
#include "kernels/kernel.hpp"

namespace nncomp::unnnc {
namespace {

using Sizes = std::vector<uint64_t>;

uint64_t sum(const Sizes& sizes, size_t from, size_t to) {
  return std::accumulate(sizes.begin() + ptrdiff_t(from), sizes.begin() + ptrdiff_t(to), uint64_t(0));
}

// ---- none ----

void check_none(const Sizes& sizes, View side, uint64_t size) {
  require(sizes == Sizes{size} && side.empty(), "a block without a filter is not one stream of its size");
}

uint64_t memory_of_none(const Sizes&, View, uint64_t) { return 0; }

Bytes join_none(std::vector<Bytes>&& streams, View, uint64_t) { return std::move(streams[0]); }

// ---- repeat ----

void check_repeat(const Sizes& sizes, View side, uint64_t size) {
  require(sizes.size() == 1 && sizes[0] >= 1 && sizes[0] < size && side.empty(),
          "a repeated pattern is not one stream, shorter than the content");
}

uint64_t memory_of_content(const Sizes&, View, uint64_t size) { return size; }

Bytes join_repeat(std::vector<Bytes>&& streams, View, uint64_t size) {
  const Bytes& pattern = streams[0];
  Bytes content(size);
  for (uint64_t at = 0; at < size; at += pattern.size()) {
    std::copy_n(pattern.begin(), std::min<uint64_t>(pattern.size(), size - at), content.begin() + ptrdiff_t(at));
  }
  return content;
}

// ---- x86 and arm64: relative distances of calls that were replaced by absolute addresses ----

void check_program(const Sizes& sizes, View side, uint64_t size) {
  require(sizes == Sizes{size} && side.empty(), "a program is not one stream of its size");
}

Bytes join_x86(std::vector<Bytes>&& streams, View, uint64_t) {
  targets_to_distances(streams[0]);
  return std::move(streams[0]);
}

Bytes join_arm64(std::vector<Bytes>&& streams, View, uint64_t) {
  Bytes& code = streams[0];
  for (size_t i = 0; i + 4 <= code.size(); i += 4) {
    if (code[i + 3] >> 2 != 0x25) continue;  // BL: upper 6 bits 100101, lower 26 bits the distance in instructions
    uint32_t distance = code[i] | code[i + 1] << 8 | code[i + 2] << 16 | (code[i + 3] & 3) << 24;
    distance -= uint32_t(i / 4);
    for (size_t k = 0; k < 3; ++k) code[i + k] = uint8_t(distance >> 8 * k);
    code[i + 3] = uint8_t(0x25 << 2 | (distance >> 24 & 3));
  }
  return std::move(code);
}

// ---- deflate and gif: rest, side, and groups of what was undone ----

// There are `least` to `most` groups.
void check_groups(const std::string& what, size_t least, size_t most, const Sizes& sizes, View side, uint64_t size) {
  require(sizes.size() >= 2 + least && sizes.size() <= 2 + most && side.empty(),
          "streams are not those that " + what + " are made of");
  require(sum(sizes, 2, sizes.size()) <= most_contents(size) && sum(sizes, 0, 2) < size,
          "streams are too large for the " + what + " in a block");
}

template <auto join>
Bytes join_groups(std::vector<Bytes>&& streams, View, uint64_t size) {
  const std::vector<View> groups(streams.begin() + 2, streams.end());
  return join(streams[0], streams[1], groups, size);
}

void check_deflate(const Sizes& sizes, View side, uint64_t size) {
  check_groups("deflate streams", 2, deflate::GROUPS, sizes, side, size);
}

// A copy of the content, a picture's deflate stream without PNG chunks, its filtered rows, which are at most twice as
// large as its pixels, the tokens of a deflate block in a vector that doubles, and tables.
uint64_t memory_of_deflate(const Sizes& sizes, View, uint64_t size) {
  const uint64_t contents = sum(sizes, 2, sizes.size());
  const uint64_t tokens = 4 * std::min<uint64_t>(contents, deflate::MAX_BLOCK_TOKENS);
  return 2 * size + 2 * contents + 2 * tokens + (3 << 20);
}

// ---- jpeg ----

// Limit of the blocks of coefficients of a picture in `size` bytes of content.
uint64_t most_blocks(uint64_t size) { return std::min<uint64_t>({16 * size, size / 2 + (1 << 14), 1 << 22}); }

// The number of blocks of the largest picture, which the side holds.
uint64_t blocks_of(View side) {
  Fields fields(side, "the side of pictures is too short");
  const uint64_t blocks = fields.varint();
  require(fields.empty(), "the side of pictures is too long");
  return blocks;
}

void check_jpeg(const Sizes& sizes, View side, uint64_t size) {
  require(sizes.size() == 2 && sum(sizes, 0, 2) < size, "streams are not those that pictures are made of");
  require(blocks_of(side) <= most_blocks(size), "pictures are too large for a block");
}

// A copy of the content, a scan without stuffed zeros, the model (12 MiB), and for each block its coefficients (128
// bytes) and what the model remembers of two rows of blocks (160 bytes).
uint64_t memory_of_jpeg(const Sizes&, View side, uint64_t size) {
  return 3 * size + (12 << 20) + (128 + 160) * blocks_of(side);
}

Bytes join_jpeg(std::vector<Bytes>&& streams, View side, uint64_t size) {
  return jpeg::join(*find_kernel("auto"), streams[0], streams[1], size, blocks_of(side), most_blocks(size));
}

void check_gif(const Sizes& sizes, View side, uint64_t size) {
  check_groups("GIF pictures", 1, gif::GROUPS, sizes, side, size);
}

// A copy of the content, a picture's codes, its pixels, and tables.
uint64_t memory_of_gif(const Sizes& sizes, View, uint64_t size) {
  return 2 * size + sum(sizes, 2, sizes.size()) + (1 << 18);
}

// ---- quoted and copies: the engine joins two streams ----

uint64_t memory_of_two_contents(const Sizes&, View, uint64_t size) { return 2 * size; }

void check_quoted(const Sizes& sizes, View side, uint64_t size) { require_streams("quoted", 2, sizes, side, size); }

void check_copies(const Sizes& sizes, View side, uint64_t size) { require_streams("copies", 2, sizes, side, size); }

template <auto join>
Bytes join_two(std::vector<Bytes>&& streams, View, uint64_t size) {
  Bytes content(size);
  join(streams[0], streams[1], content);
  return content;
}

// ---- sections: parts of the content, in turn of one stream or another ----

// Calls section(number of its stream, bytes) for each.
template <class Section>
void for_sections(View side, Section section) {
  Fields fields(side, "sections end too early");
  uint64_t last = UINT64_MAX, count = 0;
  while (!fields.empty()) {
    const uint64_t number = fields.varint(), length = fields.varint();
    require(number != last && number <= count && length > 0, "sections are not as they are written");
    last = number;
    count = std::max(count, number + 1);
    section(number, length);
  }
}

void check_sections(const Sizes& sizes, View side, uint64_t size) {
  const char* wrong = "sections do not fit the streams that they are made of";
  Sizes left = sizes;
  for_sections(side, [&](uint64_t number, uint64_t length) {
    require(number < left.size() && length <= left[number], wrong);
    left[number] -= length;
  });
  require(sizes.size() >= 2 && sum(left, 0, left.size()) == 0 && sum(sizes, 0, sizes.size()) == size, wrong);
}

Bytes join_sections(std::vector<Bytes>&& streams, View side, uint64_t size) {
  std::vector<View> left(streams.begin(), streams.end());
  Bytes content(size);
  uint8_t* out = content.data();
  for_sections(side, [&](uint64_t number, uint64_t length) {
    out = std::copy_n(left[number].begin(), length, out);
    left[number] = left[number].subspan(length);
  });
  return content;
}

}  // namespace

void require_streams(const char* name, size_t count, const Sizes& sizes, View side, uint64_t size) {
  require(sizes.size() == count && side.empty() && sum(sizes, 0, count) < size,
          "streams are not those of " + std::string(name) + ", or too large for the block");
}

uint64_t most_contents(uint64_t size) { return std::min({128 * size, 8 * size + (1 << 23), MAX_STREAM_SIZE - size}); }

const Filter FILTERS[] = {
    {check_none, memory_of_none, join_none},  // 0
    {check_repeat, memory_of_content, join_repeat},  // 1
    {check_program, memory_of_content, join_x86},  // 2
    {check_program, memory_of_content, join_arm64},  // 3
    {check_deflate, memory_of_deflate, join_groups<deflate::join>},  // 4
    numbers_filter(),  // 5
    {check_jpeg, memory_of_jpeg, join_jpeg},  // 6
    base64_filter(),  // 7
    hex_filter(),  // 8
    {check_quoted, memory_of_two_contents, join_two<quoted::join>},  // 9
    {check_copies, memory_of_two_contents, join_two<copies::join>},  // 10
    {check_sections, memory_of_none, join_sections},  // 11
    {check_gif, memory_of_gif, join_groups<gif::join>},  // 12
};
const int FILTER_COUNT = sizeof FILTERS / sizeof *FILTERS;

}  // namespace nncomp::unnnc
