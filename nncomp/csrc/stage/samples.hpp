// Predictions of a sample: by two linear ones that learn, two that do not, and four of least squares. namespace
// feature: see past.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/squares.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

inline int32_t low16(int32_t v) { return int16_t(uint16_t(v)); }

// Of two samples: modulo 2^16 where they are numbers of 16 bits.
inline int32_t difference(const Shape& p, int32_t u, int32_t v) { return p.width == 2 ? low16(u - v) : u - v; }

// The sample that begins k bytes before the byte to come.
inline int32_t sample(const Shared& s, const Lane& l, uint32_t k) {
  if (l.t < k) return 0;
  const uint8_t* b = s.data + l.start + (l.t - k);
  return s.shape.width == 2 ? b[0] | b[1] << 8 : b[0] << 8;
}

inline bool is_sound(const Shape& p) { return p.period <= 4 * p.stride; }  // otherwise it has rows

// How many bytes before the byte to come two numbers of `width` begin: calls tap(u, v) for each difference that counts.
// The number before, of the same channel, begins B bytes before, and rows have P bytes.
template <class Tap>
inline void differences(bool rows, uint32_t width, uint32_t B, uint32_t P, Tap tap) {
  const uint32_t others = B / width > 3 ? 2 : B / width - 1;  // channels before this one that are looked at
  if (rows) {
    const uint32_t near[12] = {P,         P + B,     P - B,     2 * B, 3 * B,     4 * B,
                               P - 2 * B, P - 3 * B, P + 2 * B, 2 * P, 2 * P - B, 2 * P + B};
    for (const uint32_t k : near) tap(k, B);
  } else {
    for (uint32_t i = 2; i < TAPS + 2 - 4 * others; ++i) tap(i * B, (i - 1) * B);
  }
  for (uint32_t k = width; k <= others * width; k += width) {
    if (rows) {
      tap(k, k + B);
      tap(k, k + P);
      tap(k + P - B, k);
      tap(k + P + B, k);
    } else {
      for (uint32_t i = 0; i < 4; ++i) tap(k + i * B, k + (i + 1) * B);
    }
  }
}

// What the linear predictions are made of, and the two others.
inline void look_around(const Shared& s, Lane& l) {
  const Shape& p = s.shape;
  const uint32_t B = p.stride, P = p.period;
  Samples& a = l.samples;
  const auto at = [&](uint32_t k) { return sample(s, l, k); };
  const auto minus = [&](int32_t u, int32_t v) { return difference(p, u, v); };
  const int32_t W = a.before = at(B), WW = at(2 * B);
  const bool rows = !is_sound(p);
  int n = 0;
  differences(rows, p.width, B, P, [&](uint32_t u, uint32_t v) { a.x[n++] = minus(at(u), at(v)); });
  while (n < TAPS) a.x[n++] = 0;
  if (rows) {
    const int32_t N = at(P), NW = at(P + B), NE = at(P - B);
    a.guess[2] = W + minus(N, NW);
    a.guess[3] = W + int32_t((int64_t(minus(N, W) + minus(NE, W)) * 21845) >> 16);  // a third
  } else {
    a.guess[2] = W + 2 * minus(W, WW) + minus(at(3 * B), WW);
    a.guess[3] = W + minus(W, WW);
  }
}

// Predicts the sample that begins with the byte to come.
inline void predict_sample(const Shared& s, Lane& l) {
  Samples& a = l.samples;
  look_around(s, l);
  const auto linear = [&](const int32_t (&weight)[TAPS]) {
    int64_t sum = 0;
    for (int i = 0; i < TAPS; ++i) sum += int64_t(weight[i]) * a.x[i];
    return a.before + int32_t(sum >> 16);
  };
  for (int j = 0; j < LEARNING; ++j) a.guess[j] = linear(a.weight[j][l.channel]);
  for (int j = 0; j < 2 * SQUARES; ++j) a.guess[LEARNING + FIXED + j] = linear(l.squares[l.channel].weight[j]);
  for (int32_t& g : a.guess) g = s.shape.width == 2 ? g & 65535 : g < 0 ? 0 : g > 65280 ? 65280 : g;
}

