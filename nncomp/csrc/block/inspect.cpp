// What the parts predict, without coding anything.
#include <algorithm>
#include <cstring>

#include "block/block.hpp"
#include "block/steps.hpp"

namespace nncomp {

void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress) {
  Stage stage(mixing, false, 0, data, 1);
  const mix::Shared& s = stage.shared;
  start_lanes(s, kernel);
  run_alone(s, kernel, 0, data.size(), progress, [&](size_t t) {
    int shift = 8;
    auto note = [&](uint32_t one) {
      *out++ = one;
      return s.data[t] >> --shift & 1;
    };
    kernel.stage->choose(s, s.lane[0], nullptr, s.data[t], note);
  });
}

namespace {

// Calls note(state, row) before each byte of data as one lane.
template <class Note>
void run_network(const Network& network, std::span<const uint8_t> data, const Progress& progress, Note note) {
  Job job(1, progress);
  job.run([&](int) {
    Lanes state(network, 1, MAX_CHUNK);
    for (size_t t = 0; t < data.size();) {
      const int steps = int(std::min(data.size() - t, size_t(MAX_CHUNK)));
      const uint8_t* bytes = data.data();
      state.forward(&bytes, 1, steps);
      for (int i = 0; i < steps; ++i) note(state, i);
      t += size_t(steps);
      if (!job.advance(uint64_t(steps))) return;
    }
  });
}

}  // namespace

void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress) {
  run_network(network, data, progress, [&](const Lanes& state, int row) {
    Distribution distribution;
    state.distribution(row, distribution);
    memcpy(out, distribution.frequency, sizeof distribution.frequency);
    out += 256;
  });
}

void byte_activations(const Network& network, std::span<const uint8_t> data, uint32_t* out, const Progress& progress) {
  run_network(network, data, progress,
              [&](const Lanes& state, int row) { out = std::copy_n(state.activations(row), network.units(), out); });
}

}  // namespace nncomp
