// The contexts of the adaptive stage: what of the bytes before decides where the next one's histories are.
// Everything is in unnamed namespaces: see kernels/body.hpp.
#pragma once

#include <cstdint>

#include "stage/state.hpp"

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

// What follows an opcode: p a prefix, e an escape, v one, w two, x three bytes before an opcode, m mod-r/m,
// b, s, d immediate of 1, 2, 4 bytes, h 3, f 6; B, D mod-r/m and immediate; G, H the same in the first two of a group.
inline uint32_t x86_kind(uint32_t opcode) {  // 256 and more: after 0F
  constexpr const char* first =
      "mmmmbd..mmmmbd.e" "mmmmbd..mmmmbd.." "mmmmbdp.mmmmbdp." "mmmmbdp.mmmmbdp."
      "pppppppppppppppp" "................" "..xmppppdDbB...." "bbbbbbbbbbbbbbbb"
      "BDBBmmmmmmmmmmmm" "..........f....." "dddd....bd......" "bbbbbbbbdddddddd"
      "BBs.wvBDh.s..b.." "mmmmbb..mmmmmmmm" "bbbbbbbbddfb...." "p.pp..GH......mm"
      "mmmm......mm.m.." "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "........e.e....."
      "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "BBBBmmm.mmmmmmmm"
      "dddddddddddddddd" "mmmmmmmmmmmmmmmm" "...mBm.....mBmmm" "mmmmmmmmmmBmmmmm"
      "mmBmBBBm........" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";
  return uint8_t(first[opcode]);
}

enum Phase : uint32_t { OPCODE = 0, AFTER_0F, AFTER_38, AFTER_3A, MODRM, SIB, DISPLACEMENT = 5, IMMEDIATE = 10, VEX = 18 };

// `c` is the next byte of the lane's instructions.
inline void follow_x86(Instruction& x, uint32_t c) {
  const auto finish = [&] {
    x.before = x.bytes;
    x.opcodes = x.opcodes << 16 | (x.opcode & 0x3FF) | (x.modrm >> 6) << 10 | (x.modrm >> 3 & 7) << 12;
    x.phase = OPCODE;
    x.prefixes = x.opcode = x.modrm = 0;
    x.bytes = x.operand = 0;
  };
  const auto immediate = [&] {
    x.operand = 0;
    if (x.immediate) x.phase = IMMEDIATE + x.immediate - 1;
    else finish();
  };
  x.bytes = combine(x.bytes, c + 1);
  switch (x.phase) {
    case OPCODE: case AFTER_0F: case AFTER_38: case AFTER_3A: {
      const uint32_t kind = x.phase == AFTER_38 ? 'm' : x.phase == AFTER_3A ? 'B' : x86_kind(x.phase << 8 | c);
      x.opcode = x.phase << 8 | c;
      const uint32_t word = x.prefixes & 1 ? 2 : 4;
      x.immediate = 0;
      switch (kind) {
        case 'p':
          x.prefixes |= c == 0x66 ? 1 : (c & 0xF8) == 0x48 ? 2 : 0;
          x.phase = OPCODE;
          return;
        case 'e': x.phase = c == 0x0F ? AFTER_0F : c == 0x38 ? AFTER_38 : AFTER_3A; return;
        case 'v': x.phase = VEX; return;
        case 'w': x.phase = VEX + 1; return;
        case 'x': x.phase = VEX + 2; return;
        case 'b': case 'B': x.immediate = 1; break;
        case 's': x.immediate = 2; break;
        case 'h': x.immediate = 3; break;
        case 'd': x.immediate = (c & 0xF8) == 0xB8 && x.prefixes & 2 ? 8 : word; break;
        case 'D': x.immediate = word; break;
        case 'f': x.immediate = 6; break;
        default: break;
      }
      if (kind == 'm' || kind == 'B' || kind == 'D' || kind == 'G' || kind == 'H') x.phase = MODRM;
      else immediate();
      x.kind = kind;
      return;
    }
    case MODRM: {
      x.modrm = c;
      if ((x.kind == 'G' || x.kind == 'H') && (c >> 3 & 7) < 2) {
        x.immediate = x.kind == 'G' ? 1 : x.prefixes & 1 ? 2 : 4;
      }
      const uint32_t mod = c >> 6;
      if (mod == 3) return immediate();
      if ((c & 7) == 4) {
        x.phase = SIB;
        return;
      }
      if (mod == 0 && (c & 7) != 5) return immediate();
      x.phase = DISPLACEMENT + (mod == 1 ? 1 : 4);
      return;
    }
    case SIB: {
      const uint32_t mod = x.modrm >> 6;
      if (mod == 0 && (c & 7) != 5) return immediate();
      x.phase = DISPLACEMENT + (mod == 1 ? 1 : 4);
      return;
    }
    default:
      x.operand = combine(x.operand, c + 1);
      if (x.phase >= VEX) {
        x.phase = x.phase == VEX ? AFTER_0F : x.phase - 1;
      } else if (x.phase >= IMMEDIATE) {
        if (x.phase == IMMEDIATE) finish();
        else --x.phase;
      } else if (x.phase == DISPLACEMENT + 1) {
        immediate();
      } else {
        --x.phase;
      }
  }
}

