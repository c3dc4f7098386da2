// Two products and a squared ReLU between them. Its one number is the width.
#pragma once

#include "network/layer.hpp"

namespace nncomp {

std::unique_ptr<Layer> make_feed_forward(const std::vector<int>& numbers, int d_model, const Tensors& tensors);

}  // namespace nncomp
