// A feed-forward layer (docs/numerics.md, section 5.2): two matrix products with a squared ReLU between them. Its one
// number is the width of the hidden units.
#include "network/layer.hpp"

namespace nncomp {
namespace {

class FeedForward final : public Layer {
 public:
  FeedForward(int width, int d_model, const Tensors& tensors)
      : up_(tensors.matrix("up", width, d_model, true)), down_(tensors.matrix("down", d_model, width, false)) {}

  std::unique_ptr<LayerState> start(int) const override { return nullptr; }

  size_t scratch(size_t rows) const override { return rows * size_t(up_.view.outputs); }

  int units() const override { return up_.view.outputs; }

  void forward(const Kernel& kernel, LayerState*, const Rows& rows) const override {
    uint8_t* s = rows.scratch;  // (rows, width)
    kernel.expand(up_.view, rows.y, rows.count(), s);
    kernel.accumulate(down_.view, s, rows.count(), rows.x);
  }

 private:
  PackedMatrix up_, down_;
};

}  // namespace

std::unique_ptr<Layer> make_feed_forward(const std::vector<int>& numbers, int d_model, const Tensors& tensors) {
  require_range("width", numbers[0], 64, MAX_UNITS, 64);
  return std::make_unique<FeedForward>(numbers[0], d_model, tensors);
}

}  // namespace nncomp
