// Signed integers as adaptive binary decisions, for a model's tensors inside a file (docs/format.md, section 5):
// the difference of a tensor to one that both sides have, row by row. Plain integers throughout;
// nncomp/engine/reference/integers.py is the same in Python.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "coder/coder.hpp"
#include "coder/error.hpp"

namespace nncomp {

constexpr int INTEGER_KINDS = 16;     // sets of statistics, each shared by some tensors
constexpr int INTEGER_STEPS = 9;      // classes of the largest power of two that divides a row's numbers so far
constexpr int INTEGER_CONTEXTS = 12;  // classes of the magnitude of a value's neighbours
constexpr int INTEGER_BITS = 62;      // a magnitude is below 2^62

// RATE[n] = 2^15/(n + 1.5)
inline constexpr auto RATE = [] {
  std::array<int32_t, 255> rate{};
  for (int n = 0; n < 255; ++n) rate[size_t(n)] = 65536 / (2 * n + 3);
  return rate;
}();

// The probability of a 1, and how often it has been corrected.
struct AdaptiveBit {
  static constexpr int32_t ONE = 1 << PROBABILITY_BITS;
  static constexpr int32_t MARGIN = 64;

  int32_t p = ONE / 2;
  uint32_t count = 0;

  void learn(uint32_t bit) {
    const int32_t target = bit ? ONE : 0;
    p += int32_t((int64_t(target - p) * RATE[count]) >> 15);
    p = p < MARGIN ? MARGIN : p > ONE - MARGIN ? ONE - MARGIN : p;
    count += count + 1 < RATE.size();
  }
};

// What one kind of tensor has shown so far, in rows of one step.
struct IntegerModel {
  AdaptiveBit zero[INTEGER_CONTEXTS];
  AdaptiveBit negative;
  AdaptiveBit longer[INTEGER_CONTEXTS][INTEGER_BITS];  // is it longer than i + 1 bits?
  AdaptiveBit high[INTEGER_BITS + 1][8];               // of each length: three bits behind the first, as a tree
  AdaptiveBit low[INTEGER_BITS + 1][INTEGER_BITS];     // those below, each by its place
};

// Codes `value`, |value| < 2^62, by choose(AdaptiveBit&, bit), which returns the bit: `bit`, or what it decodes.
template <class Choose>
inline int64_t code_integer(IntegerModel& model, int context, int64_t value, Choose choose) {
  if (choose(model.zero[context], value == 0)) return 0;
  const bool negative = choose(model.negative, value < 0);
  const uint64_t magnitude = uint64_t(value < 0 ? -value : value);
  const int bits = int(std::bit_width(magnitude));
  int length = 1;
  while (length < INTEGER_BITS && choose(model.longer[context][length - 1], bits > length)) ++length;
  uint64_t found = 1;
  for (int place = length - 2; place >= 0; --place) {
    AdaptiveBit& bit = found < 8 ? model.high[length][found] : model.low[length][place];
    found = 2 * found + choose(bit, (magnitude >> place) & 1);
  }
  return negative ? -int64_t(found) : int64_t(found);
}

// The tensors of one payload share a coder, and those of a kind its models. Tensors are (rows, columns).
template <class Coder>
class IntegerStream {
 protected:
  // Hands each of rows × columns places to code(model, context, place) -> difference, row by row.
  template <class Code>
  void walk(int kind, size_t rows, size_t columns, Code code) {
    std::vector<uint32_t> above(columns);  // magnitudes of the row before, as far as they are not replaced
    for (size_t row = 0; row < rows; ++row) {
      uint64_t seen = uint64_t(1) << (INTEGER_STEPS - 1);  // bits of the magnitudes in this row, and a last one
      uint32_t left = 0, before = 0;
      for (size_t column = 0; column < columns; ++column) {
        const int context = int(std::bit_width(2 * (left + above[column]) + before));
        IntegerModel& model = model_of(kind, std::countr_zero(seen));
        const int64_t value =
            code(model, context < INTEGER_CONTEXTS ? context : INTEGER_CONTEXTS - 1, row * columns + column);
        const uint64_t magnitude = uint64_t(value < 0 ? -value : value);
        seen |= magnitude;
        before = left;
        left = uint32_t(std::min<uint64_t>(magnitude, 1 << 16));
        above[column] = left;
      }
    }
  }

