// Finds what a block repeats of earlier blocks, in bounded memory, and takes it out (docs/format.md, section 6).
//
// A rolling hash ("gear": one shift and one addition for each byte) covers the last 64 bytes. Only places where its
// upper bits are zero, about one in 16, are looked up in a table of earlier such places, and compared. As the content
// alone decides which places these are, a repeat is found wherever it has moved to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace nncomp::far {

// A block's content, split into copies from earlier blocks and the rest.
struct Split {
  std::vector<uint32_t> sources;  // how many blocks back each block that is copied from is, ascending, 1 or more
  std::vector<uint8_t> copies;    // the list of copies, as `join` reads it
  std::vector<uint8_t> literals;  // the bytes that are not copied
};

struct Head {
  size_t start, end;  // in the content
};

struct Limits {
  uint64_t reach;    // bytes of literals that are held at most, 1 … 2^31
  uint64_t least;    // bytes of a copy at least, 1 or more
  uint64_t share;    // a block is split if at least 1/share of it is copied; 1 or more
  uint64_t sources;  // how many blocks a block may copy from, 1 or more
  uint64_t blocks;   // how many blocks back these may be, 1 or more
};

// Holds the literals of the last blocks, up to the limits, and finds copies of them.
class Finder {
 public:
  explicit Finder(const Limits& limits);

  // Splits the content of the next block; none if too little of it is copied. No copy ends in one of `heads`, from
  // its second byte to its end: what is behind them is of no use without them. They are ascending and do not overlap.
  std::optional<Split> split(std::span<const uint8_t> content, std::span<const Head> heads) const;

  // Appends the literals of a block. They are not copied: the caller keeps them in memory while they are held. Returns
  // how many of the last blocks are held now.
  size_t add(std::span<const uint8_t> literals);

 private:
  struct Held {
    uint64_t number;  // of the block, the first one being 0
    uint64_t start;  // address of its first literal: how many literals all blocks before it had
    std::span<const uint8_t> literals;
  };
  struct Copy {
    size_t at, size;  // in the content
    uint64_t block;  // number of its source
    size_t from;  // offset in the literals of that
  };

  std::vector<Copy> find(std::span<const uint8_t> content) const;
  std::optional<Copy> longest(std::span<const uint8_t> content, size_t first, size_t end, uint64_t hash) const;
  void spare(std::vector<Copy>& copies, std::span<const Head> heads) const;
  void keep_the_best(std::vector<Copy>& copies) const;
  const Held* held_at(uint64_t address) const;

  Limits limits_;
  uint64_t end_ = 0;  // address after the last literal
  uint64_t count_ = 0;  // blocks so far
  std::deque<Held> held_;
  // By hash: address of the end of a window, mod 2^32. As bytes are compared, entries that are too old do no harm.
  std::vector<uint32_t> table_;
};

}  // namespace nncomp::far
