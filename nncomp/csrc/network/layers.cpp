// The register of kinds of layers.
#include <stdexcept>

#include "network/layer.hpp"

namespace nncomp {

MakeLayer make_attention, make_feed_forward;  // each in the file of its name

namespace {

struct Kind {
  const char* name;
  size_t numbers;  // how many numbers its configuration has
  MakeLayer* make;
};

constexpr Kind KINDS[] = {
    {"attention", 3, make_attention},
    {"feed_forward", 1, make_feed_forward},
};

}  // namespace

std::unique_ptr<Layer> make_layer(const LayerConfig& config, int d_model, const Tensors& tensors) {
  for (const Kind& kind : KINDS) {
    if (config.kind != kind.name) continue;
    require(config.numbers.size() == kind.numbers, config.kind + " has another count of numbers");
    return kind.make(config.numbers, d_model, tensors);
  }
  throw std::invalid_argument("a layer is of an unknown kind");
}

}  // namespace nncomp
