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
  // Streams whose content is at most `most` bytes.
  Finder(std::span<const uint8_t> data, uint64_t most);

  // The next stream, from left to right.
  std::optional<Found> next();

 private:
  std::optional<Found> at(size_t place);
  std::optional<Found> try_stream(size_t place, Wrap wrap);
  std::optional<Found> try_gzip(size_t place);
  std::optional<Found> try_zip(size_t place);
  std::optional<Found> try_png(size_t place);
  std::optional<Stream> take(std::span<const uint8_t> bytes);
  void spend(uint64_t tried);

  std::span<const uint8_t> data_;
  uint64_t most_;
  size_t place_ = 0;
  size_t done_ = 0;           // the end of the last one that was found
  size_t failed_ = SIZE_MAX;  // where a stream was tried last, in vain
  uint64_t budget_;           // bytes that may still be tried in vain
};

}  // namespace nncomp::deflate
