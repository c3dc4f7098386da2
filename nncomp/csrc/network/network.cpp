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
  require_range("number of tables", int64_t(tables.size()), 0, 24, 1);
  for (const TableConfig& table : tables) table.check(d_model);
}

Network::Network(Config config, const TensorSource& source, const Kernel& kernel)
    : config_(std::move(config)), kernel_(kernel) {
  config_.check();
  const int d = config_.d_model;
  const Tensors tensors(source, "", kernel.by_column);
  embed_ = tensors.table("embed", 257, d);
  for (size_t i = 0; i < config_.tables.size(); ++i) {
    tables_.emplace_back(config_.tables[i], "table." + std::to_string(i), tensors);
  }
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    const Tensors own(source, "layers." + std::to_string(i) + ".", kernel.by_column);
    layers_.push_back({own.constant("norm", NORM_LAST), make_layer(config_.layers[i], d, own)});
  }
  norm_ = tensors.constant("norm", NORM_LAST);
  head_ = tensors.matrix("head", 256, d, true);
}

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

void Lanes::embed(const uint8_t* const* bytes, int lanes, int steps) {
  const int d = net_.config_.d_model;
  const Kernel& kernel = net_.kernel_;
  int32_t* x = x_.data();
  memset(x, 0, size_t(lanes) * size_t(steps) * size_t(d) * sizeof(int32_t));
  for (int lane = 0; lane < lanes; ++lane) {
    Past& past = pasts_[size_t(lane)];
    for (int64_t t = position_; t < position_ + steps; ++t, x += d) {
      if (t > 0) past.take(bytes[lane][t - 1]);
      const int64_t token = t == 0 ? 256 : bytes[lane][t - 1];
      kernel.add_row(net_.embed_.weight.data() + token * d, d, net_.embed_.m, x);
      uint64_t key[CONTEXT_COUNT];
      past.keys(bytes[lane], key);
      for (const ContextTable& table : net_.tables_) {
        kernel.add_row(table.find(key[table.context()]), table.width(), table.m(), x + table.first());
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
