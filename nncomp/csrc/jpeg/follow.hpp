// Follows pictures into the data that comes next, where a long stream of data is cut into pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "jpeg/scan.hpp"

namespace nncomp::jpeg {

// Data that begins with a row of units of a sequential picture's only scan.
struct Inside {
  std::vector<uint8_t> markers;  // what has to be known of the picture: those up to the scan's header, behind SOI
  Start start;
  uint8_t byte = 0;  // the one in which the row begins, if that is not in the data
};

struct Followed {
  size_t size;    // bytes of the data before
  Inside inside;  // where the data behind them begins
};

// Where to cut data that ends inside of the picture that begins at `begin`, or in which the data is `inside` from its
// first byte on: in front of the last row of units that begins. None if the picture cannot be followed.
std::optional<Followed> follow(std::span<const uint8_t> data, size_t begin, const Inside* inside);

}  // namespace nncomp::jpeg
