#include "gif/split.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>

#include "append.hpp"
#include "coder/side.hpp"
#include "gif/lzw.hpp"

namespace nncomp::gif {
namespace {

constexpr size_t PIECE = 255;      // bytes of a piece at most
constexpr size_t MIN_CODES = 64;  // bytes of a picture's codes that are taken
constexpr uint64_t MAX_READ = 16;  // bytes of pieces that are read, for each byte of data: false files may overlap
constexpr size_t SIGNATURE = 6, SCREEN = 7, DESCRIPTOR = 9;  // bytes of a file's beginning, and of a picture's
constexpr uint8_t EXTENSION = 0x21, PICTURE = 0x2C;
constexpr uint8_t HAS_COLOURS = 0x80, IS_INTERLACED = 0x40;

bool has_signature(std::span<const uint8_t> data) {
  return data.size() >= SIGNATURE + SCREEN &&
         (std::memcmp(data.data(), "GIF89a", SIGNATURE) == 0 || std::memcmp(data.data(), "GIF87a", SIGNATURE) == 0);
}

// The bytes of the table of colours that flags tell of.
size_t colours(uint8_t flags) { return flags & HAS_COLOURS ? size_t(6) << (flags & 7) : 0; }

uint32_t word(const uint8_t* at) { return uint32_t(at[0] | at[1] << 8); }

// A picture's codes as they are in a file: in pieces, each behind its size. All but the last one are of one size, and
// an empty one ends them.
struct Pieces {
  std::vector<uint8_t> codes;
  uint32_t size = 0;  // of a piece
  size_t stored = 0;  // bytes in the file
  bool same = true;   // whether they are like that
};

// Calls use(place) for the rows of a picture that is interlaced, in the order in which they come.
template <class Use>
void for_interlaced(uint32_t rows, Use use) {
  for (const auto& [first, step] : {std::pair(0u, 8u), {4u, 8u}, {2u, 4u}, {1u, 2u}}) {
    for (uint32_t row = first; row < rows; row += step) use(row);
  }
}

// How many runs of codes a picture may have in `size` bytes: the table may be cleared after one code, but is not.
uint64_t most_runs(uint64_t size) { return 1 + size / 64; }

// The adaptive probabilities of all decisions in the side.
struct Models {
  AdaptiveBit more, is_interlaced, starts, again, ends;
  Numbers gap, group, pixels, width, run, tail, piece;
};

struct Picture {
  size_t gap = 0;  // bytes of the rest up to its codes
  uint32_t group = 0, pixels = 0;
  uint32_t width = 0;  // of a picture that is interlaced; 0: it is not
  Codes codes;
  uint32_t piece = 0;  // bytes of a piece of the codes
};

// Passes a picture to the side, or sets it to what is read, with at most `most` runs.
void code(Side& side, Models& m, Picture& p, uint64_t most) {
  p.gap = side.number(m.gap, uint32_t(p.gap), MAX_SIDE_SIZE);
  p.group = side.number(m.group, p.group, GROUPS - 1);
  p.pixels = side.number(m.pixels, p.pixels, MAX_SIDE_SIZE);
  if (side.flag(m.is_interlaced, p.width > 0)) p.width = 1 + side.number(m.width, p.width - 1, 0xFFFF);
  p.codes.starts = side.flag(m.starts, p.codes.starts);
  std::vector<uint32_t>& runs = p.codes.runs;
  for (size_t i = 0; side.flag(m.again, i < runs.size()); ++i) {
    if (side.reads()) {
      if (i == most) damaged();
      runs.push_back(0);
    }
    runs[i] = side.number(m.run, runs[i], MAX_SIDE_SIZE);
  }
  p.codes.ends = side.flag(m.ends, p.codes.ends);
  p.codes.tail = side.number(m.tail, p.codes.tail, 127);
  p.piece = 1 + side.number(m.piece, p.piece - 1, PIECE - 1);
}

struct Taken {
  Picture picture;
  uint32_t width;  // as the file says
  std::vector<uint8_t> pixels;
};

class Splitter {
 public:
  Splitter(std::span<const uint8_t> data, uint64_t most) : data_(data), left_(most), unread_(MAX_READ * data.size()) {}

