// The forward step.
#include "network/network.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

namespace nncomp {

void Config::check() const {
  require_range("d_model", d_model, 64, 2048, 64);
  require_range("number of layers", int64_t(layers.size()), 1, 64, 1);
  require_range("number of n-gram tables", int64_t(ngrams.size()), 0, 8, 1);
  for (const NGram& t : ngrams) {
    require_range("n-gram order", t.order, 2, 6, 1);
    require_range("n-gram log2 rows", t.log2_rows, 8, 18, 1);
    require_range("n-gram width", t.width, 16, d_model, 16);
    require_range("n-gram channel", t.first, 0, d_model - t.width, 16);
  }
}

Network::Network(Config config, const TensorSource& source, const Kernel& kernel)
    : config_(std::move(config)), kernel_(kernel) {
  config_.check();
  const int d = config_.d_model;
  const Tensors tensors(source, "", kernel.by_column);
  embed_ = tensors.table("embed", 257, d);
  for (size_t i = 0; i < config_.ngrams.size(); ++i) {
    const NGram& t = config_.ngrams[i];
    ngrams_.push_back(tensors.table("ngram." + std::to_string(i), 1 << t.log2_rows, t.width));
  }
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    const Tensors own(source, "layers." + std::to_string(i) + ".", kernel.by_column);
    layers_.push_back({own.constant("norm", NORM_LAST), make_layer(config_.layers[i], d, own)});
  }
  norm_ = tensors.constant("norm", NORM_LAST);
  head_ = tensors.matrix("head", 256, d, true);
}

Lanes::Lanes(const Network& network, int lanes, int max_steps) : net_(network) {
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

void Lanes::embed(const uint8_t* const* bytes, int lanes, int steps) {
  const Config& c = net_.config_;
  const Kernel& kernel = net_.kernel_;
  int32_t* x = x_.data();
  memset(x, 0, size_t(lanes) * size_t(steps) * size_t(c.d_model) * sizeof(int32_t));
  for (int lane = 0; lane < lanes; ++lane) {
    uint64_t history = 0;  // the last eight bytes, most recent lowest
    for (int64_t t = position_ < 8 ? 0 : position_ - 8; t < position_; ++t) {
      history = history << 8 | bytes[lane][t];
    }
    for (int64_t t = position_; t < position_ + steps; ++t, x += c.d_model) {
      if (t > position_) history = history << 8 | bytes[lane][t - 1];
      const int64_t token = t == 0 ? 256 : int64_t(history & 255);
      kernel.add_row(net_.embed_.weight.data() + token * c.d_model, c.d_model, net_.embed_.m, x);
      for (size_t i = 0; i < c.ngrams.size(); ++i) {
        const NGram& n = c.ngrams[i];
        const uint64_t context = history & ((uint64_t(1) << (8 * n.order)) - 1);
        const int64_t row = int64_t((context * 0x9E3779B97F4A7C15) >> (64 - n.log2_rows));
        kernel.add_row(net_.ngrams_[i].weight.data() + row * n.width, n.width, net_.ngrams_[i].m, x + n.first);
      }
    }
  }
}

void Lanes::forward(const uint8_t* const* bytes, int lanes, int steps) {
  const int d = net_.config_.d_model;
  const Kernel& kernel = net_.kernel_;
  const Rows rows{lanes, steps, y_.data(), scratch_.data(), x_.data()};
  assert(size_t(rows.count()) * size_t(d) <= x_.size());

  embed(bytes, lanes, steps);
  for (size_t i = 0; i < net_.layers_.size(); ++i) {
    const Network::NormedLayer& normed = net_.layers_[i];
    kernel.norm(x_.data(), rows.count(), d, uint64_t(normed.c), y_.data());
    normed.layer->forward(kernel, states_[i].get(), rows);
  }
  kernel.norm(x_.data(), rows.count(), d, uint64_t(net_.norm_), y_.data());
  kernel.logits(net_.head_.view, y_.data(), rows.count(), z_.data());
  position_ += steps;
}

void Lanes::distribution(int row, Distribution& out) const {
  net_.kernel_.frequencies(z_.data() + int64_t(row) * 256, out.frequency, out.sum);
}

}  // namespace nncomp
