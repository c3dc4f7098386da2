#include "jpeg/scan.hpp"

#include <algorithm>

#include "jpeg/bits.hpp"

namespace nncomp::jpeg {
namespace {

constexpr int32_t MOST = (1 << 14) - 1;      // magnitude of a coefficient that is undone, at most
constexpr uint32_t END_OF_BLOCK = 0, SIXTEEN_ZEROS = 0xF0;  // symbols without a coefficient: EOB and ZRL
constexpr uint32_t LONGEST_RUN = 0x7FFF;     // blocks of an end-of-band run, at most
constexpr size_t MOST_CORRECTIONS = 937;     // with more correction bits pending, libjpeg ends an end-of-band run

bool fits(int32_t value) { return value >= -MOST && value <= MOST; }

// Calls use(index of the component in the scan, coefficients) for each block of a unit, which is counted from the first
// one in `planes`, until it returns false. Returns whether it never did.
template <class Planes, class Use>
bool visit(const Header& header, Planes& planes, uint32_t unit, Use use) {
  const Scan& scan = header.scan;
  const uint32_t row = unit / header.scan_wide(), column = unit % header.scan_wide();
  if (scan.count == 1) return use(size_t(0), planes.block(size_t(scan.component[0]), row, column));
  for (size_t i = 0; i < size_t(scan.count); ++i) {
    const size_t number = size_t(scan.component[i]);
    const Component& c = header.component[number];
    for (uint32_t y = 0; y < c.down; ++y) {
      for (uint32_t x = 0; x < c.across; ++x) {
        if (!use(i, planes.block(number, row * c.down + y, column * c.across + x))) return false;
      }
    }
  }
  return true;
}

// Whether a restart marker comes before this unit.
bool is_start(const Header& header, uint32_t unit) {
  return header.interval > 0 && unit > 0 && unit % header.interval == 0;
}

// ---- From bits ----

// Decodes the blocks of a scan. The functions for a block return false if its data is invalid or cannot be redone.
class Undo {
 public:
  Undo(const Header& header, const Plain& plain, const Start& start)
      : header_(header), scan_(header.scan), in_(plain, start.bits), before_(start.dc) {}

  // Reads a unit into `planes`, in which it has the number `place`, behind the restart marker if one is due. The bits
  // before all such markers have to be the same.
  template <class Planes>
  bool unit(Planes& planes, uint32_t place, uint32_t unit) {
    if (is_start(header_, unit)) {
      if (!in_.restart(padding_, known_)) return false;
      before_.fill(0);
      run_ = 0;
    }
    return visit(header_, planes, place, [&](size_t i, int16_t* b) { return block(i, b); });
  }

  const BitReader& in() const { return in_; }
  bool between_runs() const { return run_ == 0; }
  uint32_t padding() const { return padding_; }  // of restart markers; 1 if none has told
  const std::array<int32_t, MAX_COMPONENTS>& before() const { return before_; }

 private:
  bool block(size_t i, int16_t* b) {
    if (!header_.progressive) return dc(i, b) && sequential(i, b);
    if (scan_.from == 0) return scan_.high == 0 ? dc(i, b) : dc_again(b);
    return scan_.high == 0 ? first(i, b) : again(i, b);
  }

  // The first scan of a DC coefficient: a difference to the one before.
  bool dc(size_t i, int16_t* b) {
    const int length = in_.symbol(header_.code[0][size_t(scan_.dc[i])]);
    if (length < 0 || length > 15) return false;
    const int32_t value = before_[i] + in_.number(uint32_t(length));
    if (!fits(value) || !fits(value * (1 << scan_.low)) || !in_.good()) return false;
    before_[i] = value;
    b[0] = int16_t(value * (1 << scan_.low));
    return true;
  }

  // One more bit of a DC coefficient.
  bool dc_again(int16_t* b) {
    b[0] = int16_t(b[0] | int32_t(in_.take(1)) << scan_.low);
    return in_.good();
  }

