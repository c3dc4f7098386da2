// A primed state: what codes a block, after reading some bytes; made once, and copied for each block.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "block/block.hpp"

namespace nncomp {

class Ready {
 public:
  // For blocks of up to `room` bytes, those `known` among them, which are fewer.
  Ready(const Predictor& predictor, std::span<const uint8_t> known, size_t room, const Progress& progress);

  // Whether it is what a block of `size` bytes in some lanes begins with.
  bool suits(const Predictor& predictor, size_t size, int lanes) const;

  size_t known() const { return known_.size(); }

  // Lane behind lane as the stage takes them: what is known, and a piece of `data`.
  std::vector<uint8_t> laid_out(std::span<const uint8_t> data, int lanes) const;

  // The stage of a block that is laid out so.
  Stage stage(std::span<const uint8_t> laid_out, int lanes) const { return Stage(stage_, laid_out, lanes); }

  // Lets the network's lanes begin behind what is known.
  void start(Lanes& lanes) const { lanes.begin_as(*lanes_); }

 private:
  const Predictor predictor_;
  const std::vector<uint8_t> known_;
  const size_t room_;
  Stage stage_;
  std::optional<Lanes> lanes_;  // of a network
};

}  // namespace nncomp