// 2^44 over the power of what weights are learnt from: 2^7 … 2^32.
inline int64_t inverse_power(const int32_t (&x)[TAPS]) {
  uint64_t power = 1 << 12;  // < 2^37
  for (int i = 0; i < TAPS; ++i) power += uint64_t(int64_t(x[i]) * x[i]);
  return int64_t((uint64_t(1) << 44) / power);
}

// Of prediction j < LEARNING, that has missed by `step` of that.
inline void learn_linear(int32_t (&weight)[TAPS], const int32_t (&x)[TAPS], int64_t step, int j) {
  for (int i = 0; i < TAPS; ++i) {
    const int64_t w = weight[i] + ((step * x[i]) >> (j == 0 ? 9 : 13));
    weight[i] = int32_t(w < -(1 << 18) ? -(1 << 18) : w > 1 << 18 ? 1 << 18 : w);
  }
}

// The sample that began at `channel` is known now.
inline void learn_sample(const Shape& p, Lane& l, uint32_t channel, int32_t value) {
  Samples& a = l.samples;
  learn_squares(l.squares[channel], is_sound(p) ? OF_SOUND : OF_ROWS, a.x, difference(p, value, a.before));
  const int64_t inverse = inverse_power(a.x);
  for (int j = 0; j < PREDICTIONS; ++j) {
    const int32_t error = difference(p, value, a.guess[j]);
    uint32_t& mean = a.error[j][channel];
    mean += uint32_t(error < 0 ? -error : error) * 16 - mean / 16;
    if (j < LEARNING) learn_linear(a.weight[j][channel], a.x, (error * inverse) >> 20, j);  // |error| < 2^17
  }
}

// The byte that the lane has coded ends a sample, or does not.
inline void remember_sample(const Shape& p, Lane& l, uint32_t c) {
  if (p.width == 1) learn_sample(p, l, l.channel, int32_t(c << 8));
  if (p.width == 2 && l.channel & 1) {
    learn_sample(p, l, l.channel - 1, int32_t(c << 8 | (l.recent[0] >> 8 & 255)));
  }
}

// A difference in 128 steps that are finer near 0.
inline uint32_t step_of(int32_t d) {
  const uint32_t size = uint32_t(d < 0 ? -d : d);
  uint32_t v = size / 2;
  if (size >= 8) {
    const uint32_t log = uint32_t(highest_bit(size));
    v = 4 * (log - 2) + (size >> (log - 2) & 3);
    v = v > 63 ? 63 : v;
  }
  return d < 0 ? 63 - v : 64 + v;
}

// Where prediction j stands, seen from what bit k, behind those of `byte_node`, decides: < 256.
inline uint32_t place_of(const Shape& p, const Lane& l, int j, uint32_t k, uint32_t byte_node) {
  const uint32_t from = (byte_node << (8 - k)) & 255, middle = from + (128u >> k);
  const int32_t guess = l.samples.guess[j];
  if (p.width == 1) return step_of(guess - int32_t(middle << 8));
  if (l.channel & 1) return 128 + step_of(low16(guess - int32_t(l.recent[0] & 255) - int32_t(middle << 8)));
  return (uint32_t(guess) - from) & 255;  // the low byte, which comes first
}

// How wrong prediction j is on average: < 8.
inline uint32_t error_class(const Shape& p, const Lane& l, int j) {
  const uint32_t mean = l.samples.error[j][l.channel & ~(p.width - 1)] >> 8;
  const uint32_t e = uint32_t(highest_bit(mean + 1)) >> 1;
  return e < 7 ? e : 7;
}

namespace feature {

// For the low byte, and then, in steps of a quarter, the high one.
inline uint64_t guess(const Shared&, const Lane& l, int j) {
  const uint64_t g = uint64_t(l.samples.guess[j]), c1 = uint8_t(l.recent[0]);
  return l.channel | (l.channel & 1 ? ((g - c1 + 128) & 65535) >> 6 : g & 255) << 8;
}

}  // namespace feature
}  // namespace
}  // namespace nncomp::mix
