// What a kind of layer is to the network: x += clamp16(layer(norm(x))) (docs/numerics.md, section 5). Each kind is one
// file beside this one, and a line in layers.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/tensors.hpp"

namespace nncomp {

constexpr int MAX_CHUNK = 128;  // steps that an encoder takes at a time

// What a layer remembers of some lanes; each kind has its own.
struct LayerState {
  virtual ~LayerState() = default;

  // All lanes become as the only one of another of the same layer.
  virtual void begin_as(const LayerState& one) = 0;
};

// A step, or some, of some lanes. Rows are lanes × steps, lane by lane.
struct Rows {
  int lanes;
  int steps;
  int64_t position;  // steps before these
  const uint8_t* y;  // (rows, d) normed, + 128; aligned
  uint8_t* scratch;  // what the layer asked for; aligned
  int32_t* x;        // (rows, d) residual stream, to add to

  int count() const { return lanes * steps; }
};

class Layer {
 public:
  virtual ~Layer() = default;

  // For `lanes` lanes, of which nothing is known yet. nullptr if it remembers nothing.
  virtual std::unique_ptr<LayerState> start(int lanes) const = 0;

  // Bytes of memory that `forward` wants for so many rows, for itself alone; all layers use the same, in turn.
  virtual size_t scratch(size_t rows) const = 0;

  // Hidden units, whose activations `forward` leaves at the beginning of its scratch, a byte each, row by row.
  virtual int units() const { return 0; }

  // Adds the layer to x. Lanes that leave, which are the last ones, never come back; steps are at most MAX_CHUNK, and
  // where they are many, all but the last are as many. Where the position goes back, by less than the last steps, those
  // from there on are forgotten.
  virtual void forward(const Kernel&, LayerState*, const Rows&) const = 0;
};

// Makes a layer of one kind: checks its numbers' limits, then its tensors, which are copied. Throws
// std::invalid_argument.
using MakeLayer = std::unique_ptr<Layer>(const std::vector<int>& numbers, int d_model, const Tensors& tensors);

// A layer as a model's configuration has it.
struct LayerConfig {
  std::string kind;
  std::vector<int> numbers;
};

// Likewise, of the kind that `config` names.
std::unique_ptr<Layer> make_layer(const LayerConfig& config, int d_model, const Tensors& tensors);

}  // namespace nncomp
