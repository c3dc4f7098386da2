#include "deflate/find.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "deflate/checksum.hpp"
#include "deflate/walk.hpp"

namespace nncomp::deflate {
namespace {

constexpr uint32_t MAX_BLOCKS = 1 << 20;  // of a stream
constexpr uint64_t MAX_RATIO = 128;       // of content to stream: one that inflates further is small as it is
constexpr uint64_t MIN_SIZE = 16;         // bytes of a stream: less is not worth it
constexpr uint64_t MIN_PIECE = 1 << 12;   // bytes of a piece that is cut off: other data may look like a short one
constexpr uint64_t IN_VAIN = 16;          // bytes that may be read or inflated in vain, for each byte of data

// Whether a byte may be the first of zlib's header, or of a dynamic block.
bool constexpr is_zlib(int first) { return (first & 0x8F) == 0x08; }
bool constexpr is_dynamic(int first) { return (first >> 1 & 3) == DYNAMIC && first >> 3 <= LITERALS - 257; }

// [byte]: whether it may be the first of a header, or, with `block`, of a dynamic block.
constexpr auto may_begin(bool block) {
  std::array<bool, 256> may{};
  for (int b = 0; b < 256; ++b) {
    may[size_t(b)] = is_zlib(b) || (block && is_dynamic(b)) || b == 0x1F || b == 'P' || b == 'I';
  }
  return may;
}
constexpr auto MAY_BEGIN = may_begin(true), MAY_BE_HEADER = may_begin(false);
constexpr size_t LOOK = 256;  // positions whose first byte is looked at before a stream is tried at any of them

}  // namespace

Finder::Finder(std::span<const uint8_t> data, const Inside* inside, bool follows)
    : data_(data), inside_(inside), follows_(follows), budget_(IN_VAIN * data.size()) {}

std::optional<Found> Finder::next(uint64_t most) {
  most_ = most;
  if (const Inside* inside = std::exchange(inside_, nullptr)) {
    if (std::optional<Found> found = try_inside(*inside)) {
      place_ = done_ = found->end;
      return found;
    }
  }
  const auto& may = follows_ ? MAY_BE_HEADER : MAY_BEGIN;
  while (place_ + MIN_SIZE <= data_.size()) {
    std::array<uint8_t, LOOK> likely;  // offsets from place_, gathered without branches, which would be mispredicted
    const size_t size = size_t(std::min<uint64_t>(LOOK, data_.size() - MIN_SIZE + 1 - place_));
    size_t count = 0;
    for (size_t i = 0; i < size; ++i) {
      likely[count] = uint8_t(i);
      count += may[data_[place_ + i]];
    }
    for (size_t i = 0; i < count; ++i) {
      const size_t place = place_ + likely[i];
      if (!MAY_BE_HEADER[data_[place]] && !may_be_dynamic(&data_[place])) continue;
      std::optional<Found> found = at(place);
      if (!found) continue;
      place_ = found->end;
      return found;
    }
    place_ += size;
  }
  return std::nullopt;
}

// Tries all that may begin at `place`.
std::optional<Found> Finder::at(size_t place) {
  const uint8_t* b = &data_[place];  // at least MIN_SIZE bytes
  std::optional<Found> found;
  if (is_zlib(b[0]) && (b[0] * 256 + b[1]) % 31 == 0 && !(b[1] & 0x20)) {
    found = try_stream(place + 2, Wrap::ADLER);
  } else if (b[0] == 0x1F && b[1] == 0x8B && b[2] == 8 && !(b[3] & 0xE0)) {
    found = try_gzip(place);
  } else if (std::memcmp(b, "PK\3\4", 4) == 0 && b[8] == 8 && b[9] == 0) {
    found = try_zip(place);
  } else if (std::memcmp(b, "IDAT", 4) == 0 && !follows_ && place >= 4 && place - 4 >= done_) {
    found = try_png(place - 4);
  }
  if (!found && !follows_ && is_dynamic(b[0]) && begins_dynamic(data_.subspan(place))) {
    found = try_stream(place, Wrap::NONE);
  }
  if (found) done_ = found->end;
  return found;
}

// The stream at the beginning of `bytes`, if there is one that pays.
std::optional<Stream> Finder::take(std::span<const uint8_t> bytes) {
  if (budget_ == 0 || (bytes.size() >= MIN_SIZE && !may_be_block(bytes.data()))) return std::nullopt;
  uint64_t tried = 0;
  if (follows_) {
    if (std::optional<Followed> found = nncomp::deflate::follow(bytes, nullptr, tried)) return to_end(*found, bytes);
  } else {
    std::optional<Stream> stream = take_apart(bytes, limits(bytes.size()), tried);
    if (stream && pays(*stream)) return stream;
  }
  spend(tried);
  return std::nullopt;
}

Limits Finder::limits(size_t size) const { return {std::min(most_, MAX_RATIO * size), MAX_BLOCK_TOKENS, MAX_BLOCKS}; }

bool Finder::pays(const Stream& stream) const {
  if (stream.plain.size() > most_ || stream.plain.size() > MAX_RATIO * stream.size) return false;
  return stream.size >= (stream.piece.is_whole() ? MIN_SIZE : MIN_PIECE);
}

// A stream that was followed: only its size and whether it is cut off are known.
Stream Finder::to_end(Followed& found, std::span<const uint8_t> bytes) {
  Stream stream;
  stream.piece.cut = found.inside.has_value();
  stream.size = found.inside ? bytes.size() : found.end;
  followed_ = std::move(found.inside);
  return stream;
}

// The rest of the stream inside of which the data begins.
std::optional<Found> Finder::try_inside(const Inside& inside) {
  Found found;
  if (follows_) {
    uint64_t tried = 0;
    std::optional<Followed> end = nncomp::deflate::follow(data_, &inside, tried);
    if (!end) return std::nullopt;
    found.stream = to_end(*end, data_);
  } else {
    std::optional<Stream> stream = take_up(data_, inside, limits(data_.size()), found.start);
    if (!stream || !pays(*stream)) return std::nullopt;
    found.stream = std::move(*stream);
  }
  found.end = found.start + found.stream.size;
  return found;
}

void Finder::spend(uint64_t tried) { budget_ -= std::min(budget_, tried); }

// The stream at `place`. The checksum that `wrap` asks for is redone, too, if it follows and is right.
std::optional<Found> Finder::try_stream(size_t place, Wrap wrap) {
  if (place >= data_.size() || place == failed_) return std::nullopt;
  std::optional<Stream> stream = take(data_.subspan(place));
  if (!stream) {
    failed_ = place;
    return std::nullopt;
  }
  Found found;
  found.start = place;
  found.end = place + stream->size;
  found.stream = std::move(*stream);
  if (found.stream.piece.cut) return found;
  const std::span<const uint8_t> plain = found.stream.plain, rest = data_.subspan(found.end);
  if (wrap == Wrap::ADLER && rest.size() >= 4 && big32(rest.data()) == adler32(plain)) {
    found.wrap = wrap;
    found.end += 4;
  } else if (wrap == Wrap::CRC && rest.size() >= 8 && little32(rest.data()) == crc32(plain) &&
             little32(rest.data() + 4) == uint32_t(plain.size())) {
    found.wrap = wrap;
    found.end += 8;
  }
  return found;
}

// The stream behind the header of gzip at `place` (RFC 1952).
std::optional<Found> Finder::try_gzip(size_t place) {
  const auto has = [&](size_t bytes) { return place < data_.size() && bytes <= data_.size() - place; };
  if (budget_ == 0) return std::nullopt;
  const uint8_t flags = data_[place + 3];
  place += 10;
  if (flags & 4) {  // an extra field: its size and its bytes
    if (!has(2)) return std::nullopt;
    place += 2 + size_t(data_[place] | data_[place + 1] << 8);
  }
  for (const uint8_t text : {8, 16}) {  // a name and a comment, each ended by a zero byte
    if (!(flags & text)) continue;
    const size_t start = place;
    while (has(1) && data_[place] != 0) ++place;
    ++place;
    spend(place - start);  // what looks like another header may be scanned for the same zero byte
  }
  return try_stream(place + (flags & 2), Wrap::CRC);  // the flag 2 announces two bytes of a CRC
}

// The stream behind a zip archive's local file header at `place`: 30 bytes, a name and an extra field.
std::optional<Found> Finder::try_zip(size_t place) {
  if (data_.size() - place < 30) return std::nullopt;
  const uint8_t* b = &data_[place];
  return try_stream(place + 30 + size_t(b[26] | b[27] << 8) + size_t(b[28] | b[29] << 8), Wrap::NONE);
}

// The zlib stream in the PNG chunks IDAT that follow each other from `place` on. It has to fill them exactly.
std::optional<Found> Finder::try_png(size_t place) {
  Found found;
  found.start = place;
  found.wrap = Wrap::CHUNKS;
  std::vector<uint8_t>& joined = found.joined;
  while (budget_ != 0 && data_.size() - place >= 12 && std::memcmp(&data_[place + 4], "IDAT", 4) == 0) {
    const uint32_t size = big32(&data_[place]);
    if (size > data_.size() - place - 12) return std::nullopt;
    spend(12 + uint64_t(size));
    const std::span<const uint8_t> chunk = data_.subspan(place + 4, 4 + size);
    if (big32(chunk.data() + chunk.size()) != crc32(chunk)) return std::nullopt;
    joined.insert(joined.end(), chunk.begin() + 4, chunk.end());
    found.chunks.push_back(size);
    place += 12 + size_t(size);
  }
  if (joined.size() < 6 || found.chunks.empty()) return std::nullopt;
  std::optional<Stream> stream = take(std::span(joined).subspan(2));
  if (!stream || stream->piece.cut || stream->size + 6 != joined.size()) return std::nullopt;
  if (big32(&joined[joined.size() - 4]) != adler32(stream->plain)) return std::nullopt;
  found.header = uint16_t(joined[0] << 8 | joined[1]);
  found.stream = std::move(*stream);
  found.end = place;
  return found;
}

std::optional<Inside> follow(std::span<const uint8_t> data, const Inside* inside) {
  Finder finder(data, inside, true);
  while (finder.next(0)) continue;
  return finder.followed();
}

}  // namespace nncomp::deflate