  std::optional<Parts> run() {
    for (size_t at = 0; at + SIGNATURE <= data_.size(); ++at) {
      const void* const next = std::memchr(data_.data() + at, 'G', data_.size() - at);
      if (!next) break;
      at = size_t(static_cast<const uint8_t*>(next) - data_.data());
      if (has_signature(data_.subspan(at))) at = file(at) - 1;
    }
    if (taken_.empty()) return std::nullopt;
    append(parts_.rest, data_.subspan(done_));
    put();
    return std::move(parts_);
  }

 private:
  // Takes the pictures of the file that begins at `begin`. Returns where it ends, or is damaged.
  size_t file(size_t begin) {
    size_t at = begin + SIGNATURE + SCREEN + colours(data_[begin + SIGNATURE + 4]);
    const size_t before = done_;
    while (at + 2 < data_.size()) {
      if (data_[at] == PICTURE && at + 1 + DESCRIPTOR < data_.size()) {
        const uint8_t* const descriptor = &data_[at + 1];
        const size_t codes = at + 2 + DESCRIPTOR + colours(descriptor[8]);
        if (codes >= data_.size()) break;
        const auto pieces = pieces_at(codes);
        if (!pieces) break;
        if (pieces->same) picture(descriptor, codes, *pieces);
        at = codes + pieces->stored;
      } else if (data_[at] == EXTENSION) {
        const auto pieces = pieces_at(at + 2);
        if (!pieces) break;
        at += 2 + pieces->stored;
      } else {
        break;
      }
    }
    if (done_ > before) parts_.taken.emplace_back(begin, done_);
    return std::min(std::max(at, begin + SIGNATURE), data_.size());
  }

  // The pieces that begin at an index, whatever their sizes; none if their end is missing.
  std::optional<Pieces> pieces_at(size_t begin) {
    Pieces pieces;
    bool is_last = false;
    for (size_t at = begin; at < data_.size() && unread_ > 0;) {
      const size_t size = data_[at++];
      unread_ -= std::min<uint64_t>(unread_, 1 + size);
      if (size == 0) {
        pieces.stored = at - begin;
        return pieces;
      }
      if (size > data_.size() - at) break;
      if (pieces.size == 0) pieces.size = uint32_t(size);
      pieces.same = pieces.same && !is_last && size <= pieces.size;
      is_last = size < pieces.size;
      append(pieces.codes, data_.subspan(at, size));
      at += size;
    }
    return std::nullopt;
  }

  void picture(const uint8_t* descriptor, size_t start, const Pieces& pieces) {
    const uint32_t bits = data_[start - 1];
    if (pieces.codes.size() < MIN_CODES || bits < MIN_BITS || bits > MAX_BITS) return;
    auto undone = undo(pieces.codes, bits, std::min<uint64_t>(left_, MAX_SIDE_SIZE));
    if (!undone || undone->codes.runs.size() > most_runs(data_.size())) return;
    const uint32_t width = word(descriptor + 4), rows = word(descriptor + 6);
    Taken taken{
        {start - done_, 0, uint32_t(undone->pixels.size()), 0, std::move(undone->codes), pieces.size}, width, {}};
    Picture& p = taken.picture;
    if (descriptor[8] & IS_INTERLACED && width > 0 && size_t(width) * rows == p.pixels) {
      p.width = width;
      taken.pixels.resize(p.pixels);
      const uint8_t* row = undone->pixels.data();
      for_interlaced(rows, [&](uint32_t place) {
        std::copy_n(row, width, &taken.pixels[size_t(place) * width]);
        row += width;
      });
    } else {
      taken.pixels = std::move(undone->pixels);
    }
    append(parts_.rest, data_.subspan(done_, start - done_));
    left_ -= p.pixels;
    done_ = start + pieces.stored;
    taken_.push_back(std::move(taken));
  }