  // All AC coefficients of a block of a sequential picture.
  bool sequential(size_t i, int16_t* b) {
    const Code& code = header_.code[1][size_t(scan_.ac[i])];
    for (uint32_t k = 1; k < BLOCK; ++k) {
      const int symbol = in_.symbol(code);
      if (symbol < 0) return false;
      if (uint32_t(symbol) == END_OF_BLOCK) break;
      k += uint32_t(symbol) >> 4;
      const uint32_t length = symbol & 15;
      if (k >= BLOCK || length == 15) return false;
      if (length == 0) {
        if (uint32_t(symbol) != SIXTEEN_ZEROS) return false;
        continue;
      }
      b[NATURAL[k]] = int16_t(in_.number(length));
    }
    return in_.good();
  }

  // The first scan of AC coefficients in a progressive picture.
  bool first(size_t i, int16_t* b) {
    if (run_ > 0) {
      --run_;
      return true;
    }
    const Code& code = header_.code[1][size_t(scan_.ac[i])];
    for (uint32_t k = uint32_t(scan_.from); k <= uint32_t(scan_.to); ++k) {
      const int symbol = in_.symbol(code);
      if (symbol < 0) return false;
      const uint32_t zeros = uint32_t(symbol) >> 4, length = symbol & 15;
      if (length == 0 && zeros < 15) {
        run_ = (1u << zeros) + in_.take(zeros) - 1;
        break;
      }
      k += zeros;
      if (k > uint32_t(scan_.to)) return false;
      if (length == 0) continue;
      const int32_t value = in_.number(length) * (1 << scan_.low);
      if (!fits(value)) return false;
      b[NATURAL[k]] = int16_t(value);
    }
    return in_.good();
  }

  // Reads one more bit of each coefficient from k on that is not 0, and passes `zeros` that are. Returns the index of
  // the zero behind these, or the one behind the scan's last coefficient.
  uint32_t correct(int16_t* b, uint32_t k, uint32_t zeros) {
    for (; k <= uint32_t(scan_.to); ++k) {
      int16_t& value = b[NATURAL[k]];
      if (value == 0) {
        if (zeros-- == 0) break;
      } else if (in_.take(1) && !((value < 0 ? -value : value) >> scan_.low & 1)) {
        value = int16_t(value + (value < 0 ? -(1 << scan_.low) : 1 << scan_.low));
      }
    }
    return k;
  }

  // A later scan of AC coefficients: one more bit of those that are not 0, and new ones of magnitude 1.
  bool again(size_t i, int16_t* b) {
    const Code& code = header_.code[1][size_t(scan_.ac[i])];
    uint32_t k = uint32_t(scan_.from);
    while (run_ == 0 && k <= uint32_t(scan_.to)) {
      const int symbol = in_.symbol(code);
      if (symbol < 0) return false;
      const uint32_t zeros = uint32_t(symbol) >> 4, length = symbol & 15;
      if (length > 1 || (length == 0 && zeros < 15)) {
        if (length > 1) return false;
        run_ = (1u << zeros) + in_.take(zeros);
        break;
      }
      const int32_t value = length == 0 ? 0 : in_.take(1) ? 1 << scan_.low : -(1 << scan_.low);
      k = correct(b, k, zeros);
      if (k > uint32_t(scan_.to)) return false;
      b[NATURAL[k++]] = int16_t(value);
    }
    if (run_ > 0) {
      correct(b, k, BLOCK);
      --run_;
    }
    return in_.good();
  }

  const Header& header_;
  const Scan& scan_;
  BitReader in_;
  std::array<int32_t, MAX_COMPONENTS> before_;  // DC
  uint32_t run_ = 0;  // blocks to come of an end-of-band run: they have no more new coefficients
  uint32_t padding_ = 1;
  bool known_ = false;  // whether a marker has told the padding
};

// ---- To bits ----

// Encodes the blocks of a scan as libjpeg does: end-of-band runs are as long as possible.
class Redo {
 public:
  Redo(const Header& header, const Start& start, size_t limit, std::vector<uint8_t>& out)
      : header_(header), scan_(header.scan), out_(out, limit, start.bits), before_(start.dc) {}

