// Packing, and the forward step.
#include "network/network.hpp"

#include <cassert>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace nncomp {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_range(const char* what, int64_t value, int64_t low, int64_t high, int64_t unit) {
  require(value >= low && value <= high && value % unit == 0,
          std::string(what) + " " + std::to_string(value) + " is out of range");
}

// The elements of a tensor that has exactly this type and shape.
template <class T>
const T* elements(const TensorSource& source, const std::string& name,
                  const std::vector<int64_t>& shape) {
  const Tensor tensor = source(name);
  require(tensor.kind == 'i' && tensor.bytes == sizeof(T), "tensor " + name + " has the wrong dtype");
  require(tensor.shape == shape, "tensor " + name + " has the wrong shape");
  return static_cast<const T*>(tensor.data);
}

const int8_t* weights(const TensorSource& source, const std::string& name, int64_t rows,
                      int64_t columns) {
  const int8_t* w = elements<int8_t>(source, name, {rows, columns});
  int8_t lowest = 0;
  for (int64_t i = 0; i < rows * columns; ++i) lowest = w[i] < lowest ? w[i] : lowest;
  require(lowest >= -127, "tensor " + name + " contains -128");
  return w;
}

const int32_t* multipliers(const TensorSource& source, const std::string& name, int64_t n) {
  const int32_t* m = elements<int32_t>(source, name, {n});
  for (int64_t i = 0; i < n; ++i) require(m[i] >= 0, "tensor " + name + " contains a negative multiplier");
  return m;
}

int64_t constant(const TensorSource& source, const std::string& name, int64_t last) {
  const int64_t c = *elements<int64_t>(source, name, {1});
  require(c > 0 && c <= last, "tensor " + name + " is out of range");
  return c;
}
constexpr int64_t NORM_LAST = (int64_t(1) << 44) - 1;
constexpr int64_t ATTENTION_LAST = int64_t(1) << 38;

template <class T>
Aligned<T> copy(const T* data, size_t n, size_t padded) {
  Aligned<T> out(padded);
  memcpy(out.data(), data, n * sizeof(T));
  return out;
}

// [outputs][inputs] → [outputs/64][inputs/4][64 outputs][4 inputs], with room for `padded` outputs
Aligned<int8_t> pack(const int8_t* w, int outputs, int padded, int inputs) {
  Aligned<int8_t> out(size_t(padded) * size_t(inputs));
  int8_t* p = out.data();
  for (int first = 0; first < padded; first += 64) {
    for (int k = 0; k < inputs; k += 4) {
      for (int n = first; n < first + 64; ++n, p += 4) {
        if (n < outputs) memcpy(p, w + int64_t(n) * inputs + k, 4);
      }
    }
  }
  return out;
}

// Biases by distance → by position, farthest first, with a margin that is never in the window.
Aligned<int32_t> pack_bias(const int16_t* bias, int heads, int window) {
  const int size = window + 2 * BIAS_PAD;
  Aligned<int32_t> out(size_t(heads) * size);
  for (int head = 0; head < heads; ++head) {
    int32_t* row = out.data() + int64_t(head) * size;
    for (int i = 0; i < size; ++i) row[i] = BIAS_NEVER;
    for (int j = 0; j < window; ++j) row[BIAS_PAD + window - 1 - j] = bias[int64_t(head) * window + j];
  }
  return out;
}

}  // namespace

