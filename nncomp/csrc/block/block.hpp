// A block: its lanes, the threads that share them, and the way from bytes to payloads and back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "block/job.hpp"
#include "coder/temperature.hpp"
#include "network/network.hpp"
#include "stage/stage.hpp"

namespace nncomp {

constexpr int MAX_LANES = 128;

// What codes a block: the adaptive stage, and the network unless it is null.
struct Predictor {
  const Network* network;
  Mixing mixing;
  const Kernel* kernel;  // the network's

  // As Stage's constructor has it; the units of the network are read unless they are too many.
  Stage stage(std::span<const uint8_t> data, int lanes, size_t room = 0) const {
    const int units = network && network->units() <= mix::MAX_UNITS ? network->units() : 0;
    return Stage(mixing, network != nullptr, units, data, lanes, room);
  }
};

using Payload = std::vector<uint8_t>;

// Receives the costs of each byte of a block in one lane: a row of numbers in 1/2^COST_BITS of a bit. With `split`,
// these are followed by the costs with the network alone, if there is one, and by whether matches predicted the byte:
// 0 no match, 1 the longest match was wrong, 2 it was right.
struct Notes {
  uint32_t* rows = nullptr;  // (bytes, columns); null: nothing is asked for
  bool split = false;
  bool bits = false;  // costs of each bit, eight numbers, highest bit first

  size_t columns(bool network) const { return (bits ? 8 : 1) * (split && network ? 2 : 1) + (split ? 1 : 0); }
};

class Ready;  // block/ready.hpp

// Codes a block step by step to payloads, one for each lane, or back; a step is a byte of each lane. Predictor, data
// and payloads have to outlive it. Between two calls no thread is running. After an exception it cannot go on.
class BlockEncoder {
 public:
  // 1 <= lanes <= MAX_LANES, one without a network and where there are notes to take. Every lane begins behind what
  // `ready` has read, unless that is null; it suits the block, and there are no notes.
  BlockEncoder(const Predictor& predictor, std::span<const uint8_t> data, int lanes, const Notes& notes = {},
               const Ready* ready = nullptr);
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
  // The first bytes are those `known`, if any, which no payload has: then there is one lane, and `ready`, as in
  // BlockEncoder, is null. `power` is that of temperature.hpp: PLAIN for what was encoded.
  BlockDecoder(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
               std::span<uint8_t> data, int threads, std::span<const uint8_t> known = {}, uint32_t power = PLAIN,
               const Ready* ready = nullptr);
  ~BlockDecoder();

  // Goes on until `steps` are done, or all. Throws FormatError.
  void decode(size_t steps, const Progress& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline std::vector<Payload> encode_block(const Predictor& predictor, std::span<const uint8_t> data, int lanes,
                                         int threads, const Progress& progress, const Ready* ready = nullptr) {
  BlockEncoder encoder(predictor, data, lanes, {}, ready);
  encoder.encode(SIZE_MAX, threads, progress);
  return encoder.finish();
}

inline void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                         std::span<uint8_t> data, int threads, const Progress& progress, const Ready* ready = nullptr) {
  BlockDecoder(predictor, payloads, data, threads, {}, PLAIN, ready).decode(SIZE_MAX, progress);
}

// What each byte costs in a block of one lane.
inline void byte_costs(const Predictor& predictor, std::span<const uint8_t> data, const Notes& notes, int threads,
                       const Progress& progress) {
  BlockEncoder(predictor, data, 1, notes).encode(SIZE_MAX, threads, progress);
}

// What the stage alone takes for the probability of a 1, 2^-22 each, at every bit of data as one
// lane; out: (bytes, 8), highest bit first.
void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress);

// The 256 frequencies before each byte of data as one lane; out: (bytes, 256).
void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress);

// The activations of the last layer's units before each byte, likewise; out: (bytes, network.units()).
void byte_activations(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress);

}  // namespace nncomp
