// Decodes the Huffman codes of a scan, sequential or progressive (ITU-T T.81, annexes F and G), into coefficients, and
// encodes these again to the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "jpeg/header.hpp"

namespace nncomp::jpeg {

// The coefficients of all components, for some rows of interleaved units.
class Planes {
 public:
  // Rows `first` … `last` − 1 of units, with all coefficients 0.
  Planes(const Header& header, uint32_t first, uint32_t last);

  // Drops all but the first `rows` rows of units.
  void keep(const Header& header, uint32_t rows);

  // The component's first row of blocks that is there, and the one behind the last.
  uint32_t first(size_t component) const { return first_[component]; }
  uint32_t last(size_t component) const { return last_[component]; }

  // The 64 coefficients of a block, [8·row + column]. The block has to be there: this is not checked.
  int16_t* block(size_t component, uint32_t row, uint32_t column) {
    return &data_[component][(size_t(row - first_[component]) * wide_[component] + column) * BLOCK];
  }
  const int16_t* block(size_t component, uint32_t row, uint32_t column) const {
    return const_cast<Planes*>(this)->block(component, row, column);
  }

 private:
  std::array<uint32_t, MAX_COMPONENTS> first_{}, last_{}, wide_{};
  std::array<std::vector<int16_t>, MAX_COMPONENTS> data_;
};

// Which units of a scan are coded, and what its data has beside coefficients.
struct Part {
  uint32_t first = 0, last = 0;  // units first … last − 1
  uint32_t padding = 1;          // the bit that fills bytes in front of restart markers
  uint32_t tail = 0;             // the bits behind the last unit up to a byte boundary, as a number
  uint32_t offset = 0, low = 0;  // bits of the first byte that come before the first unit, and their value
  std::array<int32_t, MAX_COMPONENTS> before{};  // of each component of the scan, the DC before the first unit
};

// Decodes the units of `part` from the beginning of `data` into `planes`, and sets part.padding and part.tail. If a
// sequential scan is cut off, part.last becomes the number of complete units. False if this cannot be redone; true
// does not promise that it can.
bool undo_scan(std::span<const uint8_t> data, const Header& header, Planes& planes, Part& part);

// Appends the data of the units of `part`. Throws FormatError if that is more than `limit` bytes, or a coefficient has
// no code.
void redo_scan(const Header& header, const Planes& planes, const Part& part, size_t limit, std::vector<uint8_t>& out);

}  // namespace nncomp::jpeg
