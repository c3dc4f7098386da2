// A byte as the network alone predicts it: docs/numerics.md, section 7.
#pragma once

#include <cstdint>

#include "coder/coder.hpp"

namespace nncomp {

// put(bit, p) for each of its bits, highest first: it is 1 with the probability p/2^22.
template <class Put>
void decide_alone(const Distribution& network, uint32_t byte, Put put) {
  uint64_t both = 0;
  for (const uint64_t sum : network.sum) both += sum;
  uint32_t low = 0;
  for (int k = 7; k >= 0; --k) {
    const uint32_t half = 1u << k, bit = byte >> k & 1;
    uint64_t upper = 0;
    for (uint32_t i = low + half; i < low + 2 * half; ++i) upper += network.frequency[i];
    put(bit, probability(upper, both));
    both = bit ? upper : both - upper;
    low += bit << k;
  }
}

}  // namespace nncomp
