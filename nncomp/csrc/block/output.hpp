// What blocks are coded into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "block/block.hpp"
#include "coder/coder.hpp"
#include "coder/cost.hpp"

namespace nncomp {

// An encoder and its growing payload, and what each symbol costs.
struct Output {
  Encoder coder;
  Payload payload;
  uint64_t counted = spent(coder);  // of what is spent, where costs are asked for

  void make_room(size_t symbols) {
    const size_t room = coder.size + symbols * MAX_BYTES_PER_SYMBOL;
    if (payload.size() < room) payload.resize(2 * room);
    coder.out = payload.data();
  }

  // What the last symbol has cost.
  uint32_t count() {
    const uint64_t before = counted;
    counted = spent(coder);
    return uint32_t(counted - before);
  }

  Payload finish(bool any) {  // any: whether the lane has symbols
    if (any) {
      payload.resize(coder.size + 1);
      coder.out = payload.data();
      coder.finish();
    }
    payload.resize(coder.size);
    return std::move(payload);
  }
};

}  // namespace nncomp
