// Loading a network, and its forward pass.
#include "network/network.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace nncomp {
namespace {

// Checks what layers and tables do not check themselves.
Config checked(Config config) {
  require_range("d_model", config.d_model, 64, 2048, 64);
  require_range("number of layers", int64_t(config.layers.size()), 1, 64, 1);
  return config;
}

}  // namespace

Network::Network(Config config, const TensorSource& source, const Kernel& kernel)
    : config_(checked(std::move(config))),
      kernel_(kernel),
      embedding_(config_.d_model, config_.tables, Tensors(source, "", kernel.by_column)) {
  const int d = config_.d_model;
  const Tensors tensors(source, "", kernel.by_column);
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    const Tensors own(source, "layers." + std::to_string(i) + ".", kernel.by_column);
    layers_.push_back({own.constant("norm", MAX_NORM_C), make_layer(config_.layers[i], d, own)});
  }
  norm_ = tensors.constant("norm", MAX_NORM_C);
  head_ = tensors.matrix("head", 256, d, true);
}

int Network::units() const { return layers_.back().layer->units(); }

Lanes::Lanes(const Network& network, int lanes, int max_steps) : net_(network), pasts_(size_t(lanes)) {
  assert(max_steps <= MAX_CHUNK);
  const size_t rows = size_t(lanes) * size_t(max_steps);
  const size_t d = size_t(net_.config_.d_model);
  size_t scratch = 0;
  for (const Network::NormedLayer& normed : net_.layers_) {
    states_.push_back(normed.layer->start(lanes));
    scratch = std::max(scratch, normed.layer->scratch(rows));
  }
  x_ = Aligned<int32_t>(rows * d);
  y_ = Aligned<uint8_t>(rows * d);
  scratch_ = Aligned<uint8_t>(scratch);
  z_ = Aligned<int32_t>(rows * 256);
}

void Lanes::forward(const uint8_t* const* bytes, int lanes, int steps) {
  const int d = net_.config_.d_model;
  const Kernel& kernel = net_.kernel_;
  const Rows rows{lanes, steps, position_, y_.data(), scratch_.data(), x_.data()};
  assert(size_t(rows.count()) * size_t(d) <= x_.size());

  before_ = position_;
  past_before_ = pasts_[0];
  net_.embedding_.start(kernel, pasts_.data(), bytes, position_, lanes, steps, x_.data());
  for (size_t i = 0; i < net_.layers_.size(); ++i) {
    const Network::NormedLayer& normed = net_.layers_[i];
    kernel.norm(x_.data(), rows.count(), d, uint64_t(normed.c), y_.data());
    normed.layer->forward(kernel, states_[i].get(), rows);
  }
  kernel.norm(x_.data(), rows.count(), d, uint64_t(net_.norm_), y_.data());
  kernel.logits(net_.head_.view, y_.data(), rows.count(), z_.data());
  position_ += steps;
}

void Lanes::begin_as(const Lanes& one) {
  assert(one.pasts_.size() == 1);
  position_ = one.position_;
  pasts_.assign(pasts_.size(), one.pasts_[0]);
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i]) states_[i]->begin_as(*one.states_[i]);
  }
}

void Lanes::take_back(const uint8_t* bytes, int steps) {
  assert(pasts_.size() == 1);
  position_ -= steps;
  pasts_[0] = past_before_;
  for (int64_t t = std::max<int64_t>(before_, 1); t < position_; ++t) pasts_[0].take(bytes[t - 1]);
}

void Lanes::distribution(int row, Distribution& out) const {
  net_.kernel_.frequencies(z_.data() + int64_t(row) * 256, out.frequency, out.sum);
}

}  // namespace nncomp
