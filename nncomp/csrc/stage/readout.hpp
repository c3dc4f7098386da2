// The readout (docs/numerics.md, section 13): a linear layer on the hidden units of the network's last layer, with
// adaptive weights, so that the network's features are used as this file needs them. Everything is in unnamed
// namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/cells.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

constexpr int32_t USUAL = 128;       // the input of a unit whose distance from its mean is the average one
constexpr int32_t FARTHEST = 240;    // bound of inputs
constexpr int32_t SURE_ERROR = 8192;  // errors in 1/2^18 up to which nothing is learnt

class Readout {
 public:
  // Computes inputs from the units, and updates the units' statistics.
  Readout(const Shared& s, const Lane& l) : units_(s.shape.units), l_(l.reading), rate_(s.tables->readout_rate) {
    if (units_ == 0) return;
    const bool power = (l.t & (l.t - 1)) == 0;  // of two, or 0
    if (l.t < 256 ? power : l.t % 256 == 0) set_scales();
    take(l.activations, s.flip, s.tables->reciprocal[l.t < 255 ? l.t : 255]);
  }

  // The output, which is added to the mean of the mixer's second layer.
  ALWAYS_INLINE int32_t ask(const Bit& bit, uint32_t c1) {
    if (units_ == 0) return 0;
    const uint32_t length = bit.match_class == 0 ? 0 : bit.match_class < 16 ? 1 : 4;
    row_[0] = (length + bit.guess) << 8 | bit.node;
    row_[1] = (8 + (c1 >> 5)) << 8 | bit.node;
    for (int i = 0; i < 2; ++i) weight_[i] = l_.weights + row_[i] * uint32_t(units_);
    gain_[0] = l_.gain + bit.match_row;
    gain_[1] = l_.gain + 4 * LENGTHS + bit.node;
    said_ = clamp_stretch(dot_both(x_, weight_, units_) >> 15);
    return (said_ * ((*gain_[0] + *gain_[1]) >> 1)) >> 16;
  }

  ALWAYS_INLINE void learn(int32_t error) {
    if (units_ == 0 || (error <= SURE_ERROR && error >= -SURE_ERROR)) return;
    for (int i = 0; i < 2; ++i) {
      const int32_t g = *gain_[i] + ((error * said_) >> 14);
      *gain_[i] = g < 0 ? 0 : g > MAX_GAIN ? MAX_GAIN : g;
      nncomp::learn(x_, weight_[i], units_, (error * rate_[count(l_.seen[row_[i]], MAX_SEEN)]) >> 12);
    }
  }

 private:
  void set_scales() const {
    for (int i = 0; i < units_; ++i) l_.scale[i] = (USUAL << 15) / (l_.spread[i] + USUAL);
  }

  void take(const uint8_t* activation, uint32_t flip, int32_t rate) {
    const Reading l = l_;
    const int units = units_;  // which nothing that is written can be
    for (int i = 0; i < units; ++i) {
      const int32_t d = int32_t((activation[i] ^ flip) << 7) - l.mean[i], far = d < 0 ? -d : d;
      const int32_t x = (d * l.scale[i]) >> 15;
      x_[i] = int16_t(x < -FARTHEST ? -FARTHEST : x > FARTHEST ? FARTHEST : x);
      l.mean[i] += (d * rate) >> 15;
      l.spread[i] += ((far - l.spread[i]) * rate) >> 15;
    }
  }

  const int units_;
  const Reading l_;
  const int16_t* const rate_;  // in 1/2^12, by how often a row has learnt
  uint32_t row_[2];
  int16_t* weight_[2];
  int32_t* gain_[2];
  int32_t said_;
  alignas(64) int16_t x_[MAX_UNITS];
};

}  // namespace
}  // namespace nncomp::mix
