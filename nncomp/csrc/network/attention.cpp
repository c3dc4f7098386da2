// Attention (docs/numerics.md, section 5.1): heads look at the last positions, and share one key and one value of each
// (multi-query attention). Its numbers: heads, width of a head, window.
#include <cassert>
#include <cstring>

#include "network/layer.hpp"

namespace nncomp {
namespace {

constexpr int64_t MAX_C = int64_t(1) << 38;  // the largest c: c over a sum of weights, at least 255, is below 2^31

// The KV cache of some lanes: keys and values of the last positions.
struct Cache final : LayerState {
  int64_t lane_size;       // bytes of a lane, in either array
  Aligned<uint8_t> keys;   // (lanes)[positions/16][h/4][16][4], + 128
  Aligned<int8_t> values;  // (lanes)[positions/4][h][4]
  int capacity;            // positions
  int64_t first = 0;       // the position in the lane that they begin with

  Cache(int lanes, int positions, int width)
      : lane_size(int64_t(positions) * width),
        keys(size_t(lanes * lane_size)),
        values(size_t(lanes * lane_size)),
        capacity(positions) {}

  void begin_as(const LayerState& state) override {
    const Cache& one = static_cast<const Cache&>(state);
    assert(one.lane_size == lane_size && one.keys.size() == size_t(lane_size));
    for (size_t at = 0; at < keys.size(); at += size_t(lane_size)) {
      memcpy(keys.data() + at, one.keys.data(), size_t(lane_size));
      memcpy(values.data() + at, one.values.data(), size_t(lane_size));
    }
    first = one.first;
  }
};

// Biases by distance, in the order of positions: farthest first, with BIAS_PAD entries outside the window at either
// end.
Aligned<int32_t> pack_bias(const int16_t* bias, int heads, int window) {
  const int size = window + 2 * BIAS_PAD;
  Aligned<int32_t> out(size_t(heads) * size_t(size));
  for (int head = 0; head < heads; ++head) {
    int32_t* row = out.data() + int64_t(head) * size;
    for (int i = 0; i < size; ++i) row[i] = BIAS_NEVER;
    for (int j = 0; j < window; ++j) row[BIAS_PAD + window - 1 - j] = bias[int64_t(head) * window + j];
  }
  return out;
}

class AttentionLayer final : public Layer {
 public:
  AttentionLayer(int heads, int width, int window, int d_model, const Tensors& tensors)
      : q_width_(heads * width),
        qkv_(tensors.matrix("qkv", q_width_ + 2 * width, d_model, true)),
        out_(tensors.matrix("out", d_model, q_width_, true)),
        bias_(pack_bias(tensors.bias("attn", heads, window), heads, window)) {
    attention_ = {heads, width, window, *tensors.multipliers("attn", 1), 0, bias_.data()};
    attention_.c = uint64_t(tensors.constant("attn", MAX_C));
  }

  std::unique_ptr<LayerState> start(int lanes) const override {
    // Room for the window; for a chunk, so that positions seldom have to move; and for a block of 16 that the window
    // overlaps in part.
    return std::make_unique<Cache>(lanes, attention_.window + MAX_CHUNK + 16, attention_.width);
  }

  size_t scratch(size_t rows) const override { return rows * size_t(stride() + q_width_); }

  void forward(const Kernel& kernel, LayerState* state, const Rows& rows) const override {
    Cache& cache = static_cast<Cache&>(*state);
    int8_t* qkv = reinterpret_cast<int8_t*>(rows.scratch);  // (rows, stride)
    uint8_t* o = rows.scratch + int64_t(rows.count()) * stride();  // (rows, heads × width), + 128
    kernel.project(qkv_.view, rows.y, rows.count(), qkv);
    make_room(cache, rows);
    append(cache, qkv, rows);
    for (int row = 0; row < rows.count(); ++row) {
      const int64_t lane = row / rows.steps;
      const int index = int(rows.position - cache.first) + row % rows.steps;
      kernel.attend(attention_, qkv + int64_t(row) * stride(), cache.keys.data() + lane * cache.lane_size,
                    cache.values.data() + lane * cache.lane_size, index, o + int64_t(row) * q_width_);
    }
    kernel.accumulate(out_.view, o, rows.count(), rows.x);
  }

 private:
  int stride() const { return qkv_.view.outputs; }  // of a row of q, k and v, padded for kernels

  // Moves the positions that the window still needs to the front, if the next steps would not fit.
  void make_room(Cache& cache, const Rows& rows) const {
    const int length = int(rows.position - cache.first);
    if (length + rows.steps <= cache.capacity) return;
    const int64_t h = attention_.width;
    // Whole blocks of 16 move, so up to 15 positions stay that the window no longer needs.
    const int first = (length - (attention_.window - 1)) & ~15;
    const int64_t kept = (length - first + 15) & ~15;
    for (int lane = 0; lane < rows.lanes; ++lane) {
      uint8_t* keys = cache.keys.data() + lane * cache.lane_size;
      int8_t* values = cache.values.data() + lane * cache.lane_size;
      memmove(keys, keys + first * h, size_t(kept * h));
      memmove(values, values + first * h, size_t(kept * h));
    }
    cache.first += first;
    assert(first > 0 && length - first + rows.steps <= cache.capacity);
  }

  // Stores k and v of all rows.
  void append(Cache& cache, const int8_t* row, const Rows& rows) const {
    const int h = attention_.width;
    const int64_t from = rows.position - cache.first;
    for (int lane = 0; lane < rows.lanes; ++lane) {
      for (int64_t p = from; p < from + rows.steps; ++p, row += stride()) {
        const int8_t* k = row + q_width_;
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
  }

  int q_width_;  // heads × width
  PackedMatrix qkv_, out_;
  Aligned<int32_t> bias_;
  Attention attention_{};
};

}  // namespace

std::unique_ptr<Layer> make_attention(const std::vector<int>& numbers, int d_model, const Tensors& tensors) {
  const int heads = numbers[0], width = numbers[1], window = numbers[2];
  require_range("heads", heads, 1, 64, 1);
  require(width == 16 || width == 32 || width == 64 || width == MAX_HEAD, "width of a head is out of range");
  require_range("heads times width", int64_t(heads) * width, 64, 4096, 64);
  require_range("window", window, 64, MAX_WINDOW, 64);
  return std::make_unique<AttentionLayer>(heads, width, window, d_model, tensors);
}

}  // namespace nncomp
