// Arguments and results of what codes blocks.
#pragma once

#include <nanobind/ndarray.h>

#include <string>
#include <tuple>
#include <vector>

#include "bind.hpp"
#include "block/block.hpp"

using MixingArgs = std::tuple<int, int, int, int>;  // (profile, contexts, period, stride)

inline nncomp::Mixing mixing_of(const MixingArgs& args) {
  const auto [profile, contexts, period, stride] = args;
  const nncomp::Mixing mixing{profile, contexts, period, stride};
  mixing.check();
  return mixing;
}

// The arguments of what codes a block of `size` bytes.
inline nncomp::Predictor predictor_of(const nncomp::Network* network, const MixingArgs& mixing,
                                      const std::string& kernel, size_t lanes, size_t size, int threads) {
  require(lanes >= 1 && lanes <= (network ? size_t(nncomp::MAX_LANES) : 1), "lanes is out of range");
  require(threads >= 1, "threads is out of range");
  require(size <= MAX_BYTES, "size is out of range");
  return {network, mixing_of(mixing), network ? &network->kernel() : &usable_kernel(kernel)};
}

// An array of `columns` integers for each byte, which `fill(array, progress)` writes without the interpreter's lock.
auto rows(size_t bytes, size_t columns, auto fill, nb::handle progress = nb::none()) {
  auto* array = new std::vector<uint32_t>(bytes * columns);
  nb::capsule owner(array, [](void* p) noexcept { delete static_cast<std::vector<uint32_t>*>(p); });
  if (bytes != 0) {
    const nb::object told = nb::borrow(progress);  // it goes when the lock is back
    Unlocked unlocked(told);
    fill(array->data(), unlocked.progress());
  }
  return nb::ndarray<nb::numpy, uint32_t, nb::ndim<2>>(array->data(), {bytes, columns}, owner);
}
