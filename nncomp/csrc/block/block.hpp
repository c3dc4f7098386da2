// A block: its lanes, the threads that share them, and the way from bytes to payloads and back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "block/job.hpp"
#include "network/network.hpp"
#include "stage/stage.hpp"

namespace nncomp {

constexpr int MAX_LANES = 128;

// What codes a block: the adaptive stage, and the network unless it is null.
struct Predictor {
  const Network* network;
  Mixing mixing;
  const Kernel* kernel;  // the network's
};

using Payload = std::vector<uint8_t>;

// One payload a lane. 1 <= lanes <= MAX_LANES, one without a network; threads >= 1.
std::vector<Payload> encode_block(const Predictor& predictor, std::span<const uint8_t> data, int lanes, int threads,
                                  const Progress& progress);

// Fills `data` from one payload a lane; throws FormatError.
void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int threads, const Progress& progress);

// What the stage alone takes for the probability of a 1, 2^-22 each, at every bit of data as one
// lane; out: (bytes, 8), highest bit first.
void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress);

// The 256 frequencies before each byte of data as one lane; out: (bytes, 256).
void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress);

}  // namespace nncomp
