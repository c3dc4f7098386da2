// A scan's data (ITU-T T.81, annexes F and G): from bits to coefficients, and redone from these.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "jpeg/header.hpp"

namespace nncomp::jpeg {

// The coefficients of rows of units of all components, block by block, each by rows.
class Planes {
 public:
  // Rows `first` … `last` − 1 of units. All are 0.
  Planes(const Header& header, uint32_t first, uint32_t last);

  // Only that many rows of units.
  void keep(const Header& header, uint32_t rows);

  uint32_t first(size_t component) const { return first_[component]; }  // row of blocks
  uint32_t last(size_t component) const { return last_[component]; }
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

// What a scan's data has beside coefficients.
struct Part {
  uint32_t first = 0, last = 0;  // units
  uint32_t padding = 1;          // the bit in front of restart markers
  uint32_t tail = 0;             // the bits behind the last unit, up to a whole byte
  uint32_t offset = 0, low = 0;  // how many bits of the first byte come before the first unit, and these
  std::array<int32_t, MAX_COMPONENTS> before{};  // DC, of the scan's components
};

// Reads units from `part.first` on into `planes`, as many as are whole, up to `part.last`, which becomes where they
// end. Whether redoing them can give the same.
bool undo_scan(std::span<const uint8_t> data, const Header& header, Planes& planes, Part& part);

// Appends the units' data, at most `limit` bytes. Throws FormatError where that is not enough, or a coefficient has no
// code.
void redo_scan(const Header& header, const Planes& planes, const Part& part, size_t limit, std::vector<uint8_t>& out);

}  // namespace nncomp::jpeg
