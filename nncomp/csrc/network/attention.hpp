// Heads that look at the last positions. Its numbers: heads, width of a head, window.
#pragma once

#include "network/layer.hpp"

namespace nncomp {

std::unique_ptr<Layer> make_attention(const std::vector<int>& numbers, int d_model, const Tensors& tensors);

}  // namespace nncomp
