// The adaptive stage after reading some bytes: made once, and copied for each text that may follow them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "block/job.hpp"
#include "block/output.hpp"
#include "kernels/kernel.hpp"
#include "stage/stage.hpp"

namespace nncomp {

class PrimedStage {
 public:
  // For blocks of `room` bytes that begin with `known`, which is shorter; one lane, no network.
  PrimedStage(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> known, size_t room,
              const Progress& progress);

  size_t left() const { return bytes_.size() - known_; }  // bytes that may follow, at most

  // What each byte of `data` costs behind those that are known, in 1/2^COST_BITS of a bit; out: (bytes). There is left
  // room for it. For any number of threads at a time.
  void costs(std::span<const uint8_t> data, uint32_t* out, const Progress& progress) const;

  // Reads `data`, which is shorter than what is left, on; out: its costs. Not while there is any other use.
  // After an exception it is of no use.
  void read(std::span<const uint8_t> data, uint32_t* out, const Progress& progress);

 private:
  const Kernel& kernel_;
  size_t known_;
  std::vector<uint8_t> bytes_;  // those known, and zeros
  Stage stage_;
  Output read_;
};

}  // namespace nncomp