  BitWriter& out() { return out_; }

  void restart(uint32_t padding, uint32_t number) {
    end_run();
    out_.restart(padding, number);
    before_.fill(0);
  }

  bool block(size_t i, const int16_t* b) {
    if (!header_.progressive || (scan_.from == 0 && scan_.high == 0)) dc(i, b[0]);
    if (!header_.progressive) {
      sequential(i, b);
    } else if (scan_.from > 0) {
      code_ = &header_.code[1][size_t(scan_.ac[i])];
      scan_.high == 0 ? first(b) : again(b);
    } else if (scan_.high > 0) {
      out_.put(uint32_t(b[0] >> scan_.low), 1);
    }
    return true;
  }

  // Writes the end-of-band run, if there is one, and the corrections of its blocks.
  void end_run() {
    if (run_ == 0) return;
    const uint32_t length = uint32_t(std::bit_width(run_)) - 1;
    out_.symbol(*code_, length << 4);
    out_.put(run_, length);
    run_ = 0;
    put_all(corrections_);
  }

 private:  // the functions for a block, as those of Undo
  void dc(size_t i, int32_t value) {
    value >>= scan_.low;
    const int32_t difference = value - before_[i];
    before_[i] = value;
    const uint32_t length = length_of(difference);
    if (length > 15) damaged();
    out_.symbol(header_.code[0][size_t(scan_.dc[i])], length);
    out_.number(difference, length);
  }

  void sequential(size_t i, const int16_t* b) {
    const Code& code = header_.code[1][size_t(scan_.ac[i])];
    uint32_t zeros = 0;
    for (int k = 1; k < BLOCK; ++k) {
      const int32_t value = b[NATURAL[k]];
      if (value == 0) {
        ++zeros;
        continue;
      }
      for (; zeros > 15; zeros -= 16) out_.symbol(code, SIXTEEN_ZEROS);
      const uint32_t length = length_of(value);
      if (length > 14) damaged();
      out_.symbol(code, zeros << 4 | length);
      out_.number(value, length);
      zeros = 0;
    }
    if (zeros > 0) out_.symbol(code, END_OF_BLOCK);
  }

  void first(const int16_t* b) {
    uint32_t zeros = 0;
    for (int k = scan_.from; k <= scan_.to; ++k) {
      const int32_t value = b[NATURAL[k]] / (1 << scan_.low);
      if (value == 0) {
        ++zeros;
        continue;
      }
      end_run();
      for (; zeros > 15; zeros -= 16) out_.symbol(*code_, SIXTEEN_ZEROS);
      const uint32_t length = length_of(value);
      if (length > 15) damaged();
      out_.symbol(*code_, zeros << 4 | length);
      out_.number(value, length);
      zeros = 0;
    }
    if (zeros > 0 && ++run_ == LONGEST_RUN) end_run();
  }

  void again(const int16_t* b) {
    int last = 0;  // the last coefficient that is new in this scan
    std::array<uint32_t, BLOCK> magnitude;
    for (int k = scan_.from; k <= scan_.to; ++k) {
      const int32_t value = b[NATURAL[k]];
      magnitude[size_t(k)] = uint32_t(value < 0 ? -value : value) >> scan_.low;
      if (magnitude[size_t(k)] == 1) last = k;
    }
    uint32_t zeros = 0;
    std::vector<uint8_t>& bits = pending_;
    bits.clear();
    for (int k = scan_.from; k <= scan_.to; ++k) {
      const uint32_t value = magnitude[size_t(k)];
      if (value == 0) {
        ++zeros;
        continue;
      }
      for (; zeros > 15 && k <= last; zeros -= 16) {
        end_run();
        out_.symbol(*code_, SIXTEEN_ZEROS);
        put_all(bits);
      }
      if (value > 1) {
        bits.push_back(value & 1);
        continue;
      }
      end_run();
      out_.symbol(*code_, zeros << 4 | 1);
      out_.put(b[NATURAL[k]] > 0, 1);
      put_all(bits);
      zeros = 0;
    }
    if (zeros == 0 && bits.empty()) return;
    corrections_.insert(corrections_.end(), bits.begin(), bits.end());
    if (++run_ == LONGEST_RUN || corrections_.size() > MOST_CORRECTIONS) end_run();
  }

