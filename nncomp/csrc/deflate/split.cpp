#include "deflate/split.hpp"

#include <algorithm>
#include <memory>

#include "append.hpp"
#include "coder/error.hpp"
#include "deflate/checksum.hpp"
#include "deflate/find.hpp"
#include "deflate/redo.hpp"
#include "deflate/rows.hpp"

namespace nncomp::deflate {
namespace {

constexpr size_t MIN_PICTURE = 1 << 12;   // bytes of content from which on a picture is a group of its own
constexpr uint64_t PAYS = 4;              // a stream is redone if it has so many times the bytes that this takes
constexpr uint64_t MANY = 50;             // if it has fewer times as many, the cheapest tokens are tried, too
constexpr uint64_t PLACE = 4;             // bytes: about what it takes to code where a stream is
constexpr uint64_t LEAST = PLACE * PAYS;  // bytes of the smallest stream that is redone
constexpr size_t TEXT = 0, OTHER = 1, PICTURES = 2;

[[noreturn]] void damaged() { throw FormatError("deflate streams are damaged: their parts do not fit together"); }

// The adaptive probabilities of all decisions in the side, and the values before that they refer to.
struct Models {
  AdaptiveBit more;
  Numbers gap, wrap, group, size, header, chunk;
  AdaptiveBit same_header, same_chunk, last_chunk;
  uint32_t header_before = 0x789C, chunk_before = 8192;
  AdaptiveBit pixels, same_rows;
  Numbers row, pixel, filter[ROW_FILTERS];
  Rows rows_before;
  Model redo;
};

void append_big32(std::vector<uint8_t>& to, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(uint8_t(value >> shift));
}

void append_little32(std::vector<uint8_t>& to, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) to.push_back(uint8_t(value >> shift));
}

// Like all code_...() functions here: passes the known value to the side, and returns it, or the one that was read.
// This one: zlib's header of a stream in chunks, as a big-endian number.
uint32_t code_header(Side& side, Models& m, uint32_t given) {
  if (side.flag(m.same_header, given == m.header_before)) return m.header_before;
  return m.header_before = side.number(m.header, given, 0xFFFF);
}

// The bytes of a chunk, with `left` bytes of the stream left; the last chunk has all of these. `last` is coded, too.
uint32_t code_chunk(Side& side, Models& m, uint32_t given, bool& last, uint32_t left) {
  last = side.flag(m.last_chunk, last);
  if (last) return left;
  const bool fits = m.chunk_before <= left;
  if (fits && side.flag(m.same_chunk, given == m.chunk_before)) return m.chunk_before;
  return m.chunk_before = side.number(m.chunk, given, left);
}

// How a picture's rows lie; a row has at most MAX_SIDE_SIZE bytes.
Rows code_rows(Side& side, Models& m, const Rows& given) {
  if (!side.flag(m.same_rows, given == m.rows_before)) {
    m.rows_before.size = 1 + side.number(m.row, given.size - 1, MAX_SIDE_SIZE - 1);
    m.rows_before.pixel = 1 + side.number(m.pixel, given.pixel - 1, MAX_PIXEL - 1);
  }
  return m.rows_before;
}

// The filters of rows, each with the probabilities of the one before.
void code_filters(Side& side, Models& m, std::vector<uint8_t>& filters) {
  uint8_t before = 0;
  for (uint8_t& filter : filters) before = filter = uint8_t(side.number(m.filter[before], filter, ROW_FILTERS - 1));
}

// Whether at most one byte in 50 is a control character.
bool is_text(std::span<const uint8_t> bytes) {
  size_t strange = 0;
  for (const uint8_t b : bytes) strange += b < 32 && b != '\n' && b != '\r' && b != '\t';
  return strange * 50 <= bytes.size();
}

class Splitter {
 public:
  Splitter(std::span<const uint8_t> data, const Inside* inside, uint64_t most)
      : data_(data), inside_(inside), left_(most) {
    parts_.contents.resize(PICTURES);
  }

  std::optional<Parts> run() {
    Finder finder(data_, inside_, false);
    while (std::optional<Found> found = finder.next(left_)) consider(*found);
    if (done_ == 0) return std::nullopt;
    side_.flag(m_->more, false);
    append(parts_.rest, data_.subspan(done_));
    parts_.side = side_.finish();
    return std::move(parts_);
  }

