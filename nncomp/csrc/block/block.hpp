// A block: its lanes, the threads that share them, and the way from bytes to payloads and back.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <vector>

#include "network/network.hpp"
#include "stage/stage.hpp"

namespace nncomp {

constexpr int MAX_LANES = 128;

// A payload that no encoder wrote. The text is for the user.
class FormatError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Called on the calling thread about every 50 ms with the number of bytes coded since the last call. What it
// throws stops all threads and passes on to the caller.
using Progress = std::function<void(uint64_t)>;

// What codes a block: the network, the adaptive stage, or both; never neither.
struct Predictor {
  const Network* network;
  const Mixing* mixing;
  const Kernel* kernel;
};

// One payload a lane. 1 <= lanes <= MAX_LANES, one without a network; threads >= 1.
std::vector<std::vector<uint8_t>> encode_block(const Predictor& predictor, std::span<const uint8_t> data,
                                               int lanes, int threads, const Progress& progress);

// Fills `data` from one payload a lane; throws FormatError.
void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int threads, const Progress& progress);

// What the stage alone takes for the probability of a 1, 2^-22 each, at every bit of data as one
// lane; out: (bytes, 8), highest bit first.
void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress);

// The 256 frequencies before each byte of data as one lane; out: (bytes, 256).
void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out,
                  const Progress& progress);

}  // namespace nncomp
