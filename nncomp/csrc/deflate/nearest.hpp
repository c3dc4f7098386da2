// For each length, the nearest place with so many bytes of the ones that follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deflate/format.hpp"

namespace nncomp::deflate {

// Search trees of the last places, by the bytes from there on; later ones are nearer to the root.
class Nearest {
 public:
  explicit Nearest(std::span<const uint8_t> plain);

  // Goes on to the next place. Appends its matches to `found`, each longer and farther away than the one before it, and
  // as near as one of more than the length before can be. Throws FormatError where all that takes too long.
  void next(std::vector<Token>& found);

  uint32_t at() const { return at_; }

 private:
  std::span<const uint8_t> plain_;
  std::vector<uint32_t> roots_;  // of the places with a hash, plus 1; 0: none
  std::vector<uint32_t> children_;  // of a place: smaller and larger ones, plus 1
  uint32_t at_ = 0;
  uint64_t budget_;  // steps that are left
};

}  // namespace nncomp::deflate
