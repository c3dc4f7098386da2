#include "jpeg/split.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "append.hpp"
#include "coder/side.hpp"
#include "jpeg/bits.hpp"
#include "jpeg/model.hpp"
#include "jpeg/scan.hpp"

namespace nncomp::jpeg {
namespace {

constexpr uint32_t MAX_DC = 1 << 14;     // magnitude of a DC coefficient that is passed on
constexpr size_t MIN_DATA = 128;         // bytes of the scans of a picture that is taken
constexpr size_t MIN_CODED = 64;         // coded bytes: with fewer, the pictures are small however they are coded
constexpr uint64_t MAX_HEADERS = 64;  // bytes of headers that are read, for each byte of data: headers may overlap
constexpr uint64_t MAX_SCANS = 64;  // bytes of scans, and of markers between them, that are read, likewise

// How many visits of blocks by scans are allowed in `size` bytes whose pictures may have `most` blocks. A block takes
// two bits or more, so that all blocks even of an empty picture may have 16 scans.
uint64_t most_visits(uint64_t most, uint64_t size) { return 64 * std::min(most, size); }

struct Found {
  size_t begin, start;  // the indices where the picture begins, and where the data of its first scan does
};

// The pictures whose headers can be read, in the order of their data. One may lie inside another one's header, as
// thumbnails do.
std::vector<Found> find(std::span<const uint8_t> data) {
  std::vector<Found> found;
  uint64_t left = MAX_HEADERS * data.size();
  const uint8_t* const begin = data.data();
  for (size_t at = 0; at + 4 < data.size(); ++at) {
    const void* const next = std::memchr(begin + at, 0xFF, data.size() - 3 - at);
    if (!next) break;
    at = size_t(static_cast<const uint8_t*>(next) - begin);
    if (data[at + 1] != SOI || data[at + 2] != 0xFF) continue;
    Header header;
    size_t read;
    const size_t size = read_markers(data.subspan(at + 2), header, read);
    if (read > left) break;
    left -= read;
    if (size == 0) continue;
    found.push_back({at, at + 2 + size});
  }
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.start < b.start; });
  return found;
}

// The adaptive probabilities of all decisions in the side.
struct Models {
  AdaptiveBit inside, more, whole, padding, scans;
  Numbers markers, row, bits, dc;
  Numbers gap, back, units, tail, between;
  Model model;
};

// Passes where the data begins inside of a picture to the side, or sets it to what is read.
void code_start(Side& side, Models& m, const Header& header, Start& start) {
  start.row = side.number(m.row, start.row, header.units_high - 1);
  start.bits = side.number(m.bits, start.bits, 7);
  for (int i = 0; i < header.scan.count; ++i) {
    int32_t& dc = start.dc[size_t(i)];
    dc = side.difference(m.dc, dc, MAX_DC);
  }
}

// Passes the rest of the scan's part likewise: all units, or fewer in a picture that is cut off.
void code_part(Side& side, Models& m, const Header& header, Part& part) {
  const uint32_t units = header.scan_units() - part.start.unit(header);
  if (side.flag(m.whole, part.units == units)) {
    part.units = units;
  } else {
    part.units = side.number(m.units, part.units, units - 1);
  }
  part.padding = side.flag(m.padding, part.padding);
  part.tail = side.number(m.tail, part.tail, 127);
}

// How many rows of interleaved units have blocks of the picture's scans.
uint32_t rows_of(const Header& header, const Part& part) {
  if (!header.is_sole()) return header.units_high;
  const uint32_t row = header.row_units();
  return (part.units + row - 1) / row;
}

struct Scanned {
  Part part;
  size_t between;  // bytes of markers between the scan before and this one's data
};

class Splitter {
 public:
  Splitter(const Kernel& kernel, std::span<const uint8_t> data, const Inside* inside, uint64_t most)
      : kernel_(kernel),
        data_(data),
        inside_(inside),
        left_(most),
        visits_(most_visits(most, data.size())),
        unread_(MAX_SCANS * data.size()) {}

  std::optional<Parts> run() {
    go_on();
    for (const Found& found : find(data_)) {
      if (found.start >= done_) consider(found);
    }
    if (taken_ == 0) return std::nullopt;
    side_.flag(m_->more, false);
    append(parts_.rest, data_.subspan(done_));
    parts_.coded = side_.finish();
    if (parts_.coded.size() >= taken_ - taken_ / 32 || parts_.coded.size() < MIN_CODED) return std::nullopt;
    return std::move(parts_);
  }