inline int32_t low16(int32_t v) { return int16_t(uint16_t(v)); }

// Predicts the sample that begins with the byte to come: by two linear predictions that learn, and two that do not.
inline void predict_sample(const Shared& s, Lane& l) {
  const Profile& p = s.profile;
  const uint32_t B = p.stride, P = p.period, width = p.width();
  Linear& a = l.linear;
  const auto sample = [&](uint32_t k) -> int32_t {  // k bytes before this one
    if (l.t < k) return 0;
    const uint8_t* b = s.data + l.start + (l.t - k);
    return width == 2 ? b[0] | b[1] << 8 : b[0] << 8;
  };
  const auto minus = [&](int32_t u, int32_t v) { return width == 2 ? low16(u - v) : u - v; };
  int n = 0;
  const auto tap = [&](int32_t u, int32_t v) { a.x[n++] = minus(u, v); };
  const int32_t W = sample(B), WW = sample(2 * B);
  const bool rows = P > 4 * B;  // otherwise it is sound
  if (rows) {
    const int32_t N = sample(P), NW = sample(P + B), NE = sample(P - B);
    const uint32_t near[12] = {P,         P + B,     P - B,     2 * B, 3 * B,     4 * B,
                               P - 2 * B, P - 3 * B, P + 2 * B, 2 * P, 2 * P - B, 2 * P + B};
    for (const uint32_t k : near) tap(sample(k), W);
    a.guess[2] = W + minus(N, NW);
    a.guess[3] = W + int32_t((int64_t(minus(N, W) + minus(NE, W)) * 21845) >> 16);  // a third
  } else {
    for (uint32_t i = 2; i < 18; ++i) tap(sample(i * B), sample((i - 1) * B));
    a.guess[2] = W + 2 * minus(W, WW) + minus(sample(3 * B), WW);
    a.guess[3] = W + minus(W, WW);
  }
  for (uint32_t k = width; k < B && k <= 2 * width; k += width) {  // the channels before
    const int32_t v = sample(k);
    if (rows) {
      tap(v, sample(k + B));
      tap(v, sample(k + P));
      tap(sample(k + P - B), v);
      tap(sample(k + P + B), v);
    } else {
      for (uint32_t i = 0; i < 4; ++i) tap(sample(k + i * B), sample(k + (i + 1) * B));
    }
  }
  while (n < TAPS) a.x[n++] = 0;
  for (int j = 0; j < 2; ++j) {
    int64_t sum = 0;
    for (int i = 0; i < TAPS; ++i) sum += int64_t(a.weight[j][l.channel][i]) * a.x[i];
    a.guess[j] = W + int32_t(sum >> 16);
  }
  for (int32_t& g : a.guess) g = width == 2 ? g & 65535 : g < 0 ? 0 : g > 65280 ? 65280 : g;
}