 private:
  // How the stream is redone from the fewest bytes; none if that does not pay.
  std::optional<Fit> choose(const Found& found) const {
    Fit best = fit(found.stream, m_->redo.parameters);
    uint64_t least = needed(found, best);
    if (!best.exact && least * MANY > found.stream.size) {
      Fit cheap = best;
      cheap.cheap = true;
      const uint64_t size = needed(found, cheap);
      if (size < least) {
        least = size;
        best = cheap;
      }
    }
    const uint64_t size = found.stream.size;
    if (least >= size || (least + PLACE) * PAYS + found.stream.piece.window > size) return std::nullopt;
    return best;
  }

  // How many bytes it takes to redo the stream; as many as the stream has if it is not redone exactly.
  uint64_t needed(const Found& found, const Fit& fit) const {
    Side trial;
    const std::unique_ptr<Model> model = std::make_unique<Model>(m_->redo);
    std::vector<uint8_t> redone;
    BitWriter out(redone, found.stream.size);
    try {
      put_stream(trial, *model, found.stream, fit, out);
    } catch (const FormatError&) {
      return found.stream.size;
    }
    const uint8_t* original = found.wrap == Wrap::CHUNKS ? &found.joined[2] : &data_[found.start];
    const bool same = redone.size() == found.stream.size && std::equal(redone.begin(), redone.end(), original);
    return same ? trial.size() : found.stream.size;
  }

  // Takes a stream out of the data, if that pays.
  void consider(const Found& found) {
    const std::optional<Fit> chosen = choose(found);
    if (!chosen) return;
    const std::vector<uint8_t>& plain = found.stream.plain;
    const bool picture = found.wrap == Wrap::CHUNKS && plain.size() >= MIN_PICTURE && parts_.contents.size() < GROUPS;
    const size_t group = picture ? parts_.contents.size() : is_text(plain) ? TEXT : OTHER;
    if (picture) parts_.contents.emplace_back();
    side_.flag(m_->more, true);
    side_.number(m_->gap, uint32_t(found.start - done_), MAX_SIDE_SIZE);
    side_.number(m_->wrap, uint32_t(found.wrap), WRAPS - 1);
    side_.number(m_->group, uint32_t(std::min(group, PICTURES)), PICTURES);
    side_.number(m_->size, uint32_t(plain.size()), MAX_SIDE_SIZE);
    if (found.wrap == Wrap::CHUNKS) {
      put_picture(found, picture, parts_.contents[group]);
    } else {
      append(parts_.contents[group], plain);
    }
    std::vector<uint8_t> redone;
    BitWriter out(redone, found.stream.size);
    put_stream(side_, m_->redo, found.stream, *chosen, out);
    if (found.wrap == Wrap::CHUNKS) put_chunks(found);
    append(parts_.rest, data_.subspan(done_, found.start - done_));
    parts_.taken.emplace_back(found.start, found.end);
    left_ -= plain.size();
    done_ = found.end;
  }

  // Appends a picture's content: as pixels if a header tells how its rows lie and it pays, else as it is.
  void put_picture(const Found& found, bool alone, std::vector<uint8_t>& content) {
    const std::vector<uint8_t>& plain = found.stream.plain;
    std::optional<Rows> rows;
    if (alone) rows = find_rows(data_.subspan(behind_picture_, found.start - behind_picture_), plain.size());
    behind_picture_ = found.end;
    std::optional<Picture> picture = rows ? to_pixels(plain, *rows) : std::nullopt;
    if (picture && !pixels_pay(plain, picture->pixels, *rows)) picture.reset();
    if (side_.flag(m_->pixels, picture.has_value())) {
      code_rows(side_, *m_, *rows);
      code_filters(side_, *m_, picture->filters);
    }
    append(content, picture ? picture->pixels : plain);
  }

  void put_chunks(const Found& found) {
    code_header(side_, *m_, found.header);
    uint32_t left = uint32_t(found.stream.size) + 6;
    for (size_t i = 0; i < found.chunks.size(); ++i) {
      bool last = i + 1 == found.chunks.size();
      left -= code_chunk(side_, *m_, found.chunks[i], last, left);
    }
  }

  std::span<const uint8_t> data_;
  const Inside* inside_;
  uint64_t left_;              // bytes of contents that are still allowed
  size_t done_ = 0;            // the data before is in the parts
  size_t behind_picture_ = 0;  // the end of the last stream in PNG chunks
  Parts parts_;
  Side side_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

class Joiner {
 public:
  Joiner(std::span<const uint8_t> rest, std::span<const uint8_t> side,
         const std::vector<std::span<const uint8_t>>& contents, uint64_t size)
      : rest_(rest), side_(side), contents_(contents), size_(size) {
    out_.reserve(size);
  }