 private:
  // Reads markers between scans, as read_markers() does.
  size_t read(std::span<const uint8_t> data, Header& header) {
    size_t read;
    const size_t size = read_markers(data, header, read);
    spend(read);
    return size;
  }

  void spend(size_t read) { unread_ -= std::min<uint64_t>(unread_, read); }

  // Decodes the scan whose data begins at `at`, of a picture's first one into new planes. If redoing it gives the same
  // bytes, `at` moves behind it.
  bool take(const Header& header, std::optional<Planes>& planes, Part& part, size_t& at, uint8_t byte = 0) {
    if (unread_ == 0) return false;
    const std::span<const uint8_t> data = data_.subspan(at);
    const Plain plain = plain_of(data, header, part.start, byte);
    spend(plain.bytes.size());
    part.units = header.scan_units();
    uint64_t blocks = header.blocks();
    if (header.is_sole()) {
      const uint64_t rows = std::min(left_, visits_) / header.row_blocks();
      part.units = uint32_t(std::min<uint64_t>(reach_of(plain, header, part.start).units, rows * header.row_units()));
      blocks = rows_of(header, part) * header.row_blocks();
    }
    if (part.units == 0 || blocks > visits_ || (!planes && blocks > left_)) return false;
    visits_ -= blocks;
    if (!planes) planes.emplace(header, rows_of(header, part));
    if (!undo_scan(plain, header, *planes, part)) return false;
    redone_.clear();
    try {
      redo_scan(header, *planes, part, data.size(), redone_);
    } catch (const FormatError&) {
      return false;
    }
    if (!std::equal(redone_.begin(), redone_.end(), data.begin())) return false;
    at += redone_.size();
    return true;
  }

  // Takes the picture in which the data begins as far as it goes.
  void go_on() {
    if (!inside_) {
      side_.flag(m_->inside, false);
      return;
    }
    Header header;
    read_markers(inside_->markers, header);
    Part part;
    part.start = inside_->start;
    std::optional<Planes> planes;
    size_t at = 0;
    const bool good = take(header, planes, part, at, inside_->byte) && at >= MIN_DATA;
    side_.flag(m_->inside, good);
    if (!good) return;
    side_.number(m_->markers, uint32_t(inside_->markers.size()), MAX_SIDE_SIZE);
    code_start(side_, *m_, header, part.start);
    code_part(side_, *m_, header, part);
    m_->model.code(kernel_, side_, header, *planes);
    append(parts_.rest, inside_->markers);
    count(*planes, header, 0, at);
    taken_ += at;
  }

  // Takes the picture out of the data if all its scans can be redone.
  void consider(const Found& found) {
    Header header;
    read_markers(data_.subspan(found.begin + 2), header);
    const Header first = header;
    std::optional<Planes> planes;
    std::vector<Scanned> scans(1);
    std::vector<uint8_t> between;
    size_t at = found.start;
    if (!take(header, planes, scans[0].part, at)) return;
    size_t data = at - found.start;
    while (!header.is_sole()) {
      const size_t size = read(data_.subspan(at), header);
      if (size == 0) break;
      append(between, data_.subspan(at, size));
      at += size;
      scans.push_back({{}, size});
      const size_t start = at;
      if (!take(header, planes, scans.back().part, at)) return;
      data += at - start;
    }
    if (data < MIN_DATA) return;
    side_.flag(m_->more, true);
    side_.number(m_->gap, uint32_t(found.start - done_), MAX_SIDE_SIZE);
    side_.number(m_->back, uint32_t(found.start - found.begin), MAX_SIDE_SIZE);
    header = first;
    code_part(side_, *m_, header, scans[0].part);
    m_->model.code(kernel_, side_, header, *planes);
    append(parts_.rest, data_.subspan(done_, found.start - done_));
    std::span<const uint8_t> markers(between);
    for (size_t i = 1; i < scans.size(); ++i) {
      side_.flag(m_->scans, true);
      side_.number(m_->between, uint32_t(scans[i].between), MAX_SIDE_SIZE);
      read_markers(markers.first(scans[i].between), header);
      markers = markers.subspan(scans[i].between);
      code_part(side_, *m_, header, scans[i].part);
    }
    if (!header.is_sole()) side_.flag(m_->scans, false);
    append(parts_.rest, between);
    count(*planes, first, found.begin, at);
    taken_ += data;
  }

  // Counts a picture that has been taken, which begins and ends at these indices.
  void count(const Planes& planes, const Header& header, size_t begin, size_t end) {
    const uint64_t blocks = planes.rows() * header.row_blocks();
    left_ -= blocks;
    parts_.blocks = std::max(parts_.blocks, blocks);
    parts_.taken.emplace_back(begin, end);
    done_ = end;
  }

