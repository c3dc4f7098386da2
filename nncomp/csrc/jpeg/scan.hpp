// Decodes the Huffman codes of a scan, sequential or progressive (ITU-T T.81, annexes F and G), into coefficients, and
// encodes these again to the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "jpeg/bits.hpp"
#include "jpeg/header.hpp"

namespace nncomp::jpeg {

// The coefficients of all components, for some rows of interleaved units.
class Planes {
 public:
  // `rows` rows of units, with all coefficients 0.
  Planes(const Header& header, uint32_t rows);

  // Rows of units that are there.
  uint32_t rows() const { return rows_; }

  // The 64 coefficients of a block, [8·row + column]. The block has to be there: this is not checked.
  int16_t* block(size_t component, uint32_t row, uint32_t column) {
    return &data_[component][(size_t(row) * wide_[component] + column) * BLOCK];
  }
  const int16_t* block(size_t component, uint32_t row, uint32_t column) const {
    return const_cast<Planes*>(this)->block(component, row, column);
  }

 private:
  uint32_t rows_;
  std::array<uint32_t, MAX_COMPONENTS> wide_{};
  std::array<std::vector<int16_t>, MAX_COMPONENTS> data_;
};

// Where a scan's data begins. That is its first unit, or the first one of a row of interleaved units in a sequential
// picture's only scan, if the data before is elsewhere.
struct Start {
  uint32_t row = 0;  // rows of interleaved units before
  // Bits before in the byte in which the row begins. If there are any, that byte is elsewhere, too.
  uint32_t bits = 0;
  std::array<int32_t, MAX_COMPONENTS> dc{};  // of the last block before, of each component of the scan

  uint32_t unit(const Header& header) const;  // the number of the first unit
};

// Which units of a scan are coded, and what its data has beside coefficients.
struct Part {
  Start start;
  uint32_t units = 0;    // so many of them, the first ones
  uint32_t padding = 1;  // the bit that fills bytes in front of restart markers
  uint32_t tail = 0;     // the bits behind the last unit up to a byte boundary, as a number
};

// The scan's data at the beginning of `data`. `byte` is the one in which it begins, if that is elsewhere.
Plain plain_of(std::span<const uint8_t> data, const Header& header, const Start& start, uint8_t byte = 0);

// How far the data of a sequential picture's only scan goes.
struct Reach {
  uint32_t units = 0;  // whole ones
  uint64_t end = 0;    // where the last of them ends in the plain data, in bits
  Start next;          // the last row of units that begins, if any behind the first does: else next.row is 0
  uint64_t next_at = 0;  // where that is in the plain data, in bits
};
Reach reach_of(const Plain& plain, const Header& header, const Start& start);

// Decodes the units of `part` from the scan's data into `planes`, and sets part.padding and part.tail. False if this
// cannot be redone; true does not promise that it can.
bool undo_scan(const Plain& plain, const Header& header, Planes& planes, Part& part);

// Appends the data of the units of `part`, but for a byte that is elsewhere. Throws FormatError if that is more than
// `limit` bytes, or a coefficient has no code.
void redo_scan(const Header& header, const Planes& planes, const Part& part, size_t limit, std::vector<uint8_t>& out);

}  // namespace nncomp::jpeg