  void put_all(std::vector<uint8_t>& bits) {
    for (const uint8_t bit : bits) out_.put(bit, 1);
    bits.clear();
  }

  const Header& header_;
  const Scan& scan_;
  BitWriter out_;
  std::array<int32_t, MAX_COMPONENTS> before_;
  const Code* code_ = nullptr;
  uint32_t run_ = 0;  // blocks of the end-of-band run that has not been written yet
  std::vector<uint8_t> corrections_, pending_;  // correction bits of these blocks, and of the block at hand
};

// Stands for the planes where coefficients are read and not kept.
struct OneBlock {
  int16_t data[BLOCK];
  int16_t* block(size_t, uint32_t, uint32_t) { return data; }
};

}  // namespace

Planes::Planes(const Header& header, uint32_t rows) : rows_(rows) {
  for (size_t i = 0; i < size_t(header.count); ++i) {
    const Component& c = header.component[i];
    wide_[i] = c.wide;
    data_[i].resize(size_t(rows) * c.down * c.wide * BLOCK);
  }
}

uint32_t Start::unit(const Header& header) const { return row * header.row_units(); }

Plain plain_of(std::span<const uint8_t> data, const Header& header, const Start& start, uint8_t byte) {
  const uint32_t unit = start.unit(header);
  const uint32_t restarts = header.interval > 0 && unit > 0 ? (unit - 1) / header.interval : 0;
  return unstuffed(data, header.interval > 0, restarts, std::span(&byte, start.bits > 0));
}

Reach reach_of(const Plain& plain, const Header& header, const Start& start) {
  Undo undo(header, plain, start);
  const uint32_t first = start.unit(header), units = header.scan_units(), row = header.row_units();
  OneBlock planes;
  Reach reach;
  for (uint32_t unit = first; unit < units; ++unit) {
    if (unit > first && unit % row == 0) {
      reach.next_at = undo.in().position();
      reach.next = {unit / row, uint32_t(reach.next_at & 7), undo.before()};
    }
    if (!undo.unit(planes, unit, unit)) break;
    reach.units = unit + 1 - first;
    reach.end = undo.in().position();
  }
  return reach;
}

bool undo_scan(const Plain& plain, const Header& header, Planes& planes, Part& part) {
  Undo undo(header, plain, part.start);
  const uint32_t first = part.start.unit(header);
  for (uint32_t unit = 0; unit < part.units; ++unit) {
    if (!undo.unit(planes, unit, first + unit)) return false;
  }
  part.padding = undo.padding();
  part.tail = undo.in().peek(undo.in().to_byte());
  return undo.between_runs();
}

void redo_scan(const Header& header, const Planes& planes, const Part& part, size_t limit, std::vector<uint8_t>& out) {
  Redo redo(header, part.start, limit, out);
  const uint32_t first = part.start.unit(header);
  for (uint32_t unit = 0; unit < part.units; ++unit) {
    if (is_start(header, first + unit)) redo.restart(part.padding, (first + unit) / header.interval - 1);
    visit(header, planes, unit, [&](size_t i, const int16_t* b) { return redo.block(i, b); });
  }
  redo.end_run();
  redo.out().put(part.tail, redo.out().to_byte());
}

}  // namespace nncomp::jpeg