  const Kernel& kernel_;
  std::span<const uint8_t> data_;
  const Inside* inside_;
  // What is still allowed: blocks, visits of blocks, as those that a decoder allows, and bytes of scans that are read.
  // Pictures that cannot be redone take part, so that they cannot ask for much work either.
  uint64_t left_, visits_, unread_;
  size_t done_ = 0;  // the data before is in the parts
  uint64_t taken_ = 0;  // bytes of the scans that were taken
  Parts parts_;
  Side side_;
  std::vector<uint8_t> redone_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

class Joiner {
 public:
  Joiner(const Kernel& kernel, std::span<const uint8_t> rest, std::span<const uint8_t> coded, uint64_t size,
         uint64_t blocks, uint64_t most)
      : kernel_(kernel),
        rest_(rest),
        side_(coded),
        size_(size),
        blocks_(blocks),
        left_(most),
        visits_(most_visits(most, size)),
        headers_(MAX_HEADERS * size) {
    out_.reserve(size);
  }

  std::vector<uint8_t> run() {
    if (side_.flag(m_->inside, false)) go_on();
    while (side_.flag(m_->more, false)) picture();
    side_.end();
    take(rest_.size());
    if (out_.size() != size_) damaged();
    return std::move(out_);
  }

 private:
  // The picture in which the data begins: its markers are in the rest alone.
  void go_on() {
    const size_t size = side_.number(m_->markers, 0, MAX_SIDE_SIZE);
    if (size > rest_.size() || size > headers_) damaged();
    headers_ -= size;
    Header header;
    markers(rest_.first(size), header);
    rest_ = rest_.subspan(size);
    if (!header.is_sole()) damaged();
    Part part;
    code_start(side_, *m_, header, part.start);
    scan(header, coefficients(header, part), part);
  }

  void picture() {
    take(side_.number(m_->gap, 0, MAX_SIDE_SIZE));
    const size_t back = side_.number(m_->back, 0, MAX_SIDE_SIZE);
    if (back > out_.size() || back < 2 || back - 2 > headers_) damaged();
    headers_ -= back - 2;
    Header header;
    markers(std::span(out_).last(back - 2), header);
    Part part;
    const Planes planes = coefficients(header, part);
    scan(header, planes, part);
    while (!header.is_sole() && side_.flag(m_->scans, false)) {
      const uint32_t between = side_.number(m_->between, 0, MAX_SIDE_SIZE);
      take(between);
      markers(std::span(out_).last(between), header);
      part = {};
      code_part(side_, *m_, header, part);
      scan(header, planes, part);
    }
  }

  // Reads `data`, which has to be markers up to a scan's header.
  static void markers(std::span<const uint8_t> data, Header& header) {
    if (read_markers(data, header) != data.size() || data.empty()) damaged();
  }

  // Reads the part of a picture's first scan, but for its start, and all coefficients.
  Planes coefficients(const Header& header, Part& part) {
    code_part(side_, *m_, header, part);
    const uint32_t rows = rows_of(header, part);
    const uint64_t blocks = rows * header.row_blocks();
    if (blocks > blocks_ || blocks > left_) damaged();
    left_ -= blocks;
    Planes planes(header, rows);
    m_->model.code(kernel_, side_, header, planes);
    return planes;
  }

  void scan(const Header& header, const Planes& planes, const Part& part) {
    const uint64_t visits = planes.rows() * header.row_blocks();
    if (visits > visits_) damaged();
    visits_ -= visits;
    redo_scan(header, planes, part, size_ - out_.size(), out_);
  }

  // Moves bytes from the front of the rest to the output.
  void take(size_t size) {
    if (!move_front(rest_, size, out_, size_)) damaged();
  }

  const Kernel& kernel_;
  std::span<const uint8_t> rest_;
  Side side_;
  // Bytes of all data; blocks of a picture; and what is still allowed: blocks, visits of blocks, bytes of headers.
  uint64_t size_, blocks_, left_, visits_, headers_;
  std::vector<uint8_t> out_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

}  // namespace

std::optional<Parts> split(const Kernel& kernel, std::span<const uint8_t> data, const Inside* inside, uint64_t most) {
  return Splitter(kernel, data, inside, most).run();
}

std::vector<uint8_t> join(const Kernel& kernel, std::span<const uint8_t> rest, std::span<const uint8_t> coded,
                          uint64_t size, uint64_t blocks, uint64_t most) {
  return Joiner(kernel, rest, coded, size, blocks, most).run();
}

}  // namespace nncomp::jpeg
