// The contexts of the adaptive stage: what of the bytes before decides where the next one's histories are.
// Everything is in unnamed namespaces: see kernel_body.hpp.
#pragma once

#include <cstdint>

#include "mix_state.hpp"

namespace nncomp::mix {
namespace {

constexpr uint64_t K1 = 0x9E3779B97F4A7C15, K2 = 0xD6E8FEB86659FD93, K3 = 0x632BE59BD9B4E019;

inline uint64_t combine(uint64_t a, uint64_t b) { return (a + b * K1 + 0x7F4A7C15) * K2; }
inline uint64_t with_nibble(uint64_t h, uint32_t nibble) { return (h ^ (nibble + 1) * K1) * K2; }

inline uint32_t length_class(uint32_t n) {  // 0 … 23
  if (n < 16) return n;
  if (n < 32) return n < 24 ? 16 : 17;
  if (n < 64) return 18;
  if (n < 128) return 19;
  if (n < 256) return 20;
  if (n < 512) return 21;
  return n < 1024 ? 22 : 23;
}

enum Class : uint32_t { LOWER = 1, UPPER, DIGIT, SPACE, LINE, HIGH, CONTROL, COMMA, QUOTE, ANGLE, POINT, OTHER };

inline uint32_t byte_class(uint32_t c) {
  if (c >= 'a' && c <= 'z') return LOWER;
  if (c >= 'A' && c <= 'Z') return UPPER;
  if (c >= '0' && c <= '9') return DIGIT;
  if (c >= 128) return HIGH;
  switch (c) {
    case ' ': return SPACE;
    case '\n': return LINE;
    case ',': return COMMA;
    case '"': return QUOTE;
    case '<': case '>': return ANGLE;
    case '.': return POINT;
    default: return c < 32 ? CONTROL : OTHER;
  }
}

inline bool ends_field(uint32_t c) {
  return c == ' ' || c == ',' || c == '\t' || c == ';' || c == '|' || c == ':' || c == '"';
}

// Sets the lane's `next`, and fetches what will be read there.
inline void set_contexts(const Shared& s, Lane& l) {
  const Profile& p = s.profile;
  const uint8_t* base = s.data + l.start;
  const uint64_t c = l.recent[0];
  const uint64_t c1 = uint8_t(c), c2 = uint8_t(c >> 8), c3 = uint8_t(c >> 16), c4 = uint8_t(c >> 24);
  const uint64_t c5 = uint8_t(c >> 32), c6 = uint8_t(c >> 40);
  const uint32_t P = p.period;
  uint32_t n = 0;
  const auto add = [&](uint64_t v) {
    uint64_t h = (v + (n + 1) * K3) * K1;
    h ^= h >> 29;
    l.next[n++] = h * K2;
  };
  const auto order = [&](int k) { return c & (~uint64_t(0) >> (64 - 8 * k)); };
  const auto back = [&](uint32_t k) { return uint64_t(l.t >= k ? base[l.t - k] : 0); };
  const auto above = [&](uint32_t k) {  // the byte k columns on in the line above
    const uint32_t at = l.line_above + l.column + k;
    return uint64_t(at < l.line ? base[at] : 0);
  };
  const uint64_t over = above(0), column = l.column < 255 ? l.column : 255;
  const uint64_t after1 = s.after1[c1], after2 = s.after2[c & 0xFFFF];
  const uint64_t tokens = combine(l.tokens & 0xFFFFFFFF, combine(uint64_t(l.run) << 8 | c1, l.word));

  if (!p.rich) {
    add(order(2));
    add(order(3));
    add(order(4));
    add(order(6));
    add(combine(l.word, c1));
    add(tokens);
    add(P ? combine(back(P) << 8 | c1, 2) : combine(column, over));
  } else if (p.contexts == GENERAL) {
    add(order(2));
    add(order(3));
    add(order(4));
    add(order(6));
    add(combine(l.word, c1));
    add(combine(l.word, l.word1));
    add(combine(l.expected | 0x10000, c1));
    add(combine(after2, c1 | 0x2200));
    add(combine(l.shape, 0x3401));
    add(combine(l.tokens, 0x3800));
    add(tokens);
    add(P ? combine(back(P) << 16 | back(P + 1) << 8 | c1, 0x501) : combine(column, over));
    if (!p.network) {  // which knows these well enough
      add(combine(l.field, l.fields | 0x3500));
      add(combine(c, order(7)));
      add(combine(l.word, l.word1 * 3 + l.word2 * 5));
      add(c2 << 8 | c3);
      add(combine(over << 8 | c1, 77));
      add(combine(over << 16 | above(1) << 8 | c1, 0x3700));
      add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
      add(combine(l.shape & 0xFFFFFFFFFF, c1 | 0x3300));
    }
  } else if (p.contexts == RECORDS) {
    const uint64_t at = l.row_at, N = back(P), NE = back(P - 1), NW = back(P + 1);
    add(order(2));
    add(order(3));
    add(order(4));
    add(order(6));
    add(combine(N | at << 8, 1));
    add(combine(N << 8 | c1, 2));
    add(combine(N << 16 | back(2 * P) << 8 | back(3 * P), 3));
    add(combine(at << 8 | c1, 4));
    add(combine(N << 16 | NE << 8 | c1, 5));
    add(combine(at, order(2)));
    add(combine(c2, 7));
    add(combine(c3 << 8 | c4, 8));
    add(combine(c1 << 8 | c3, 9));
    add(combine(uint8_t(c1 + N - NW), 10));
    add(combine(l.expected, 12));
    add(combine(at, 11));
    add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
    add(combine(after2, c1 | 0x2200));
    add(combine(N << 24 | NE << 16 | NW << 8 | back(2 * P), c1));
    add(combine(N << 16 | NW << 8 | c1, c2));
  } else if (p.contexts == CODE) {
    add(order(2));
    add(order(3));
    add(order(4));
    add(order(6));
    add(order(5));
    add(combine(c, order(7)));
    add(combine(c2 << 8 | c3, 1));
    add(combine(c2 << 16 | c3 << 8 | c4, 2));
    add(combine(c1 << 16 | c3 << 8 | c4, 3));
    add(combine(c1 << 8 | c3, 4));
    add(combine(c4 << 8 | c5, 5));
    add(combine(c1 << 8 | c5, 6));
    add(combine(c & 0xF8C7F8C7F8C7, 7));  // opcode and mod-r/m without registers
    add(combine(c & 0xF0F0F0F0F0F0, 8));
    add(combine(l.expected, c1));
    add(combine(c1 << 24 | c2 << 16 | (l.t & 3) << 8 | c4, 9));
    add(combine(c3 << 16 | c4 << 8 | c5, 10));
    add(combine(c1 << 16 | c2 << 8 | c6, 11));
    add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
    add(combine(after2, c1 | 0x2200));
  } else {  // PICTURE: W, N, … are the same byte of the neighbouring samples
    const uint32_t B = p.stride;
    const auto sample = [&](uint32_t k) { return int32_t(back(k)); };
    const auto clip = [](int32_t v) { return uint64_t(v < 0 ? 0 : v > 255 ? 255 : v); };
    const auto distance = [](int32_t a, int32_t b) { return uint64_t((a > b ? a - b : b - a) >> 2); };
    const int32_t W = sample(B), WW = sample(2 * B), N = sample(P), NN = sample(2 * P), NW = sample(P + B);
    const int32_t NE = sample(P - B), NNE = sample(2 * P - B);
    const int32_t last = int32_t(c1), last_w = sample(B + 1), last_n = sample(P + 1), last_nw = sample(P + B + 1);
    const int32_t from_w = last - last_w, from_n = last - last_n;  // how the byte before moved
    const int32_t plane = W + N - NW;
    const uint64_t ch = uint64_t(l.channel) << 8;
    add(combine(uint64_t(W) << 8 | uint64_t(N) | ch << 8, 1));
    add(combine(clip(plane) | ch, 2));
    add(combine(clip(plane) | ch | c1 << 16, 3));
    add(combine(uint64_t(W) | ch | c1 << 16, 4));
    add(combine(uint64_t(N) | ch | c1 << 16, 5));
    add(combine(clip(W + from_w) | ch, 6));
    add(combine(clip(N + from_n) | ch, 7));
    add(combine(uint64_t((W + N) >> 1) | ch | uint64_t(uint8_t(from_w) >> 2) << 16, 8));
    add(combine(clip(N + NE - NNE) | ch, 9));
    add(combine(clip(2 * N - NN) | ch | clip(2 * W - WW) << 16, 10));
    add(combine(uint64_t((W + NE) >> 1) | ch | (c1 >> 2) << 16, 11));
    add(combine(c1 | c2 << 8 | uint64_t(W >> 2) << 16 | ch << 24, 12));
    add(combine(clip(plane + last - (last_w + last_n - last_nw)) | ch, 13));
    add(combine(clip(((plane + W + from_w + N + from_n) * 21846) >> 16) | ch, 14));  // mean of three
    add(combine(clip(plane) | distance(W, N) << 8 | distance(N, NW) << 16 | ch << 24, 15));
    add(combine(clip(W + NE - N) | ch | uint64_t(uint32_t(from_n + 256) >> 3) << 16, 16));
  }
  for (uint32_t i = 0; i < n; ++i) __builtin_prefetch(s.table[i].data + (l.next[i] >> s.table[i].shift) * 64, 1);
}

// The lane's own past takes in the byte that it has coded.
inline void remember(const Shared& s, Lane& l) {
  const uint32_t c = l.byte;
  ++l.t;
  l.recent[2] = l.recent[2] << 8 | l.recent[1] >> 56;
  l.recent[1] = l.recent[1] << 8 | l.recent[0] >> 56;
  l.recent[0] = l.recent[0] << 8 | c;
  const uint32_t kind = byte_class(c);
  if (kind == LOWER || kind == UPPER || kind == HIGH) {  // a letter, or part of one
    l.word = (l.word + (kind == UPPER ? c + 32 : c) + 1) * K1;
  } else if (l.word) {
    l.word2 = l.word1;
    l.word1 = l.word;
    l.word = 0;
  }
  if ((l.shape & 15) != kind) {
    l.tokens = l.tokens << 4 | kind;
    l.run = 0;
  }
  ++l.run;
  l.shape = l.shape << 4 | kind;
  if (ends_field(c)) {
    ++l.fields;
    l.field = 0;
  } else {
    l.field = (l.field + c + 1) * K1;
  }
  ++l.column;
  if (c == '\n') {
    l.fields = 0;
    l.field = 0;
    l.line_above = l.line;
    l.line = l.t;
    l.column = 0;
  }
  if (s.profile.period) {
    if (++l.channel >= s.profile.stride) l.channel = 0;
    if (++l.row_at >= s.profile.period) l.row_at = l.channel = 0;
  }
}

}  // namespace
}  // namespace nncomp::mix