  Coder coder_{};

 private:
  IntegerModel& model_of(int kind, int step) {
    std::unique_ptr<IntegerModel>& model = models_[size_t(kind * INTEGER_STEPS + step)];
    if (!model) model = std::make_unique<IntegerModel>();
    return *model;
  }

  std::array<std::unique_ptr<IntegerModel>, size_t(INTEGER_KINDS* INTEGER_STEPS)> models_;  // as they are needed
};

class IntegerEncoder : IntegerStream<Encoder> {
 public:
  // Appends values − base. Throws invalid_argument where a difference is not below 2^62, and behind the end.
  template <class T>
  void put(int kind, const T* values, const T* base, size_t rows, size_t columns) {
    require_unfinished();
    walk(kind, rows, columns, [&](IntegerModel& model, int context, size_t i) {
      const int64_t value = values[i], from = base[i], difference = int64_t(uint64_t(value) - uint64_t(from));
      if ((value < from) != (difference < 0) || difference <= -END || difference >= END) {
        throw std::invalid_argument("a difference is out of range");
      }
      if (out_.size() < coder_.size + MAX_BYTES) out_.resize(2 * out_.size() + MAX_BYTES);
      coder_.out = out_.data();
      return code_integer(model, context, difference, [&](AdaptiveBit& state, uint32_t bit) {
        coder_.put(bit, uint32_t(state.p));
        state.learn(bit);
        return bit;
      });
    });
  }

  // The payload; the encoder is used up. At least one value has been put. Throws invalid_argument the second time.
  std::span<const uint8_t> finish() {
    require_unfinished();
    finished_ = true;
    coder_.finish();
    return {out_.data(), size_t(coder_.size)};
  }

 private:
  static constexpr int64_t END = int64_t(1) << INTEGER_BITS;
  static constexpr size_t MAX_BYTES = 3 * (2 + 2 * INTEGER_BITS) + 1;  // of a value, and of the end

  void require_unfinished() const {
    if (finished_) throw std::invalid_argument("it has ended");
  }

  bool finished_ = false;
  std::vector<uint8_t> out_;
};

class IntegerDecoder : IntegerStream<Decoder> {
 public:
  // The payload is the caller's, and stays where it is.
  explicit IntegerDecoder(std::span<const uint8_t> payload) {
    coder_.in = payload.data();
    coder_.size = payload.size();
    coder_.start();
    check();
  }

  // Adds the next differences to `values`. Throws FormatError where the payload ends, or a sum does not fit.
  template <class T>
  void add(int kind, T* values, size_t rows, size_t columns) {
    walk(kind, rows, columns, [&](IntegerModel& model, int context, size_t i) {
      const int64_t difference = code_integer(model, context, 0, [&](AdaptiveBit& state, uint32_t) {
        const uint32_t bit = coder_.get(uint32_t(state.p));
        state.learn(bit);
        return bit;
      });
      check();
      const int64_t from = values[i], sum = int64_t(uint64_t(from) + uint64_t(difference));
      if ((sum < from) != (difference < 0) || sum < std::numeric_limits<T>::min() ||
          sum > std::numeric_limits<T>::max()) {
        throw FormatError("the embedded model is damaged: a number is out of range");
      }
      values[i] = T(sum);
      return difference;
    });
  }

  // Throws FormatError unless the payload ends here.
  void finish() const {
    if (!coder_.complete()) throw FormatError("the embedded model is damaged: bytes are left over");
  }

 private:
  void check() const {
    if (!coder_.valid()) throw FormatError("the embedded model is damaged: it ends too early");
  }
};

}  // namespace nncomp
