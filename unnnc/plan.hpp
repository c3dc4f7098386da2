// How a block's content comes from its payload: docs/format.md, section 6.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bytes.hpp"
#include "container.hpp"
#include "stage/stage.hpp"

namespace nncomp::unnnc {

// A stream: coded in some way, or joined by a filter from streams below it. Views are into the block.
struct Part {
  uint64_t size = 0;  // bytes

  std::vector<View> payloads;    // of a coded one, one a lane; of a stored one, itself
  std::optional<Mixing> mixing;  // how the adaptive stage codes it; none: it is stored
  bool network = false;          // whether the network takes part beside the stage
  bool primed = false;           // whether it goes on from the frame's prime

  std::vector<Part> below;  // of a joined one; else none
  int filter = 0;           // among FILTERS
  View side;                // what the filter keeps beside the streams
};

// What of a block's content is in the literals of earlier blocks of its frame.
struct Copies {
  std::vector<uint64_t> sources;  // how many blocks back they are, ascending
  Part stream;                    // what is copied to where (csrc/far/join.hpp)
};

struct Plan {
  Part literals;  // what is joined: the content, or with copies what of it is not copied
  std::optional<Copies> copies;
};

// The plan of a block. Throws FormatError for all that the format does not allow: what it says of sizes is within the
// limits.
Plan read_plan(const Block& block, const Header& header);

// visit(part) for a part and all below it, in the order of the file.
template <class Visit>
void each(const Part& part, Visit visit) {
  visit(part);
  for (const Part& one : part.below) each(one, visit);
}

// The sizes of the parts right below it.
std::vector<uint64_t> sizes_below(const Part& part);

}  // namespace nncomp::unnnc
