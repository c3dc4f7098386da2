// Copies from preceding blocks, found in bounded memory and taken out (docs/format.md, section 6).
//
// Content is looked at through a rolling hash of the last 64 bytes ("gear": a shift and an addition a byte). Where its
// upper bits are zero, which the content decides, a place is sampled: what is kept of the past is looked up there, and
// compared. So 15 of 16 bytes cost no access to memory, and whoever is moved is found all the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::far {

// Content without what is copied from earlier.
struct Split {
  std::vector<uint32_t> sources;  // how many blocks back those are that are copied from, ascending, each 1 or more
  std::vector<uint8_t> copies;    // what join needs to put the copies back
  std::vector<uint8_t> literals;  // the rest of the content
};

struct Limits {
  uint64_t reach;    // bytes of literals that are held, 1 … 2^31
  uint64_t least;    // bytes of a copy, at least 1
  uint64_t share;    // a block is split where at least 1/share of it is copied, at least 1
  uint64_t sources;  // blocks that one block may copy from, at most; at least 1
};

class Finder {
 public:
  explicit Finder(const Limits& limits);

  // None where it does not pay.
  std::optional<Split> split(std::span<const uint8_t> content) const;

  // Appends the literals of the next block; the caller keeps these bytes for as long as they are held. Returns how many
  // of the last blocks are held now: those that the next block can copy from.
  size_t add(std::span<const uint8_t> literals);

 private:
  struct Held {
    uint64_t number;
    uint64_t start;  // its address, counted over all literals there were
    std::span<const uint8_t> literals;
  };
  struct Copy {
    size_t at, size;  // in the content
    uint64_t block;  // number of the block
    size_t from;  // in its literals
  };

  std::vector<Copy> find(std::span<const uint8_t> content) const;
  std::optional<Copy> longest(std::span<const uint8_t> content, size_t first, size_t end, uint64_t hash) const;
  void keep_the_best(std::vector<Copy>& copies) const;
  const Held* held_at(uint64_t address) const;

  Limits limits_;
  uint64_t end_ = 0;  // address behind the last literal
  uint64_t count_ = 0;  // blocks so far
  std::deque<Held> held_;
  std::vector<uint32_t> table_;  // by hash: address behind a sampled window, mod 2^32; stale ones do no harm
};

}  // namespace nncomp::far