  // Puts the pictures into groups, each width that has most of the pixels into its own, and into the side.
  void put() {
    std::map<uint32_t, uint64_t> widths;  // width → pixels
    for (const Taken& taken : taken_) widths[taken.width] += taken.picture.pixels;
    std::vector<std::pair<uint64_t, uint32_t>> most;
    for (const auto& [width, pixels] : widths) most.emplace_back(pixels, width);
    std::ranges::sort(most, std::greater());
    std::map<uint32_t, uint32_t> groups;  // by width
    for (const auto& [pixels, width] : most) groups.emplace(width, uint32_t(std::min(groups.size(), GROUPS - 1)));
    parts_.pixels.resize(std::min(groups.size(), GROUPS));
    for (Taken& taken : taken_) {
      taken.picture.group = groups[taken.width];
      append(parts_.pixels[taken.picture.group], taken.pixels);
      taken.pixels = {};  // frees them
      side_.flag(m_->more, true);
      code(side_, *m_, taken.picture, most_runs(data_.size()));
    }
    side_.flag(m_->more, false);
    parts_.side = side_.finish();
  }

  std::span<const uint8_t> data_;
  uint64_t left_, unread_;  // pixels that are still allowed, and bytes of pieces that are read
  size_t done_ = 0;  // the data before is in the parts
  std::vector<Taken> taken_;
  Parts parts_;
  Side side_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

class Joiner {
 public:
  Joiner(std::span<const uint8_t> rest, std::span<const uint8_t> side, std::span<const std::span<const uint8_t>> pixels,
         uint64_t size)
      : rest_(rest), side_(side), pixels_(pixels.begin(), pixels.end()), size_(size) {
    out_.reserve(size);
    codes_.reserve(size);
  }

  std::vector<uint8_t> run() {
    while (side_.flag(m_->more, false)) picture();
    side_.end();
    take(rest_.size());
    if (out_.size() != size_) damaged();
    for (const auto& left : pixels_) {
      if (!left.empty()) damaged();
    }
    return std::move(out_);
  }

 private:
  void picture() {
    Picture p;
    code(side_, *m_, p, most_runs(size_));
    take(p.gap);
    if (p.gap == 0 || p.group >= pixels_.size() || p.pixels > pixels_[p.group].size()) damaged();
    const uint32_t bits = out_.back();
    if (bits < MIN_BITS || bits > MAX_BITS) damaged();
    std::span<const uint8_t> pixels = pixels_[p.group].first(p.pixels);
    pixels_[p.group] = pixels_[p.group].subspan(p.pixels);
    if (p.width > 0) {
      if (p.pixels % p.width) damaged();
      rows_.clear();
      rows_.reserve(p.pixels);
      for_interlaced(p.pixels / p.width,
                     [&](uint32_t place) { append(rows_, pixels.subspan(size_t(place) * p.width, p.width)); });
      pixels = rows_;
    }
    codes_.clear();
    redo(pixels, p.codes, bits, size_ - out_.size(), codes_);
    if (codes_.size() + (codes_.size() + p.piece - 1) / p.piece + 1 > size_ - out_.size()) damaged();
    for (std::span<const uint8_t> left(codes_); !left.empty();) {
      const size_t size = std::min<size_t>(left.size(), p.piece);
      out_.push_back(uint8_t(size));
      append(out_, left.first(size));
      left = left.subspan(size);
    }
    out_.push_back(0);
  }

  // Moves bytes from the front of the rest to the output.
  void take(size_t size) {
    if (!move_front(rest_, size, out_, size_)) damaged();
  }

  std::span<const uint8_t> rest_;
  Side side_;
  std::vector<std::span<const uint8_t>> pixels_;  // of each group, those that are left
  uint64_t size_;  // bytes of all data
  std::vector<uint8_t> out_, rows_, codes_;
  std::unique_ptr<Models> m_ = std::make_unique<Models>();
};

}  // namespace

std::optional<Parts> split(std::span<const uint8_t> data, uint64_t most) { return Splitter(data, most).run(); }

std::vector<uint8_t> join(std::span<const uint8_t> rest, std::span<const uint8_t> side,
                          std::span<const std::span<const uint8_t>> pixels, uint64_t size) {
  return Joiner(rest, side, pixels, size).run();
}

}  // namespace nncomp::gif
