// The order of a byte step, where the stage knows the bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "block/job.hpp"
#include "coder/coder.hpp"
#include "kernels/kernel.hpp"
#include "network/layer.hpp"
#include "stage/stage.hpp"

namespace nncomp {

// How many lanes have a byte of step t: shorter lanes come last.
inline uint32_t lanes_at(const mix::Shared& s, size_t t) {
  uint32_t count = s.lanes;
  while (count > 0 && s.lane[count - 1].size <= t) --count;
  return count;
}

// Before the first step.
inline void start_lanes(const mix::Shared& s, const Kernel& kernel) {
  for (uint32_t j = 0; j < lanes_at(s, 0); ++j) kernel.stage->start(s, s.lane[j], true);
}

// Reads a byte that is known: what an encoder would write of it is of no use.
inline void read_byte(const Kernel& kernel, const mix::Shared& s, mix::Lane& l, const Distribution* network,
                      uint8_t byte) {
  uint8_t waste[MAX_BYTES_PER_SYMBOL];
  Encoder idle{.out = waste};
  kernel.stage->encode(s, l, network, idle, byte);
}

// Steps `from` … `to` − 1 of all lanes; lane j's byte of step t is coded by code(j, t).
template <class Code>
void mix_steps(const mix::Shared& s, const Kernel& kernel, size_t from, size_t to, Code code) {
  for (size_t t = from; t < to; ++t) {
    const uint32_t count = lanes_at(s, t);
    for (uint32_t j = 0; j < count; ++j) code(j, t);
    kernel.stage->update_rest(s, count);
    // The next byte's buckets are on their way while this one's are updated.
    for (uint32_t j = 0; j < lanes_at(s, t + 1); ++j) kernel.stage->start(s, s.lane[j], false);
    kernel.stage->update_tables(s, 0, s.shape.contexts, count);
  }
}

// Likewise of the only lane, code(t), on this thread, with reports.
template <class Code>
void run_alone(const mix::Shared& s, const Kernel& kernel, size_t from, size_t to, const Progress& progress,
               Code code) {
  Job job(1, progress);
  job.run([&](int) {
    for (size_t t = from; t < to;) {
      const size_t end = std::min(to, t + MAX_CHUNK);
      mix_steps(s, kernel, t, end, [&](uint32_t, size_t i) { code(i); });
      if (!job.advance(end - t)) return;
      t = end;
    }
  });
}

}  // namespace nncomp
