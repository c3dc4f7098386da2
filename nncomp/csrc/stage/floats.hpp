// Predictions of a number in floating point, highest byte first (docs/numerics.md, section 11): the linear ones of
// samples.hpp, of values whose unit is found anew for each number. namespace feature: see past.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/samples.hpp"
#include "stage/squares.hpp"
#include "stage/state.hpp"

namespace nncomp::mix {
namespace {

constexpr int FRACTION = 30;     // bits of a fraction that are used
constexpr int MOST_UP = 13;  // octaves that a number may be above the largest one before; larger ones are clipped
constexpr int64_t MOST_GUESS = int64_t(1) << 46;

// fraction · 2^exponent; what is no number is 0.
struct Float {
  int32_t fraction;  // within 2^31
  int32_t exponent;  // 0 … 2046
};

inline uint64_t size_of(int64_t v) { return uint64_t(v < 0 ? -v : v); }
inline int64_t within(int64_t v, int64_t most) { return v < -most ? -most : v > most ? most : v; }

// The highest bits are those of the number, and zeros follow.
inline Float float_of(const FloatFormat& f, uint64_t bits) {
  if (f.base == 0) return {int32_t(int64_t(bits) >> (64 - 8 * f.width)), 0};
  const int rest = 63 - f.exponent;
  const uint32_t exponent = uint32_t(bits << 1 >> (64 - f.exponent));
  uint32_t fraction = uint32_t((bits & ((uint64_t(1) << rest) - 1)) >> (rest - FRACTION));
  if (f.base == 1) {  // IEEE 754
    if (exponent == (1u << f.exponent) - 1) return {0, 0};
    if (exponent) fraction |= 1u << FRACTION;
  }
  return {bits >> 63 ? -int32_t(fraction) : int32_t(fraction), int32_t(exponent) * f.base};
}

// In units of 2^scale, towards 0: |v| < 2^44.
inline int64_t in_units(const Float& x, int32_t scale) {
  const int32_t up = x.exponent - scale;
  const int64_t size = int64_t(size_of(x.fraction));
  const int64_t v = up < 0 ? size >> (up < -FRACTION ? FRACTION + 1 : -up) : size << (up > MOST_UP ? MOST_UP : up);
  return x.fraction < 0 ? -v : v;
}

// The first 32 bits of the number that is about v units of 2^scale, |v| <= MOST_GUESS.
inline uint32_t bits_of(const FloatFormat& f, int64_t v, int32_t scale) {
  if (f.base == 0) {
    const int64_t end = int64_t(1) << (8 * f.width - 1);
    return uint32_t(v < -end ? -end : v >= end ? end - 1 : v) << (32 - 8 * f.width);
  }
  const uint32_t sign = v < 0 ? 1u << 31 : 0;
  if (v == 0) return sign;
  const bool ieee = f.base == 1;
  int32_t up = highest_bit(size_of(v)) - FRACTION + (ieee ? 0 : 1);
  if (!ieee) up += -(scale + up) & 3;  // the exponent counts by four
  const int32_t exponent = (scale + up) / f.base, most = (1 << f.exponent) - 1;
  if (exponent <= 0) return sign;
  if (exponent >= most) return sign | uint32_t(most) << (31 - f.exponent);
  const uint64_t fraction = up < 0 ? size_of(v) << -up : size_of(v) >> up;
  const uint32_t below = uint32_t(fraction >> (FRACTION - 31 + f.exponent)) & ((1u << (31 - f.exponent)) - 1);
  return sign | uint32_t(exponent) << (31 - f.exponent) | below;
}

// log2 of a size, approximately, in 1/8; 0 for 0.
inline int32_t log_of(uint64_t size) {
  if (size == 0) return 0;
  const int place = highest_bit(size);
  return 8 * place + int32_t(size << 3 >> place & 7);
}

// The bits of the number that begins k bytes before the byte to come, followed by zeros.
inline uint64_t number_bits(const Shared& s, const Lane& l, uint32_t k) {
  if (l.t < k) return 0;
  const uint8_t* b = s.data + l.start + (l.t - k);
  uint64_t bits = 0;
  for (uint32_t i = 0; i < s.shape.stride; ++i) bits |= uint64_t(b[i]) << (56 - 8 * i);
  return bits;
}

// A record has so few numbers that each is predicted from its like; longer ones are rows.
inline bool has_frames(const Shape& p) { return p.period <= 8 * p.stride; }

// The inputs of predictions, in units that hold the largest of them.
inline void find_units(const Shared& s, const Lane& l, Floats& a) {
  const Shape& p = s.shape;
  const auto at = [&](uint32_t k) { return float_of(p.format, number_bits(s, l, k)); };
  const uint32_t like = has_frames(p) ? p.period : p.stride;
  const Float before = at(like);
  Float pair[TAPS][2] = {};
  int n = 0;
  a.scale = before.exponent;
  differences(!has_frames(p), p.stride, like, p.period, [&](uint32_t u, uint32_t v) {
    pair[n][0] = at(u);
    pair[n][1] = at(v);
    for (const Float& x : pair[n]) a.scale = x.exponent > a.scale ? x.exponent : a.scale;
    ++n;
  });
  uint64_t largest = 1;
  for (int i = 0; i < TAPS; ++i) {
    a.x[i] = in_units(pair[i][0], a.scale) - in_units(pair[i][1], a.scale);  // within 2^32
    largest = size_of(a.x[i]) > largest ? size_of(a.x[i]) : largest;
  }
  a.before = in_units(before, a.scale);
  a.down = highest_bit(largest) - 14;
  a.channel = has_frames(p) ? l.row_at / p.stride : 0;
}

// Predicts the number that begins with the byte to come.
inline void predict_float(const Shared& s, Lane& l) {
  Floats& a = l.floats;
  find_units(s, l, a);
  const auto linear = [&](const int32_t (&weight)[TAPS]) {
    int64_t sum = 0;  // < 2^57
    for (int i = 0; i < TAPS; ++i) sum += weight[i] * a.x[i];
    return a.before + (sum >> 16);
  };
  for (int j = 0; j < LEARNING; ++j) a.guess[j] = linear(l.samples.weight[j][a.channel]);
  a.guess[2] = a.before;
  a.guess[3] = a.before + (has_frames(s.shape) ? -a.x[0] : a.x[0] - a.x[1]);
  for (int j = 0; j < 2 * SQUARES; ++j) a.guess[LEARNING + FIXED + j] = linear(l.squares[a.channel].weight[j]);
  for (int64_t& g : a.guess) g = within(g, MOST_GUESS);
}

// Learns from the number that was predicted: the byte that the lane has taken in was its last.
inline void learn_float(const Shared& s, Lane& l) {
  const Shape& p = s.shape;
  Floats& a = l.floats;
  const int64_t value = in_units(float_of(p.format, number_bits(s, l, p.stride)), a.scale);
  const auto reduced = [&](int64_t v) {  // to 17 bits
    return int32_t(within(a.down < 0 ? v * (int64_t(1) << -a.down) : v >> a.down, 65535));
  };
  int32_t x[TAPS];  // 16 bits
  for (int i = 0; i < TAPS; ++i) x[i] = reduced(a.x[i]);
  learn_squares(l.squares[a.channel], has_frames(p) ? OF_SOUND : OF_ROWS, x, reduced(value - a.before));
  const int64_t inverse = inverse_power(x);
  for (int j = 0; j < PREDICTIONS; ++j) {
    const int64_t miss = value - a.guess[j];
    const int32_t log = 256 * (8 * a.scale + log_of(size_of(miss)));
    int32_t& mean = a.error[j][a.channel];
    mean = mean ? mean + ((log - mean) >> 4) : log;
    if (j < LEARNING) learn_linear(l.samples.weight[j][a.channel], x, (reduced(miss) * inverse) >> 20, j);
  }
}

// The bytes of the current number so far, followed by zeros.
inline uint64_t begun(const Lane& l) { return l.channel ? l.recent[0] << (64 - 8 * l.channel) : 0; }

// A bit of a number decides on which side of a threshold it is.
struct Cut {
  int64_t value;
  int32_t width;  // log_of the size of the interval whose next bit is 0; large for the sign
  bool one_is_less;
};
inline Cut cut_of(const Shape& p, const Lane& l, uint32_t k, uint32_t byte_node) {
  if (l.channel == 0 && k == 0) return {0, 1 << 20, true};
  const int below = 56 - 8 * int(l.channel);  // bits behind this byte
  const uint64_t least = begun(l) | uint64_t(byte_node << (8 - k) & 255) << below;
  const int64_t value = in_units(float_of(p.format, least | uint64_t(128u >> k) << below), l.floats.scale);
  const int64_t from = in_units(float_of(p.format, least), l.floats.scale);
  return {value, 8 * l.floats.scale + log_of(size_of(value - from)), p.format.base && least >> 63};
}

// The distance of prediction j from the threshold, quantised in units of its usual error: < 256.
inline uint32_t cut_place(const Lane& l, const Cut& cut, int j) {
  const Floats& a = l.floats;
  const int32_t down = (a.error[j][a.channel] >> 11) - a.scale - 5;  // to 32 for a usual error
  const int64_t d = cut.one_is_less ? cut.value - a.guess[j] : a.guess[j] - cut.value;
  const int64_t steps = down < 0 ? d * (int64_t(1) << (down < -15 ? 15 : -down)) : d >> (down > 62 ? 62 : down);
  return step_of(int32_t(within(steps, 65535))) | (l.channel ? 0 : 128);
}

// The class of the interval's size relative to the usual error of prediction j: < 8.
inline uint32_t cut_class(const Lane& l, const Cut& cut, int j) {
  const int32_t octaves = (cut.width - (l.floats.error[j][l.floats.channel] >> 8)) >> 3;
  return uint32_t(octaves < -4 ? 0 : octaves > 3 ? 7 : octaves + 4);
}

namespace feature {

// Prediction j of the byte to come, for the first four of a number: for byte 0 that byte and half of the next; for the
// others how far the prediction is above the bytes so far, from byte 2 on in steps of 4.
inline uint64_t figure(const Shared& s, const Lane& l, int j) {
  const uint32_t n = l.channel;
  if (n > 3) return 0;
  const uint32_t bits = bits_of(s.shape.format, l.floats.guess[j], l.floats.scale);
  if (n == 0) return bits >> 20;
  const uint64_t there = begun(l) >> (64 - 8 * n);
  if (there >> (8 * n - 1) != bits >> 31) return 1 << 12 | n;  // another sign
  const int64_t above = int64_t(bits >> (24 - 8 * n)) - int64_t(there << 8), fine = n == 1 ? 1 : 4;
  const int64_t v = above < -128 * fine ? -128 * fine : above > 383 * fine ? 383 * fine : above;
  return 2 << 12 | n << 10 | uint64_t((v >> (n == 1 ? 0 : 2)) + 128);
}

// About how many leading bits of prediction j are usually right: < 32.
inline uint64_t sure(const Shared&, const Lane& l, int j) {
  const Floats& a = l.floats;
  const int32_t eighths = 8 * a.scale + log_of(size_of(a.guess[j])) - (a.error[j][a.channel] >> 8);
  return uint64_t(eighths < 0 ? 0 : eighths > 255 ? 31 : eighths >> 3);
}

// The byte's place in its number; from the third byte on, also the number's sign and exponent.
inline uint64_t exponent(const Shared& s, const Lane& l) {
  return l.channel < 2 ? l.channel : begun(l) >> (63 - s.shape.format.exponent) << 4 | l.channel;
}

}  // namespace feature
}  // namespace
}  // namespace nncomp::mix
