// Codes the side information from which a stream is rebuilt: binary decisions with adaptive probabilities and the range
// coder. Writer and reader run the same code: it passes the value, which a reader ignores, and goes on with the value
// that is returned.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coder/coder.hpp"
#include "coder/error.hpp"
#include "coder/integers.hpp"

namespace nncomp {

constexpr uint32_t MAX_SIDE_SIZE = 0x7FFFFFFF;  // of a size in a side, at most

// How a number is distributed: by its length in bits, then by its highest ones.
struct Numbers {
  AdaptiveBit longer[32];  // is it longer than i bits?
  AdaptiveBit high[33][4];  // of each length: two bits behind the first, as a tree
  AdaptiveBit low[32];  // those below, each by its place
};

class Side {
 public:
  Side() = default;  // writes

  explicit Side(std::span<const uint8_t> payload) : reads_(true) {
    decoder_.in = payload.data();
    decoder_.size = payload.size();
    decoder_.start();
    check();
  }

  bool reads() const { return reads_; }

  // The bit: `bit`, which put(encoder) codes, or what get(decoder) reads.
  template <class Put, class Get>
  bool code(bool bit, Put put, Get get) {
    if (reads_) {
      bit = get(decoder_) != 0;
      check();
    } else {
      if (out_.size() < encoder_.size + 4) out_.resize(2 * out_.size() + 64);
      encoder_.out = out_.data();
      put(encoder_);
    }
    return bit;
  }

  // Likewise, with a probability that learns.
  bool flag(AdaptiveBit& state, bool bit) {
    const uint32_t p = uint32_t(state.p);
    bit = code(bit, [&](Encoder& e) { e.put(bit, p); }, [&](Decoder& d) { return d.get(p); });
    state.learn(bit);
    return bit;
  }

  // The number, 0 ≤ value ≤ most. Throws FormatError where a larger one is read.
  uint32_t number(Numbers& model, uint32_t value, uint32_t most) {
    const int bits = int(std::bit_width(value)), limit = int(std::bit_width(most));
    int length = 0;
    while (length < limit && flag(model.longer[length], bits > length)) ++length;
    if (length == 0) return 0;
    uint32_t found = 1;
    for (int place = length - 2; place >= 0; --place) {
      AdaptiveBit& bit = found < 4 ? model.high[length][found] : model.low[place];
      found = 2 * found + flag(bit, (value >> place) & 1);
    }
    if (found > most) throw FormatError("a filter's stream is damaged: a number is too large");
    return found;
  }

  // A number between −most and most.
  int32_t difference(Numbers& model, int32_t value, uint32_t most) {
    const uint32_t folded = value < 0 ? 2 * uint32_t(-value) - 1 : 2 * uint32_t(value);
    const uint32_t found = number(model, folded, 2 * most);
    return found & 1 ? -int32_t((found + 1) / 2) : int32_t(found / 2);
  }

  uint64_t size() const { return encoder_.size; }  // bytes written so far

  // The payload of what was written, which is something.
  std::vector<uint8_t> finish() {
    encoder_.finish();
    out_.resize(encoder_.size);
    return std::move(out_);
  }

  // Throws FormatError unless all that was written has been read.
  void end() const {
    if (!decoder_.complete()) throw FormatError("a filter's stream is damaged: bytes are left over");
  }

 private:
  void check() const {
    if (!decoder_.valid()) throw FormatError("a filter's stream is damaged: it ends too early");
  }

  bool reads_ = false;
  Encoder encoder_{};
  Decoder decoder_{};
  std::vector<uint8_t> out_;
};

}  // namespace nncomp