// The sample is known now.
inline void learn_sample(const Profile& p, Linear& a, uint32_t channel, int32_t value) {
  uint64_t power = 1 << 12;  // < 2^37
  for (int i = 0; i < TAPS; ++i) power += uint64_t(int64_t(a.x[i]) * a.x[i]);
  const int64_t inverse = int64_t((uint64_t(1) << 44) / power);  // 2^7 … 2^32
  for (int j = 0; j < LINES; ++j) {
    const int32_t error = p.width() == 2 ? low16(value - a.guess[j]) : value - a.guess[j];
    uint32_t& mean = a.error[j][channel];
    mean += uint32_t(error < 0 ? -error : error) * 16 - mean / 16;
    if (j > 1) continue;
    const int64_t step = (error * inverse) >> 20;  // |error| < 2^17
    for (int i = 0; i < TAPS; ++i) {
      const int64_t w = a.weight[j][channel][i] + ((step * a.x[i]) >> (j == 0 ? 9 : 13));
      a.weight[j][channel][i] = int32_t(w < -(1 << 18) ? -(1 << 18) : w > 1 << 18 ? 1 << 18 : w);
    }
  }
}

// A difference in 128 steps that are finer near 0.
inline uint32_t step_of(int32_t d) {
  const uint32_t size = uint32_t(d < 0 ? -d : d);
  uint32_t v = size / 2;
  if (size >= 8) {
    const uint32_t log = 31 - uint32_t(__builtin_clz(size));
    v = 4 * (log - 2) + (size >> (log - 2) & 3);
    v = v > 63 ? 63 : v;
  }
  return d < 0 ? 63 - v : 64 + v;
}

// Where prediction i stands, seen from what bit k, behind those of `byte_node`, decides: < 256.
inline uint32_t line_place(const Profile& p, const Lane& l, int i, uint32_t k, uint32_t byte_node) {
  const uint32_t from = (byte_node << (8 - k)) & 255, middle = from + (128u >> k);
  const int32_t guess = l.linear.guess[i];
  if (p.width() == 1) return step_of(guess - int32_t(middle << 8));
  if (l.channel & 1) return 128 + step_of(low16(guess - int32_t(l.recent[0] & 255) - int32_t(middle << 8)));
  return (uint32_t(guess) - from) & 255;  // the low byte, which comes first
}

// How wrong prediction i is on average: < 8.
inline uint32_t line_error(const Profile& p, const Lane& l, int i) {
  const uint32_t mean = l.linear.error[i][l.channel & ~(p.width() - 1)] >> 8;
  const uint32_t e = (31 - uint32_t(__builtin_clz(mean + 1))) >> 1;
  return e < 7 ? e : 7;
}

