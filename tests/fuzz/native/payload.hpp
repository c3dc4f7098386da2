// What fuzzers of payloads share.
#pragma once

#include <algorithm>

#include "block/block.hpp"
#include "harness.hpp"

namespace fuzz {

// A mixing that a file may have.
inline Mixing mixing_of(Numbers& numbers) {
  const int profile = 1 + int(numbers.below(PROFILE_MAX)), contexts = int(numbers.below(16));
  const int period = int(numbers.below(1 << 16)), stride = 1 + int(numbers.below(8));
  const int width = contexts == mix::FLOATS ? int(mix::FLOAT_FORMATS[(stride - 1) % mix::FLOAT_KINDS].width) : 1;
  const Mixing mixing{profile, contexts, period - period % width, stride};
  try {
    mixing.check();
    return mixing;
  } catch (const std::invalid_argument&) {
    return {profile, 0, period == 1 ? 0 : period, 1};
  }
}

// Two predictors that differ by their kernels accept the same payloads and decode the same content, which has no other
// payloads.
inline void check_payloads(const Predictor& predictor, const Predictor& other, const std::vector<View>& payloads,
                           size_t size) {
  Bytes content(size), again(size);
  bool good = true;
  try {
    decode_block(predictor, payloads, content, 1, [](uint64_t) {});
  } catch (const FormatError&) {
    good = false;
  }
  try {
    decode_block(other, payloads, again, 2, [](uint64_t) {});
    expect(good && content == again, "kernels differ");
  } catch (const FormatError&) {
    expect(!good, "one kernel refuses what another one takes");
    return;
  }
  const std::vector<Payload> encoded = encode_block(other, content, int(payloads.size()), 1, [](uint64_t) {});
  for (size_t i = 0; i < payloads.size(); ++i) {
    expect(std::ranges::equal(encoded[i], payloads[i]), "content has two payloads");
  }
}

}  // namespace fuzz
