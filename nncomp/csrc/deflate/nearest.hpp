// Finds all matches at each position: for each length the one with the least distance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"

namespace nncomp::deflate {

// Binary search trees of earlier positions, one for each hash of three bytes, sorted by the bytes that follow. Later
// positions are nearer to the root, so that walking down meets the nearest match of each length first.
class Nearest {
 public:
  explicit Nearest(std::span<const uint8_t> plain);

  // Appends the matches at position at() to `found`, each longer and with a greater distance than the one before it:
  // no nearer match is longer than the one before. Then at() is one more. Throws FormatError if it takes too long.
  void next(std::vector<Token>& found);

  uint32_t at() const { return at_; }

 private:
  std::span<const uint8_t> plain_;
  std::vector<uint32_t> roots_;     // [hash]: the root's position + 1; 0: none
  std::vector<uint32_t> children_;  // [2·position in the window]: position + 1 of the smaller child, then the larger
  uint32_t at_ = 0;
  uint64_t budget_;  // steps that are left
};

}  // namespace nncomp::deflate