// Sets the lane's `next`, and fetches what will be read there.
inline void set_contexts(const Shared& s, Lane& l) {
  const Profile& p = s.profile;
  if (p.width() == 1 || (p.width() == 2 && !(l.channel & 1))) predict_sample(s, l);
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
    if (!p.network) add(order(6));
    add(combine(l.word, c1));
    add(combine(l.word, l.word1));
    add(combine(l.expected | 0x10000, c1));
    add(combine(after2, c1 | 0x2200));
    add(combine(l.shape, 0x3401));
    add(combine(l.tokens, 0x3800));
    add(tokens);
    add(P ? combine(back(P) << 16 | back(P + 1) << 8 | c1, 0x501) : combine(column, over));
    add(combine(l.field, l.fields | 0x3500));
    if (!p.network) {  // which knows these well enough
      add(c2 << 8 | c3);
      add(combine(over << 16 | above(1) << 8 | c1, 0x3700));
      add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
      add(combine(l.shape & 0xFFFFFFFFFF, c1 | 0x3300));
      add(combine(l.word, l.word2 * 7 + 1));
      add(combine(combine(l.field, l.fields), over | 0x4500));
      add(combine(l.word1, l.tokens & 0xFF));
    }
  } else if (p.contexts == RECORDS) {
    const uint64_t at = l.row_at, N = back(P), NN = back(2 * P), NE = back(P - 1), NW = back(P + 1);
    add(order(2));
    add(order(3));
    add(order(4));
    add(order(6));
    add(combine(N << 8 | c1, 2));
    add(combine(N << 16 | NN << 8 | back(3 * P), 3));
    add(combine(at << 8 | c1, 4));
    add(combine(c2, 7));
    add(combine(c3 << 8 | c4, 8));
    add(combine(c1 << 8 | c3, 9));
    add(combine(uint8_t(c1 + N - NW), 10));
    add(combine(l.expected, 12));
    add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
    add(combine(after2, c1 | 0x2200));
    add(combine(N << 24 | NE << 16 | NW << 8 | NN, c1));
    add(combine(at, 11));
    add(combine(uint8_t(2 * N - NN) | at << 8, 13));
    add(combine(uint8_t(c1 - NW) | uint64_t(uint8_t(c2 - back(P + 2))) << 8 | N << 16, 14));
    add(combine(l.word, l.tokens & 0xFFFFFFFF));
    add(combine(tokens, N));
  } else if (p.x86) {
    const Instruction& x = l.x86;
    const uint64_t in = combine(x.bytes, x.phase), op = x.opcode | x.phase << 16 | uint64_t(x.modrm) << 24;
    add(order(2));
    add(order(6));
    add(in);
    add(combine(in, x.opcodes & 0xFFFFFFFF));
    add(combine(in, x.opcodes & 0xFFFFFFFFFFFF));
    add(combine(in, x.before));
    add(combine(x.opcodes, op));
    add(combine(x.operand, x.phase << 8 | 1));
    add(combine(l.expected, c1));
    add(c2 << 8 | c3);
    add(combine(c2 << 16 | c3 << 8 | c4, 2));
    add(combine(op, c1));
    add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
    add(combine(after2, c1 | 0x2200));
    add(combine(c1 << 8 | c3, 4));
    add(combine(c4 << 8 | c5, 5));
    add(combine(c1 << 24 | c2 << 16 | (l.t & 3) << 8 | c4, 9));
    add(combine(back(8) << 16 | back(16) << 8 | back(24), l.t & 7));
    add(combine(c & 0xF0F0F0F0F0F0, 8));
    add(combine(combine(op, x.operand), x.opcodes & 0xFFFF));
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
  } else if (p.contexts == WIDE) {
    const auto guess = [&](int i) {  // for the low byte, and then the high one
      const uint64_t g = uint64_t(l.linear.guess[i]), channel = l.channel;
      return channel | (channel & 1 ? ((g - c1 + 128) & 65535) >> 6 : g & 255) << 8;
    };
    add(order(2));
    add(order(3));
    add(order(4));
    add(combine(guess(0), 1));
    add(combine(guess(1), 2));
    add(combine(guess(2), 3));
    add(combine(guess(3), 4));
    add(combine(c2 | uint64_t(l.channel) << 8, 7));
    add(combine(back(p.stride) | uint64_t(l.channel) << 8, c1));
    add(combine(back(P) | uint64_t(l.channel) << 8, c1 << 8 | back(p.stride)));
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
  if (s.profile.x86) follow_x86(l.x86, c);
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
  if (s.profile.width() == 1) learn_sample(s.profile, l.linear, l.channel, int32_t(c << 8));
  if (s.profile.width() == 2 && l.channel & 1) {
    learn_sample(s.profile, l.linear, l.channel - 1, int32_t(c << 8 | (l.recent[0] >> 8 & 255)));
  }
  if (s.profile.period) {
    if (++l.channel >= s.profile.stride) l.channel = 0;
    if (++l.row_at >= s.profile.period) l.row_at = l.channel = 0;
  }
}

}  // namespace
}  // namespace nncomp::mix
