// Finds deflate streams: by what stands in front of them, and dynamic blocks by trying.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deflate/format.hpp"
#include "deflate/inflate.hpp"

namespace nncomp::deflate {

// What belongs to a stream beside its bits.
enum class Wrap : uint8_t {
  NONE,
  ADLER,  // the content's Adler-32 follows, big-endian: zlib
  CRC,    // its CRC-32 and size follow, little-endian: gzip
  CHUNKS  // it is a zlib stream, header and Adler-32 included, in chunks of PNG: size, "IDAT", bytes, CRC-32
};
constexpr uint32_t WRAPS = 4;

struct Found {
  size_t start = 0, end = 0;  // of all that is redone
  Wrap wrap = Wrap::NONE;
  Stream stream;
  uint16_t header = 0;              // CHUNKS: that of zlib, big-endian
  std::vector<uint32_t> chunks{};   // CHUNKS: their sizes
  std::vector<uint8_t> joined{};    // CHUNKS: their bytes
};

class Finder {
 public:
  // Streams in `data`, which may begin inside of one. Of those that are followed, which have a
  // header, no more than where they end is known.
  Finder(std::span<const uint8_t> data, const Inside* inside, bool follows);

  // The next stream or piece of one, from left to right, with at most `most` bytes of content.
  std::optional<Found> next(uint64_t most);

  // Where the last stream goes on behind the end, if it was followed and does.
  std::optional<Inside> followed() { return std::move(followed_); }

 private:
  Limits limits(size_t size) const;
  bool pays(const Stream& stream) const;
  Stream to_end(Followed& found, std::span<const uint8_t> bytes);
  std::optional<Found> at(size_t place);
  std::optional<Found> try_stream(size_t place, Wrap wrap);
  std::optional<Found> try_gzip(size_t place);
  std::optional<Found> try_zip(size_t place);
  std::optional<Found> try_png(size_t place);
  std::optional<Found> try_inside(const Inside& inside);
  std::optional<Stream> take(std::span<const uint8_t> bytes);
  void spend(uint64_t tried);

  std::span<const uint8_t> data_;
  const Inside* inside_;
  bool follows_;
  uint64_t most_ = 0;
  std::optional<Inside> followed_;
  size_t place_ = 0;
  size_t done_ = 0;           // the end of the last one that was found
  size_t failed_ = SIZE_MAX;  // where a stream was tried last, in vain
  uint64_t budget_;           // bytes that may still be tried in vain
};

// Where one stands at the end of `data`, if that is inside of a stream; `data` may begin inside of one.
std::optional<Inside> follow(std::span<const uint8_t> data, const Inside* inside);

}  // namespace nncomp::deflate
