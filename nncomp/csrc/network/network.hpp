// The network: packed weights, the state of some lanes, and the forward pass (docs/numerics.md, sections 3 to 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "coder/coder.hpp"
#include "kernels/kernel.hpp"
#include "network/embedding.hpp"
#include "network/layer.hpp"
#include "network/tensors.hpp"

namespace nncomp {

struct Config {
  int d_model;
  std::vector<LayerConfig> layers;
  std::vector<TableConfig> tables;
};

class Network {
 public:
  // Copies and packs the tensors of section 9; throws std::invalid_argument if one is not as it must be.
  Network(Config config, const TensorSource& source, const Kernel& kernel);

  const Config& config() const { return config_; }
  const Kernel& kernel() const { return kernel_; }

  // The number of hidden units of the last layer; 0 if it has none.
  int units() const;

 private:
  friend class Lanes;

  struct NormedLayer {
    int64_t c;  // of the norm
    std::unique_ptr<Layer> layer;
  };

  Config config_;
  const Kernel& kernel_;
  Embedding embedding_;
  std::vector<NormedLayer> layers_;
  int64_t norm_;
  PackedMatrix head_;
};

// Some lanes of a block, which go through the network in lock step: their state, and buffers. A call computes
// lanes × steps rows, lane by lane: a decoder takes one step of many lanes, an encoder many steps of one lane.
class Lanes {
 public:
  Lanes(const Network& network, int lanes, int max_steps);

  // Computes the distributions of the next `steps` bytes of the first `lanes` lanes. bytes[lane] are the lane's bytes,
  // all of which but the last of these steps are read: it is not needed to predict itself. Lanes that are left out
  // have to be left out of all later calls.
  void forward(const uint8_t* const* bytes, int lanes, int steps);

  // Makes every lane a copy of the only lane of `one`.
  void begin_as(const Lanes& one);

  // Undoes the last `steps` steps of the last forward of the only lane, which read bytes that turned out to be others.
  // `bytes` are right up to the steps that stay.
  void take_back(const uint8_t* bytes, int steps);

  // The distribution of row lane·steps + step of the last forward.
  void distribution(int row, Distribution& out) const;

  // The activations of the last layer's hidden units in that row, Network::units() of them.
  const uint8_t* activations(int row) const { return scratch_.data() + int64_t(row) * net_.units(); }

 private:
  const Network& net_;
  int64_t position_ = 0;  // bytes of each lane so far
  std::vector<Past> pasts_;  // of each lane, without its last byte
  int64_t before_ = 0;  // position_ before the last forward
  Past past_before_;  // of the first lane, likewise
  std::vector<std::unique_ptr<LayerState>> states_;
  Aligned<int32_t> x_;  // (rows, d) residual stream
  Aligned<uint8_t> y_;  // (rows, d) normed, + 128
  Aligned<uint8_t> scratch_;  // of layers
  Aligned<int32_t> z_;  // (rows, 256) logits
};

}  // namespace nncomp