void Config::check() const {
  require_range("d_model", d_model, 64, 2048, 64);
  require_range("n_heads", n_heads, 1, 64, 1);
  require(d_head == 16 || d_head == 32 || d_head == 64 || d_head == 128, "d_head is out of range");
  require_range("n_heads * d_head", q_width(), 64, 4096, 64);
  require_range("d_ff", d_ff, 64, 8192, 64);
  require_range("number of layers", int64_t(windows.size()), 1, 32, 1);
  for (int window : windows) require_range("window", window, 64, MAX_WINDOW, 64);
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
  const int q = config_.q_width();

  // `offset`: activations of this matrix are stored as value + 128.
  const auto matrix = [&](const std::string& name, int outputs, int inputs, bool offset) {
    const int8_t* w = weights(source, name + ".weight", outputs, inputs);
    const int padded = (outputs + 63) & ~63;
    PackedMatrix p;
    p.weight = pack(w, outputs, padded, inputs);
    p.start = Aligned<int32_t>(size_t(padded));
    for (int n = 0; offset && n < outputs; ++n) {
      int32_t sum = 0;
      for (int k = 0; k < inputs; ++k) sum += w[int64_t(n) * inputs + k];
      p.start[size_t(n)] = -128 * sum;
    }
    p.m = copy(multipliers(source, name + ".m", outputs), size_t(outputs), size_t(padded));
    p.view = {padded, inputs, p.weight.data(), p.start.data(), p.m.data()};
    return p;
  };
  const auto table = [&](const std::string& name, int rows, int width) {
    const int8_t* w = weights(source, name + ".weight", rows, width);
    const size_t size = size_t(rows) * size_t(width);
    return Table{copy(w, size, size), *multipliers(source, name + ".m", 1)};
  };

  embed_ = table("embed", 257, d);
  for (size_t i = 0; i < config_.ngrams.size(); ++i) {
    const NGram& t = config_.ngrams[i];
    ngrams_.push_back(table("ngram." + std::to_string(i), 1 << t.log2_rows, t.width));
  }
  for (size_t l = 0; l < config_.windows.size(); ++l) {
    const std::string name = "layers." + std::to_string(l);
    const int window = config_.windows[l];
    Layer layer;
    layer.norm1 = constant(source, name + ".norm1.c", NORM_LAST);
    layer.norm2 = constant(source, name + ".norm2.c", NORM_LAST);
    layer.qkv = matrix(name + ".qkv", config_.qkv_width(), d, true);
    layer.out = matrix(name + ".out", d, q, true);
    layer.up = matrix(name + ".up", config_.d_ff, d, true);
    layer.down = matrix(name + ".down", d, config_.d_ff, false);
    const int16_t* bias =
        elements<int16_t>(source, name + ".attn.bias", {config_.n_heads, window});
    layer.bias = pack_bias(bias, config_.n_heads, window);
    layer.attention = {config_.n_heads,
                       config_.d_head,
                       window,
                       *multipliers(source, name + ".attn.m", 1),
                       uint64_t(constant(source, name + ".attn.c", ATTENTION_LAST)),
                       layer.bias.data()};
    layers_.push_back(std::move(layer));
  }
  norm_ = constant(source, "norm.c", NORM_LAST);
  head_ = matrix("head", 256, d, true);
}

Lanes::Lanes(const Network& network, int lanes, int max_steps) : net_(network) {
  const Config& c = net_.config();
  const size_t rows = size_t(lanes) * size_t(max_steps);
  for (int window : c.windows) {
    Cache cache;
    cache.capacity = window + 128;  // room for a chunk, so that old positions seldom have to move
    assert(max_steps <= 128);
    cache.lane_size = int64_t(cache.capacity) * c.d_head;
    cache.keys = Aligned<uint8_t>(size_t(lanes * cache.lane_size));
    cache.values = Aligned<int8_t>(size_t(lanes * cache.lane_size));
    caches_.push_back(std::move(cache));
  }
  x_ = Aligned<int32_t>(rows * size_t(c.d_model));
  y_ = Aligned<uint8_t>(rows * size_t(c.d_model));
  qkv_ = Aligned<int8_t>(rows * size_t(c.qkv_stride()));
  o_ = Aligned<uint8_t>(rows * size_t(c.q_width()));
  s_ = Aligned<uint8_t>(rows * size_t(c.d_ff));
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
        kernel.add_row(net_.ngrams_[i].weight.data() + row * n.width, n.width, net_.ngrams_[i].m,
                       x + n.first);
      }
    }
  }
}

