// Finds deflate streams in arbitrary data: behind headers of zlib, gzip, zip and PNG, and without a header where a
// dynamic block begins. The number of bytes that are read and inflated in vain is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deflate/format.hpp"
#include "deflate/inflate.hpp"

namespace nncomp::deflate {

// What is redone together with a stream. The numbers are written to files.
enum class Wrap : uint8_t {
  NONE,
  ADLER,  // the content's Adler-32 follows, big-endian: zlib
  CRC,    // its CRC-32 and size follow, little-endian: gzip
  CHUNKS  // a zlib stream, header and Adler-32 included, in PNG chunks: size, "IDAT", bytes, CRC-32
};
constexpr uint32_t WRAPS = 4;

struct Found {
  size_t start = 0, end = 0;  // which bytes of the data are redone, the wrap included
  Wrap wrap = Wrap::NONE;
  Stream stream;
  uint16_t header = 0;              // CHUNKS: zlib's header as a big-endian number
  std::vector<uint32_t> chunks{};   // CHUNKS: bytes in each chunk
  std::vector<uint8_t> joined{};    // CHUNKS: these bytes, without what is around them
};

class Finder {
 public:
  // Looks for streams in `data`, which may begin inside of one: then `inside` is the state there, else it is null.
  // With `follows`, only streams with a header are found, and only their ends are determined, nothing is kept.
  Finder(std::span<const uint8_t> data, const Inside* inside, bool follows);

  // The next stream, or piece of one that is cut off, from left to right, with at most `most` bytes of content.
  std::optional<Found> next(uint64_t most);

  // With `follows`: the state at the end of the data, if the last stream goes on behind it.
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
  size_t place_ = 0;          // where to look next
  size_t done_ = 0;           // the end of the last stream that was found
  size_t failed_ = SIZE_MAX;  // where a stream was last tried without success
  uint64_t budget_;           // bytes that may still be read or inflated without success
};

// The state at the end of `data` if a stream goes on behind it, else none. `data` itself may begin inside of a stream.
std::optional<Inside> follow(std::span<const uint8_t> data, const Inside* inside);

}  // namespace nncomp::deflate
