// Reads plans, which say how a block's content comes from its payload: docs/format.md, section 6.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bytes.hpp"
#include "container.hpp"
#include "stage/stage.hpp"

namespace nncomp::unnnc {

constexpr uint64_t MAX_BACK = 1 << 14;  // how many blocks back those may be that a block copies from

// A stream: stored, coded, or joined by a filter from the streams below it. Views point into the block.
struct Part {
  uint64_t size = 0;  // bytes

  std::vector<View> payloads;    // one for each lane; of a stored stream the stream itself; none if it is joined
  std::optional<Mixing> mixing;  // how the adaptive stage codes it; none: it is stored or joined
  bool network = false;          // whether the network takes part beside the stage
  bool primed = false;           // whether the predictors have read the frame's prime before

  std::vector<Part> below;  // the streams that it is joined from; empty unless it is joined
  int filter = 0;           // what joins them: an index in FILTERS
  View side;                // what the filter keeps beside the streams
};

// The copies in a block from earlier blocks of its frame.
struct Copies {
  std::vector<uint64_t> sources;  // how many blocks back they are, 1 … MAX_BACK, ascending; 1 … 16 of them
  Part stream;                    // the list of copies (csrc/far/join.hpp)
};

struct Plan {
  Part literals;  // the content, or with copies the bytes of it that are not copied; always joined, if by no filter
  std::optional<Copies> copies;
};

// Reads the plan of a block. Throws FormatError for what the format does not allow, so all sizes in a plan are within
// the limits.
Plan read_plan(const Block& block, const Header& header);

// Calls visit(part) for a part and all below it, in the order of the file.
template <class Visit>
void each(const Part& part, Visit visit) {
  visit(part);
  for (const Part& one : part.below) each(one, visit);
}

// The sizes of the parts directly below.
std::vector<uint64_t> sizes_below(const Part& part);

}  // namespace nncomp::unnnc