// Moves what the window still needs to the front, if `steps` more positions would not fit.
void Lanes::make_room(Cache& cache, int window, int lanes, int steps) {
  if (cache.length + steps <= cache.capacity) return;
  // Whole blocks of 16 move. Chunks of up to 128 steps fit behind them, as all but the last have 128: so
  // length is a multiple of 16, and exactly `window` positions stay.
  const int64_t h = net_.config_.d_head;
  const int first = (cache.length - (window - 1)) & ~15;
  const int64_t kept = (cache.length - first + 15) & ~15;
  for (int lane = 0; lane < lanes; ++lane) {
    uint8_t* keys = cache.keys.data() + lane * cache.lane_size;
    int8_t* values = cache.values.data() + lane * cache.lane_size;
    memmove(keys, keys + first * h, size_t(kept * h));
    memmove(values, values + first * h, size_t(kept * h));
  }
  cache.length -= first;
  assert(first > 0 && cache.length + steps <= cache.capacity);
}

void Lanes::append(Cache& cache, int lanes, int steps) {
  const int h = net_.config_.d_head;
  const int q = net_.config_.q_width();
  const int stride = net_.config_.qkv_stride();
  const int8_t* row = qkv_.data();
  for (int lane = 0; lane < lanes; ++lane) {
    for (int64_t p = cache.length; p < cache.length + steps; ++p, row += stride) {
      const int8_t* k = row + q;
      const int8_t* v = k + h;
      uint8_t* keys = cache.keys.data() + lane * cache.lane_size + (p / 16) * 16 * h + (p % 16) * 4;
      int8_t* values = cache.values.data() + lane * cache.lane_size + (p / 4) * 4 * h + p % 4;
      for (int i = 0; i < h; i += 4) {
        uint32_t four;
        memcpy(&four, k + i, 4);
        four ^= 0x80808080;  // each + 128
        memcpy(keys + i * 16, &four, 4);
      }
      for (int i = 0; i < h; ++i) values[i * 4] = v[i];
    }
  }
  cache.length += steps;
}

void Lanes::forward(const uint8_t* const* bytes, int lanes, int steps) {
  const Config& c = net_.config_;
  const Kernel& kernel = net_.kernel_;
  const int d = c.d_model;
  const int rows = lanes * steps;
  assert(size_t(rows) * size_t(d) <= x_.size());

  embed(bytes, lanes, steps);
  for (size_t l = 0; l < net_.layers_.size(); ++l) {
    const Network::Layer& layer = net_.layers_[l];
    Cache& cache = caches_[l];
    kernel.norm(x_.data(), rows, d, uint64_t(layer.norm1), y_.data());
    kernel.project(layer.qkv.view, y_.data(), rows, qkv_.data());
    make_room(cache, c.windows[l], lanes, steps);
    append(cache, lanes, steps);
    for (int row = 0; row < rows; ++row) {
      const int64_t lane = row / steps;
      const int index = cache.length - steps + row % steps;
      kernel.attend(layer.attention, qkv_.data() + int64_t(row) * c.qkv_stride(),
                    cache.keys.data() + lane * cache.lane_size,
                    cache.values.data() + lane * cache.lane_size, index,
                    o_.data() + int64_t(row) * c.q_width());
    }
    kernel.accumulate(layer.out.view, o_.data(), rows, x_.data());

    kernel.norm(x_.data(), rows, d, uint64_t(layer.norm2), y_.data());
    kernel.expand(layer.up.view, y_.data(), rows, s_.data());
    kernel.accumulate(layer.down.view, s_.data(), rows, x_.data());
  }
  kernel.norm(x_.data(), rows, d, uint64_t(net_.norm_), y_.data());
  kernel.logits(net_.head_.view, y_.data(), rows, z_.data());
  position_ += steps;
}

void Lanes::distribution(int row, Distribution& out) const {
  net_.kernel_.weights(z_.data() + int64_t(row) * 256, out.weight, out.sum);
}

}  // namespace nncomp