  std::vector<uint8_t> run() {
    if (contents_.size() < PICTURES) damaged();
    while (side_.flag(m_->more, false)) stream();
    side_.end();
    take(rest_, rest_.size());
    for (const std::span<const uint8_t> content : contents_) {
      if (!content.empty()) damaged();
    }
    if (out_.size() != size_ || pictures_ != contents_.size()) damaged();
    return std::move(out_);
  }

 private:
  void stream() {
    take(rest_, side_.number(m_->gap, 0, MAX_SIDE_SIZE));
    const Wrap wrap = Wrap(side_.number(m_->wrap, 0, WRAPS - 1));
    size_t group = side_.number(m_->group, 0, PICTURES);
    const uint32_t size = side_.number(m_->size, 0, MAX_SIDE_SIZE);
    if (group == PICTURES) group = pictures_++;
    if (group >= contents_.size()) damaged();
    if (wrap == Wrap::CHUNKS) {
      if (side_.flag(m_->pixels, false)) return chunks(filtered(group, size));
      return chunks(content(group, size));
    }
    const std::span<const uint8_t> plain = content(group, size);
    redo(plain, out_);
    if (wrap == Wrap::ADLER) append_big32(out_, adler32(plain));
    if (wrap == Wrap::CRC) {
      append_little32(out_, crc32(plain));
      append_little32(out_, size);
    }
    if (out_.size() > size_) damaged();
  }

  // Appends a redone stream. Rejects short ones, of which a few bytes of side could ask for many.
  void redo(std::span<const uint8_t> plain, std::vector<uint8_t>& to) {
    const size_t start = to.size();
    BitWriter out(to, size_);
    get_stream(side_, m_->redo, plain, out);
    if (to.size() - start < LEAST) damaged();
  }

  // The next `size` bytes of a group.
  std::span<const uint8_t> content(size_t group, size_t size) {
    if (size > contents_[group].size()) damaged();
    const std::span<const uint8_t> plain = contents_[group].first(size);
    contents_[group] = contents_[group].subspan(size);
    return plain;
  }

  // A picture's content of `size` bytes, from its pixels.
  std::vector<uint8_t> filtered(size_t group, uint32_t size) {
    const Rows rows = code_rows(side_, *m_, {});
    const uint32_t count = rows.count(size);
    const std::span<const uint8_t> pixels = content(group, size - count);
    std::vector<uint8_t> filters(count);
    code_filters(side_, *m_, filters);
    return from_pixels(pixels, filters, rows);
  }

  // Appends PNG chunks with the zlib stream of this content.
  void chunks(std::span<const uint8_t> plain) {
    std::vector<uint8_t> joined(2);
    redo(plain, joined);
    const uint32_t header = code_header(side_, *m_, 0);
    joined[0] = uint8_t(header >> 8);
    joined[1] = uint8_t(header);
    append_big32(joined, adler32(plain));
    bool last = false;
    for (size_t at = 0; !last;) {
      const uint32_t size = code_chunk(side_, *m_, 0, last, uint32_t(joined.size() - at));
      if (size + 12 > size_ - out_.size()) damaged();
      append_big32(out_, size);
      const size_t start = out_.size();
      for (const char c : {'I', 'D', 'A', 'T'}) out_.push_back(uint8_t(c));
      append(out_, std::span(joined).subspan(at, size));
      append_big32(out_, crc32(std::span(out_).subspan(start)));
      at += size;
    }
  }

  // Moves bytes from the front of `from` to the output.
  void take(std::span<const uint8_t>& from, size_t size) {
    if (!move_front(from, size, out_, size_)) damaged();
  }

  std::span<const uint8_t> rest_;
  Side side_;
  std::vector<std::span<const uint8_t>> contents_;
  uint64_t size_;
  size_t pictures_ = PICTURES;  // the group of the next picture
  std::vector<uint8_t> out_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

}  // namespace

std::optional<Parts> split(std::span<const uint8_t> data, const Inside* inside, uint64_t most) {
  return Splitter(data, inside, most).run();
}

std::vector<uint8_t> join(std::span<const uint8_t> rest, std::span<const uint8_t> side,
                          const std::vector<std::span<const uint8_t>>& contents, uint64_t size) {
  return Joiner(rest, side, contents, size).run();
}

}  // namespace nncomp::deflate
