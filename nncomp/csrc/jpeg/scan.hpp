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

// The coefficients of all components, for the first rows of interleaved units.
class Planes {
 public:
  // `rows` rows of units, with all coefficients 0.
  Planes(const Header& header, uint32_t rows) { keep(header, rows); }

  // Drops all but the first `rows` rows of units.
  void keep(const Header& header, uint32_t rows);

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
  uint32_t rows_ = 0;
  std::array<uint32_t, MAX_COMPONENTS> wide_{};
  std::array<std::vector<int16_t>, MAX_COMPONENTS> data_;
};

// Which units of a scan are coded, and what its data has beside coefficients.
struct Part {
  uint32_t units = 0;    // the first so many of them
  uint32_t padding = 1;  // the bit that fills bytes in front of restart markers
  uint32_t tail = 0;     // the bits behind the last unit up to a byte boundary, as a number
};

// Decodes the units of `part` from the scan's data into `planes`, and sets part.padding and part.tail. If a sequential
// scan is cut off, part.units becomes the number of complete units. False if this cannot be redone; true does not
// promise that it can.
bool undo_scan(const Plain& plain, const Header& header, Planes& planes, Part& part);

// Appends the data of the units of `part`. Throws FormatError if that is more than `limit` bytes, or a coefficient has
// no code.
void redo_scan(const Header& header, const Planes& planes, const Part& part, size_t limit, std::vector<uint8_t>& out);

}  // namespace nncomp::jpeg
