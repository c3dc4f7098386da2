// The interface of a kind of layer: x += clamp16(layer(norm(x))) (docs/numerics.md, section 5). Each kind is a file
// beside this one, and a line in layers.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/tensors.hpp"

namespace nncomp {

constexpr int MAX_CHUNK = 128;  // steps that an encoder takes at a time, at most
constexpr int MAX_UNITS = 8192;  // hidden units of a layer, at most

// What a layer keeps from step to step, of some lanes. Each kind has its own.
struct LayerState {
  virtual ~LayerState() = default;

  // Makes all lanes copies of the only lane of `one`, a state of the same layer.
  virtual void begin_as(const LayerState& one) = 0;
};

// The rows of one or more steps of some lanes: lanes × steps, lane by lane.
struct Rows {
  int lanes;
  int steps;
  int64_t position;  // steps before these
  const uint8_t* y;  // (rows, d) normed, + 128; aligned
  uint8_t* scratch;  // as many bytes as the layer asked for; aligned
  int32_t* x;        // (rows, d) residual stream, to add to

  int count() const { return lanes * steps; }
};

class Layer {
 public:
  virtual ~Layer() = default;

  // The state of `lanes` lanes before their first step; nullptr if the layer has none.
  virtual std::unique_ptr<LayerState> start(int lanes) const = 0;

  // Bytes of scratch memory that `forward` needs for so many rows. All layers use the same memory, in turn.
  virtual size_t scratch(size_t rows) const = 0;

  // The number of hidden units whose activations `forward` leaves at the beginning of the scratch memory, a byte each,
  // row by row.
  virtual int units() const { return 0; }

  // Adds the layer's output to x, for at most MAX_CHUNK steps. Lanes that are left out, the last ones, have to be left
  // out of all later calls. The position is where the last call ended, or, to replace the last of its steps, one of
  // these, but not the first.
  virtual void forward(const Kernel&, LayerState*, const Rows&) const = 0;
};

// Makes a layer of one kind: checks its numbers, then its tensors, and copies these. Throws std::invalid_argument.
using MakeLayer = std::unique_ptr<Layer>(const std::vector<int>& numbers, int d_model, const Tensors& tensors);

// A layer in a model's configuration.
struct LayerConfig {
  std::string kind;
  std::vector<int> numbers;
};

// Makes a layer of the kind that `config` names. Throws std::invalid_argument.
std::unique_ptr<Layer> make_layer(const LayerConfig& config, int d_model, const Tensors& tensors);

}  // namespace nncomp
