// A block: its lanes, the threads that share them, and the way from bytes to payloads and back.
#pragma once

#include <cstdint>
#include <memory>
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

// A block on its way to payloads, one a lane, or back: goes on step by step, a byte of each lane a step. What a
// predictor, data and payloads refer to has to outlive it; no thread does, so that nothing runs between two calls.
// After an exception it cannot go on.
class BlockEncoder {
 public:
  // 1 <= lanes <= MAX_LANES, one without a network. What each byte costs goes to `costs`, unless that is null.
  BlockEncoder(const Predictor& predictor, std::span<const uint8_t> data, int lanes, uint32_t* costs = nullptr);
  ~BlockEncoder();

  // Goes on until `steps` are done, with a network a multiple of MAX_CHUNK, or all. threads >= 1.
  void encode(size_t steps, int threads, const Progress& progress);

  size_t size() const;  // bytes of all payloads so far

  std::vector<Payload> finish();  // once all is done

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BlockDecoder {
 public:
  // Fills `data` from one payload a lane. 1 <= payloads.size() <= MAX_LANES, one without a network; threads >= 1.
  // The first bytes are those `known`, if any, which no payload has: then there is one lane.
  BlockDecoder(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
               std::span<uint8_t> data, int threads, std::span<const uint8_t> known = {});
  ~BlockDecoder();

  // Goes on until `steps` are done, or all. Throws FormatError.
  void decode(size_t steps, const Progress& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline std::vector<Payload> encode_block(const Predictor& predictor, std::span<const uint8_t> data, int lanes,
                                         int threads, const Progress& progress) {
  BlockEncoder encoder(predictor, data, lanes);
  encoder.encode(SIZE_MAX, threads, progress);
  return encoder.finish();
}

inline void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                         std::span<uint8_t> data, int threads, const Progress& progress) {
  BlockDecoder(predictor, payloads, data, threads).decode(SIZE_MAX, progress);
}

// What each byte costs in a block of one lane, in 1/2^COST_BITS of a bit; out: (bytes).
inline void byte_costs(const Predictor& predictor, std::span<const uint8_t> data, uint32_t* out, int threads,
                       const Progress& progress) {
  BlockEncoder(predictor, data, 1, out).encode(SIZE_MAX, threads, progress);
}

// What the stage alone takes for the probability of a 1, 2^-22 each, at every bit of data as one
// lane; out: (bytes, 8), highest bit first.
void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress);

// The 256 frequencies before each byte of data as one lane; out: (bytes, 256).
void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress);

}  // namespace nncomp
