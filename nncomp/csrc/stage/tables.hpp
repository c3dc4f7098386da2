// The adaptive stage's constant tables (docs/numerics.md, section 10), built once from integers.
#pragma once

#include <cstdint>

#include "network/tables.hpp"

namespace nncomp::mix {

constexpr uint32_t MAX_SEEN = 1023;  // what is counted of rows of the second layer and of the readout

struct Tables {
  int16_t stretch[4096];     // of p = (2i + 1)/8192, in 1/128 octave
  uint32_t squash[4096];     // 2^22 / (1 + 2^−x), x = (i − 2048)/128 octave; [0] is [1]
  uint8_t next[2][256];      // the history that follows a bit and a history
  uint16_t reciprocal[256];  // 2^15 / (n + 1.5); two bytes more are read
  uint16_t start[256];       // the 16-bit probability that a history's cell starts with
  // How fast rows learn that have been seen so often: of the first layer, in 1/2^10, and in 32 times; of the second, in
  // 1/2^10; of the readout, in 1/2^12. Of either layer with lean and rich, with max.
  int16_t first_rate[2][256];
  int16_t second_rate[2][MAX_SEEN + 1];
  int16_t readout_rate[MAX_SEEN + 1];
};

// How many histories stand for n0 zeros and n1 ones: none, one, or two that tell the last bit.
constexpr int kept(int n0, int n1) {
  constexpr int BOUND[6] = {40, 31, 13, 8, 6, 5};  // most that the larger count may be, by the smaller
  const int small = n0 < n1 ? n0 : n1, large = n0 < n1 ? n1 : n0;
  if (small > 5 || large > BOUND[small] || n0 + n1 < 4) return 0;
  return small > 0 && n0 + n1 <= 17 ? 2 : 1;
}

// History 0 is empty; 1 … 14 are the exact bits of length 1 … 3, at 2^length − 1 + bits; from 15 on come
// counts, by total, then by ones, then by last bit.
inline void build_histories(Tables& t) {
  uint8_t n0[256] = {}, n1[256] = {};
  int count = 15;
  for (int length = 1; length < 4; ++length) {
    for (int bits = 0; bits < 1 << length; ++bits) {
      const int s = (1 << length) - 1 + bits;
      n1[s] = uint8_t((bits & 1) + (bits >> 1 & 1) + (bits >> 2));
      n0[s] = uint8_t(length - n1[s]);
    }
  }
  for (int total = 4; total <= 40; ++total) {
    for (int ones = 0; ones <= total; ++ones) {
      for (int k = 0; k < kept(total - ones, ones); ++k, ++count) {
        n0[count] = uint8_t(total - ones);
        n1[count] = uint8_t(ones);
      }
    }
  }
  for (int s = 0; s < count; ++s) {
    for (int bit = 0; bit < 2; ++bit) {
      if (s < 7) {  // the exact history grows
        const int length = s == 0 ? 0 : s < 3 ? 1 : 2;
        t.next[bit][s] = uint8_t((2 << length) - 1 + ((s + 1 - (1 << length)) << 1 | bit));
        continue;
      }
      int c[2] = {n0[s], n1[s]};
      ++c[bit];
      int& other = c[1 - bit];  // what contradicts the bit fades
      other = other <= 5 ? other : other == 6 ? 5 : other == 7 ? 6 : 7;
      while (kept(c[0], c[1]) == 0) {
        int& large = c[0] >= c[1] ? c[0] : c[1];
        int& small = c[0] >= c[1] ? c[1] : c[0];
        if (small >= 4) {
          large = int(unsigned(large * (small - 1) + small / 2) / unsigned(small));
          --small;
        } else {
          --large;
        }
      }
      int found = 15;
      while (n0[found] != c[0] || n1[found] != c[1]) ++found;
      t.next[bit][s] = uint8_t(kept(c[0], c[1]) == 2 && bit ? found + 1 : found);
    }
  }
  for (int s = 0; s < 256; ++s) {  // (n1 + 1/2)/(n + 1), twice as sure where one bit never came
    uint32_t zero = 2u * n0[s] + 1, one = 2u * n1[s] + 1;
    if (n0[s] == 0 && n1[s] > 0) one *= 2;
    if (n1[s] == 0 && n0[s] > 0) zero *= 2;
    t.start[s] = uint16_t(65535 * one / (zero + one));
  }
}

inline void build_rates(Tables& t) {
  for (int i = 0; i < 256; ++i) {
    t.first_rate[0][i] = int16_t(16 + 9900 / (i + 37));
    t.first_rate[1][i] = int16_t(16 + 2700 / (i + 25));
  }
  uint32_t root = 512;  // floor(√(9600000 / (n + 40)))
  for (uint32_t n = 0; n <= MAX_SEEN; ++n) {
    t.second_rate[0][n] = int16_t(18 + 9000 / (n + 40));
    t.second_rate[1][n] = int16_t(18 + 4100 / (n + 50));
    while (root * root > 9'600'000 / (n + 40)) --root;
    t.readout_rate[n] = int16_t(root);
  }
}

inline Tables build_tables() {
  Tables t{};
  for (uint32_t m = 0; m < 2048; ++m) {  // POW[f]/2^30 = 2^−(f/256), and m/128 octaves are 2m/256
    const uint64_t f = POW[2 * m & 255];
    const uint64_t p = (f << 22) / ((uint64_t(1) << (30 + (2 * m >> 8))) + f);
    t.squash[2048 - m] = uint32_t(p);
    t.squash[2048 + m] = uint32_t((1 << 22) - p);
  }
  t.squash[0] = t.squash[1];
  uint32_t above = 0;  // how many of squash[2049 …] are at most p
  for (uint32_t i = 2048; i < 4096; ++i) {
    const uint32_t p = (2 * i + 1) << 9;
    while (above < 2047 && t.squash[2049 + above] <= p) ++above;
    t.stretch[i] = int16_t(above);
    t.stretch[4095 - i] = int16_t(-int(above));
  }
  for (uint32_t n = 0; n < 256; ++n) t.reciprocal[n] = uint16_t(65536 / (2 * n + 3));
  build_rates(t);
  build_histories(t);
  return t;
}

}  // namespace nncomp::mix
