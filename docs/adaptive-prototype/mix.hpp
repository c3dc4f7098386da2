// The adaptive stage: predicts the eight decisions of a byte from contexts of the block itself.
// Plain fixed-width integers; prototype of nncomp/csrc/mix.hpp.
#pragma once

#include <cstdint>
#include <cstring>

namespace nncomp::mix {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

#ifdef TUNE
inline int T[64];
#else
constexpr int T[64] = {};
#endif

constexpr int MAX_CONTEXTS = 32;
constexpr int MAX_INPUTS = 128;
constexpr int MAX_SETS = 10;

// ---- tables -----------------------------------------------------------------------------------

struct Tables {
  i16 stretch_table[4096];   // of a 16-bit probability, folded; see stretch()
  u32 squash_table[2 * 22 * 16 + 2];
  u8 next[256][2];           // bit-history states
  u8 n0[256], n1[256];       // what a state stands for
  u16 start[256];            // 16-bit probability that a state starts with
  u16 reciprocal[1024];      // 65536 / (n + 1.5)
};

// floor(2^(i/256) * 2^30) by the recipe of numerics.md (2^(30 + i/256) by repeated integer roots).
// Prototype: log2 by squaring, exact to 2^-16 octaves and deterministic.
inline i32 log2_fixed(u64 x) {  // log2(x) in 1/65536 octave, x >= 1
  i32 n = 63 - __builtin_clzll(x);
  u64 m = n >= 31 ? x >> (n - 31) : x << (31 - n);  // 2^31 <= m < 2^32
  i32 r = n << 16;
  for (i32 b = 1 << 15; b > 0; b >>= 1) {
    m = (m * m) >> 31;  // < 2^33
    if (m >> 32) {
      m >>= 1;
      r += b;
    }
  }
  return r;
}

struct Pair {
  int n0, n1;
};
inline int pair_states(int a, int b) {  // how many states the pair of counts has, 0: not allowed
  if (a < b) { int t = a; a = b; b = t; }
  constexpr int BOUND[6] = {40, 31, 13, 8, 6, 5};
  if (b > 5 || a > BOUND[b] || a + b < 4) return 0;
  return b > 0 && a + b <= 17 ? 2 : 1;
}

inline void build_states(Tables& t) {
  // 0: nothing; 1..14: exact histories of length 1..3 (index 2^len - 1 + bits); then pairs by total.
  static u8 id[64][64][2];
  memset(t.next, 0, sizeof t.next);
  int n = 15;
  for (int len = 0; len < 4; ++len)
    for (int bits = 0; bits < 1 << len; ++bits) {
      int ones = __builtin_popcount(unsigned(bits));
      t.n0[(1 << len) - 1 + bits] = u8(len - ones);
      t.n1[(1 << len) - 1 + bits] = u8(ones);
    }
  for (int total = 4; total <= 64; ++total)
    for (int b = 0; b <= total; ++b) {
      int a = total - b;
      int k = (a < 64 && b < 64) ? pair_states(a, b) : 0;
      for (int last = 0; last < k; ++last) {
        if (n > 255) __builtin_trap();
        id[a][b][last] = u8(n);
        if (k == 1) id[a][b][1] = u8(n);
        t.n0[n] = u8(a);
        t.n1[n] = u8(b);
        ++n;
      }
    }
  auto find = [&](int a, int b, int last) {
    while (!pair_states(a, b)) {  // too much: shrink the larger; both where the smaller is 4 or more
      int &x = a >= b ? a : b, &y = a >= b ? b : a;
      if (y >= 4) { x = (x * (y - 1) + y / 2) / y; --y; } else --x;
    }
    return id[a][b][last];
  };
  for (int s = 0; s < n; ++s)
    for (int y = 0; y < 2; ++y) {
      if (s < 7) {
        int len = s == 0 ? 0 : s < 3 ? 1 : 2;
        t.next[s][y] = u8(((1 << (len + 1)) - 1) + ((s - ((1 << len) - 1)) << 1 | y));
        continue;
      }
      int c[2] = {t.n0[s], t.n1[s]};
      ++c[y];
      int o = c[1 - y];  // the other count is discounted
      c[1 - y] = o <= 5 ? o : o == 6 ? 5 : o == 7 ? 6 : 7;
      t.next[s][y] = find(c[0], c[1], y);
    }
  for (int s = 0; s < 256; ++s) {
    int a = t.n0[s] * 2 + 1, b = t.n1[s] * 2 + 1;
    if (t.n0[s] == 0 && t.n1[s]) b = b * 2;
    if (t.n1[s] == 0 && t.n0[s]) a = a * 2;
    t.start[s] = u16(65535u * unsigned(b) / unsigned(a + b));
  }
}

inline void build_tables(Tables& t) {
  // stretch: (log2 p - log2(1-p)) in 1/256 octave at the middle of the cell
  for (int i = 0; i < 4096; ++i) {
    u64 p2 = i < 2048 ? u64(2 * i + 1) : u64((i - 2048) * 32 + 16) ;  // 2p in 17 bits
    if (i >= 2048 && i < 2048 + 128) p2 = u64(2 * 2048 + 1);
    i32 v = log2_fixed(p2) - log2_fixed((1u << 17) - p2);
    v = (v + 128) >> 8;
    t.stretch_table[i] = i16(v < -4095 ? -4095 : v > 0 ? 0 : v);
  }
  // squash: 2^22 / (1 + 2^-x), x in steps of 1/16 octave from -22
  // 2^(k/16) by binary search on log2_fixed
  for (int i = 0; i <= 2 * 22 * 16 + 1; ++i) {
    int k = i - 22 * 16;
    int m = k < 0 ? -k : k;
    u64 lo = 1, hi = u64(1) << 40;  // e = 2^16 * 2^(m/16)
    i32 want = (16 << 16) + (m << 12);
    while (lo < hi) {
      u64 mid = (lo + hi) >> 1;
      if (log2_fixed(mid) >= want) hi = mid; else lo = mid + 1;
    }
    u64 e = lo;
    u64 small = ((u64(1) << 38)) / (e + 65536);  // 2^22 / (1 + 2^m)
    u64 p = k <= 0 ? small : (1u << 22) - small;
    t.squash_table[i] = u32(p < 1 ? 1 : p > (1u << 22) - 1 ? (1u << 22) - 1 : p);
  }
  build_states(t);
  for (int n = 0; n < 1024; ++n) t.reciprocal[n] = u16(131072u / unsigned(2 * n + 3));
}

inline Tables TABLES;

// 16-bit probability to 1/256 octave, |.| <= 4095
inline i32 stretch(u32 p) {
  u32 q = p < 32768 ? p : 65535 - p;
  i32 v = TABLES.stretch_table[q < 2048 ? q : 2048 + (q >> 4)];
  return p < 32768 ? v : -v;
}
// 1/4096 octave to 22-bit probability, 1 ... 2^22 - 1
inline u32 squash(i32 x) {
  constexpr i32 M = 22 * 4096 - 1;
  x = x < -M ? -M : x > M ? M : x;
  u32 u = u32(x + 22 * 4096);
  u32 i = u >> 8, f = u & 255;
  return (TABLES.squash_table[i] * (256 - f) + TABLES.squash_table[i + 1] * f) >> 8;
}

// ---- parts ------------------------------------------------------------------------------------

inline i32 clampi(i32 x, i32 a, i32 b) { return x < a ? a : x > b ? b : x; }

// An adaptive probability: 22 bits and a count of 10.
inline void adapt(u32& cell, u32 bit, u32 limit) {
  u32 n = cell & 1023;
  i32 p = i32(cell >> 10);
  i32 target = bit ? 4194303 : 0;
  p += i32((i64(target - p) * TABLES.reciprocal[n]) >> 16);
  cell = u32(p) << 10 | (n < limit ? n + 1 : limit);
}

inline i32 dot(const i16* x, const i32* w, int n) {  // |x| <= 4095, |w| < 2^19, n <= 128
  i32 s = 0;
  for (int i = 0; i < n; ++i) s += (i32(x[i]) * w[i]) >> 8;
  return s;  // 2^-16 octave
}
inline void train(const i16* x, i32* w, int n, i32 e) {  // |e| <= 2^18
  for (int i = 0; i < n; ++i) {
    i32 v = w[i] + ((i32(x[i]) * e + (1 << 13)) >> 14);
    v = v < -(1 << 19) + 1 ? -(1 << 19) + 1 : v;
    w[i] = v > (1 << 19) - 1 ? (1 << 19) - 1 : v;
  }
}

// Hashed table of nibble slots: 64-byte buckets of 4 slots; a slot is a check byte and 15 states.
struct Table {
  u8* data;
  u8* data2;  // 16-bit probabilities beside the states
  u32 shift;  // 64 - log2 buckets

  static u64 spread(u64 h) { return h * 0x9E3779B97F4A7C15ull; }
  u8* bucket(u64 h) const { return data + (h >> shift) * 64; }
  static u8 check(u64 h) { return u8(h >> 8); }  // low bits: not those of the index
  const u8* find(u64 h) const {
    const u8* b = bucket(h);
    u8 c = check(h);
    for (int i = 0; i < 4; ++i)
      if (b[16 * i] == c && b[16 * i + 1] != 0) return b + 16 * i;
    return nullptr;
  }
  u16* direct(const u8* s) const { return (u16*)(data2 + 2 * (s - data)); }
  u8* claim(u64 h) {
    u8* b = bucket(h);
    u8 c = check(h);
    int worst = 0, low = 256;
    for (int i = 0; i < 4; ++i) {
      if (b[16 * i] == c && b[16 * i + 1] != 0) return b + 16 * i;
      int priority = b[16 * i + 1];
      if (priority < low) low = priority, worst = i;
    }
    u8* s = b + 16 * worst;
    memset(s, 0, 16);
    s[0] = c;
    if (data2) { u16* q = direct(s); for (int k = 0; k < 16; ++k) q[k] = 32768; }
    return s;
  }
};
inline u64 hash_nibble(u64 h, u32 nibble) { return (h ^ (nibble + 1) * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull; }
inline const u8 EMPTY[16] = {};

// ---- profile ----------------------------------------------------------------------------------


struct Profile {
  int list = 0;         // context list
  int contexts = 0;     // hashed contexts
  int table_bits = 14;  // log2 buckets of each
  int stride = 1;
  int period = 0;       // record length, 0: none
  int matches = 1;
  int min_match[3] = {6, 20, 12};
  int match_bits = 18;
  int network = 0;
  int sets = 4;
  int rich = 1;
  int inputs = 0;
};

struct Match {
  u32 lane, at;  // the byte that predicts: offset in that lane's piece
  u32 length;    // of the agreement behind it, 0: dead
  u32 miss;      // recent misses, newest lowest
  u32 byte;
};

struct Cell {
  u32* p;
  u32 bit;
};

struct Lane {
  const u8* base;  // its piece
  u32 index;
  u32 size, t;
  u64 h[MAX_CONTEXTS];         // hashes at the byte's start
  u64 h2[MAX_CONTEXTS];        // with the first nibble
  const u8* slot[MAX_CONTEXTS + 2];
  u64 c8;                      // last 8 bytes
  u64 word, word1, word2;
  u64 tokens;  // the same, runs taken as one
  u32 run;
  u64 shape;   // classes of the last 16 bytes, 4 bits each
  u64 field;   // hash of the bytes of this field
  u32 fields;  // fields in this line
  u32 ind1[256];
  u16* ind2;   // 64 Ki
  u32 byte;                    // just coded
  u32 line, column;            // start of this line and of the one above, offsets
  u32 line_above;
  u32* state_map;              // [contexts + 2][256]
  u32 match_map[3][4096];
  Match match[3];
  i32* weights;                // sets one behind the other
  i32* weights2;
  u32* last_apm;
  u32* net_apm;
  Cell moved[32];
  u32 moves;
  u32 select[MAX_SETS];
  u32 ssize[MAX_SETS];
  u32 expected;
  u32 x86;                     // state of a rough instruction parser
  alignas(64) i16 x[MAX_INPUTS];
};

struct Shared {
  Profile p;
  Table table[MAX_CONTEXTS];
  u8* order0;   // 256 states
  u8* order1;   // 64 Ki states
  u32* index[3];
  u32* apm1;    // 64 Ki * 34
  u32* apm2;
  const u8* data;
  u32 size, lanes;
  u32 starts[130];
};

inline u32 back(const Lane& l, u32 k) { return l.t >= k ? l.base[l.t - k] : 0; }

inline u32 length_bucket(u32 n) {
  return n < 16 ? n : n < 24 ? 16 : n < 32 ? 17 : n < 64 ? 18 : n < 128 ? 19 : n < 256 ? 20 : n < 512 ? 21 : n < 1024 ? 22 : 23;
}

inline u64 mixh(u64 a, u64 b) { return (a + b * 0x9E3779B97F4A7C15ull + 0x7F4A7C15) * 0xD6E8FEB86659FD93ull; }

// The contexts of the next byte.
inline int contexts(const Shared& s, Lane& l) {
  const Profile& p = s.p;
  u64 c = l.c8;
  u32 c1 = u8(c), c2 = u8(c >> 8), c3 = u8(c >> 16), c4 = u8(c >> 24);
  int n = 0;
  u32 id = 0;
  auto add = [&](u64 v) { if (u32(T[30]) >> id++ & 1) return;  u64 h = (v + u64(n + 1) * 0x632BE59BD9B4E019ull) * 0x9E3779B97F4A7C15ull; h ^= h >> 29; l.h[n++] = h * 0xD6E8FEB86659FD93ull; };
  auto order = [&](int k) { return k >= 8 ? c : c & ((u64(1) << (8 * k)) - 1); };
  auto above = [&](u32 k) { return u64(back(l, k)); };
  u32 P = u32(p.period);
  u64 col = P ? l.t % P : 0;
  u64 linec = l.line_above + l.column < l.line && l.line ? l.base[l.line_above + l.column] : 0;
  u64 line1 = l.line_above + l.column + 1 < l.line && l.line ? l.base[l.line_above + l.column + 1] : 0;
  u64 after1 = l.ind1[c1], after2 = l.ind2 ? l.ind2[c & 0xFFFF] : 0;
  switch (p.list) {
    case 4:  // lean
      add(order(2)); add(order(3)); add(order(4)); add(order(6)); add(mixh(l.word, c1));
      add(mixh(l.tokens & 0xFFFFFFFF, mixh(l.run << 8 | c1, l.word)));
      if (P) add(mixh(above(P) << 8 | c1, 2)); else add(mixh(l.column < 255 ? l.column : 255, linec));
      break;
    case 0:  // general
      add(order(2)); add(order(3)); add(order(4)); add(order(6)); add(mixh(order(8), order(7)));
      add(mixh(l.word, c1));
      add(mixh(l.word, l.word1));
      add(mixh(l.word, l.word1 * 3 + l.word2 * 5));
      add(mixh(l.expected | 0x10000, c1));
      add(c2 << 8 | c3);
      add(mixh(linec << 8 | c1, 77));
      add(mixh(linec << 16 | line1 << 8 | c1, 0x3700));
      add(mixh(after1 & 0xFFFFFF, c1 | 0x1100));
      add(mixh(after2, c1 | 0x2200));
      add(mixh(l.shape & 0xFFFFFFFFFFull, c1 | 0x3300));
      add(mixh(l.shape, 0x3401));
      add(mixh(l.tokens, 0x3800));
      add(mixh(l.tokens & 0xFFFFFFFF, mixh(l.run << 8 | c1, l.word)));
      add(mixh(l.field, l.fields | 0x3500));
      if (P) add(mixh(above(P) << 16 | above(P+1) << 8 | c1, 0x501)); else add(mixh(l.column < 255 ? l.column : 255, linec));
      break;
    case 1:  // records
      add(order(2)); add(order(3)); add(order(4)); add(order(6));
      add(mixh(above(P) | col << 8, 1));
      add(mixh(above(P) << 8 | c1, 2));
      add(mixh(above(P) << 16 | above(2 * P) << 8 | above(3 * P), 3));
      add(mixh(col << 8 | c1, 4));
      add(mixh(above(P) << 16 | above(P - 1) << 8 | c1, 5));
      add(mixh(col, order(2)));
      add(mixh(c2, 7));
      add(mixh(c3 << 8 | c4, 8));
      add(mixh(c1 << 8 | c3, 9));
      add(mixh(u8(c1 + above(P) - above(P + 1)), 10));
      add(mixh(l.expected, 12));
      add(mixh(col, 11));
      add(mixh(after1 & 0xFFFFFF, c1 | 0x1100));
      add(mixh(after2, c1 | 0x2200));
      add(mixh(above(P) << 24 | above(P - 1) << 16 | above(P + 1) << 8 | above(2 * P), c1));
      add(mixh(above(P) << 16 | above(P + 1) << 8 | c1, order(2) >> 8));
      break;
    case 2: {  // x86
      u32 c5 = u8(c >> 32), c6 = u8(c >> 40);
      add(order(2)); add(order(3)); add(order(4)); add(order(6)); add(order(5));
      add(mixh(order(8), order(7)));
      add(mixh(c2 << 8 | c3, 1));
      add(mixh(c2 << 16 | c3 << 8 | c4, 2));
      add(mixh(c1 << 16 | c3 << 8 | c4, 3));
      add(mixh(c1 << 8 | c3, 4));
      add(mixh(c4 << 8 | c5, 5));
      add(mixh(c1 << 8 | c5 , 6));
      add(mixh(c & 0xF8C7F8C7F8C7ull, 7));
      add(mixh((c & 0xF0F0F0F0F0F0ull), 8));
      add(mixh(l.expected, c1));
      add(mixh(c2 << 16 | c1 << 24 | (l.t & 3) << 8 | c4 , 9));
      add(mixh(c3 << 16 | c4 << 8 | c5, 10));
      add(mixh(c1 << 16 | c2 << 8 | c6, 11));
      add(mixh(after1 & 0xFFFFFF, c1 | 0x1100));
      add(mixh(after2, c1 | 0x2200));
      break;
    }
    case 3: {  // pictures: rows of `period` bytes, samples of `stride`
      u32 B = u32(p.stride);
      i32 W = i32(above(B)), NN = i32(above(2 * P)), N = i32(above(P)), NW = i32(above(P + B)), NE = P > B ? i32(above(P - B)) : 0, WW = i32(above(2 * B));
      i32 p1 = i32(above(B + 1)), n1 = i32(above(P + 1)), n2 = i32(above(P + 2)), p2 = i32(above(B + 2));
      auto clip = [](i32 v) { return u64(v < 0 ? 0 : v > 255 ? 255 : v); };
      u64 ch = B > 1 ? l.t % P % B : 0;
      i32 d1 = i32(c1) - p1, e1 = i32(c1) - n1;  // how the byte before moved from the left, from above
      add(mixh(u64(W) << 8 | u64(N) | ch << 16, 1));
      add(mixh(clip(W + N - NW) | ch << 8, 2));
      add(mixh(clip(W + N - NW) | ch << 8 | u64(c1) << 16, 3));
      add(mixh(u64(W) | ch << 8 | u64(c1) << 16, 4));
      add(mixh(u64(N) | ch << 8 | u64(c1) << 16, 5));
      add(mixh(clip(W + d1) | ch << 8, 6));
      add(mixh(clip(N + e1) | ch << 8, 7));
      add(mixh(u64((W + N) >> 1) | ch << 8 | u64(u8(c1 - p1) >> 2) << 16, 8));
      add(mixh(clip(N + NE - i32(above(2 * P - B))) | ch << 8, 9));
      add(mixh(clip(2 * N - NN) | ch << 8 | clip(2 * W - WW) << 16, 10));
      add(mixh(u64((W + NE) >> 1) | ch << 8 | u64(c1 >> 2) << 16, 11));
      add(mixh(u64(c1) | u64(c2) << 8 | u64(W >> 2) << 16 | ch << 32, 12));
      add(mixh(clip(W + N - NW + i32(c1) - (p1 + n1 - i32(above(P + B + 1)))) | ch << 8, 13));
      add(mixh(clip((W + N - NW + (W + d1) + (N + e1)) * 21846 >> 16) | ch << 8, 14));
      add(mixh(clip(W + N - NW) | u64((W > N ? W - N : N - W) >> 2) << 8 | u64((N > NW ? N - NW : NW - N) >> 2) << 16 | ch << 32, 15));
      add(mixh(clip(W + NE - N) | ch << 8 | u64(c1 + 256u - u32(n1)) >> 3 << 16, 16));
      break;
    }
    default: break;
  }
  while (n < 0) ++n;
  return n;
}

inline void start_byte(const Shared& s, Lane& l) {
  int n = contexts(s, l);
  (void)n;
  for (int i = 0; i < s.p.contexts; ++i) {
    __builtin_prefetch(s.table[i].bucket(l.h[i]));
  }
}

// Finds or moves the match pointers after a byte; the index already knows the byte.
inline void step_matches(const Shared& s, Lane& l) {
  for (int m = 0; m < s.p.matches; ++m) {
    Match& a = l.match[m];
    if (a.length) {
      if (a.byte == l.byte) {
        if (a.length < 65535) ++a.length;
        a.miss <<= 1;
      } else {
        a.length = 0;
        a.miss = a.miss << 1 | 1;
        a.length = (a.miss & 0xFF) == 1 ? 1 : 0;  // recovers once
        if (!s.p.rich) a.length = 0;
      }
      a.miss &= 0xFF;
      if (++a.at >= s.starts[a.lane + 1] - s.starts[a.lane]) {
        a.at = 0;
        if (++a.lane >= s.lanes) a.length = 0;
      }
    }
  }
}
inline u32 match_hash(const Lane& l, int min, int bits) {
  u64 h = 0;
  if (min <= 8) h = l.c8 << (64 - 8 * min);
  else for (int i = 1; i <= min; ++i) h = (h + back(l, u32(i)) + 1) * 0x9E3779B97F4A7C15ull;
  return u32((h * 0x9E3779B97F4A7C15ull) >> (64 - bits));
}
inline void find_matches(const Shared& s, Lane& l) {
  for (int m = 0; m < s.p.matches; ++m) {
    Match& a = l.match[m];
    u32 min = u32(s.p.min_match[m]);
    if (a.length < min && l.t >= min) {
      u32 v = s.index[m][match_hash(l, s.p.min_match[m], s.p.match_bits)];
      if (v) {
        u32 lane = v >> 25, at = v & 0x1FFFFFF;
        const u8* b = s.data + s.starts[lane];
        u32 n = 0;
        while (n < 400 && n < at && n < l.t && b[at - 1 - n] == l.base[l.t - 1 - n]) ++n;
        if (n >= min && n > a.length) {
          a.lane = lane, a.at = at, a.length = n, a.miss = 0;
          if (a.at >= s.starts[lane + 1] - s.starts[lane]) { a.at = 0; if (++a.lane >= s.lanes) a.length = 0; }
        }
      }
    }
    if (a.length) {
      // at the very front of a piece nothing is known yet when all lanes stand at 0
      a.byte = s.data[s.starts[a.lane] + a.at];
    }
  }
}

// Codes one byte: choose(p) codes a bit of probability p (of a 1, 22 bits) and returns it.
template <class Choose>
inline u32 code_byte(const Shared& s, Lane& l, const u32* net, Choose choose) {
  const Profile& p = s.p;
  const int N = p.contexts;
  l.moves = 0;
  u32 c1 = u8(l.c8), c2 = u8(l.c8 >> 8), c3 = u8(l.c8 >> 16);
  for (int i = 0; i < N; ++i) {
    const u8* f = s.table[i].find(l.h[i]);
    l.slot[i] = f ? f : EMPTY;
  }
  u32 c0 = 1;
  const Match& m0 = l.match[0];
  u32 top1 = 0, top2 = 0;
  if (net) {
    for (u32 i = 1; i < 256; ++i) if (net[i] > net[top1]) top1 = i;
    top2 = top1 ? 0 : 1;
    for (u32 i = 0; i < 256; ++i) if (i != top1 && net[i] > net[top2]) top2 = i;
    u64 v = 0;
    if (T[20] & 8) v = top1 << 8 | top2;
    if (T[20] & 16) v = mixh(top1 << 16 | top2 << 8 | c1, 5);
    if (T[20] & 32) v = mixh(top1 << 24 | c1 << 16 | c2, 5);
    if (v) l.h[N - 1] = mixh(v, 0x1234567);
  }
  u64 tree[32];
  if (net) {
    u64 sum[16];
    for (int i = 0; i < 16; ++i) { sum[i] = 0; for (int j = 0; j < 16; ++j) sum[i] += net[16 * i + j]; }
    for (int i = 0; i < 16; ++i) tree[16 + i] = sum[i];
    for (int i = 15; i > 0; --i) tree[i] = tree[2 * i] + tree[2 * i + 1];
  }
  u32 netnode = 1;
  for (int k = 0; k < 8; ++k) {
    if (k == 4) {
      u32 nib = c0 & 15;
      for (int i = 0; i < N; ++i) { l.h2[i] = hash_nibble(l.h[i], nib); __builtin_prefetch(s.table[i].bucket(l.h2[i])); }
      for (int i = 0; i < N; ++i) {
        const u8* f = s.table[i].find(l.h2[i]);
        l.slot[i] = f ? f : EMPTY;
      }
      if (net) {
        for (int i = 0; i < 16; ++i) tree[16 + i] = net[16 * nib + u32(i)];
        for (int i = 15; i > 0; --i) tree[i] = tree[2 * i] + tree[2 * i + 1];
        netnode = 1;
      }
    }
    u32 node = k < 4 ? c0 : (1u << (k - 4)) | (c0 & ((1u << (k - 4)) - 1));
    // inputs
    i16* x = l.x;
    int n = 0;
    u32* maps[MAX_CONTEXTS + 2];
    for (int i = 0; i < N + 2; ++i) {
      u32 st = i < N ? l.slot[i][node] : i == N ? s.order0[c0] : s.order1[c1 << 8 | c0];
      u32* cell = l.state_map + 256 * i + st;
      maps[i] = cell;
      u32 q = *cell >> 16;
      i32 z = stretch(q);
      if (st == 0) {
        x[n] = 0; x[n + 1] = 0;
      } else {
        x[n] = i16(z);
        x[n + 1] = T[10] & 1 ? 0 : i16((i32(q) - 32768) >> 4);
      }
      n += 2;
      if (i < N && s.table[0].data2) {
        x[n] = st ? i16(stretch(s.table[i].direct(l.slot[i])[node])) : 0;
        n += 1;
      }
    }
    u32* mm[3] = {};
    u32 ebits = 0;
    u32 mlen = 0;
    for (int m = 0; m < p.matches; ++m) {
      const Match& a = l.match[m];
      u32 eb = (a.byte >> (7 - k)) & 1;
      if (a.length && ((a.byte | 256) >> (8 - k)) == c0) {
        u32 ctx = (length_bucket(a.length) * 8 + u32(k)) * 8 + (a.miss & 7);
        mm[m] = &l.match_map[m][ctx];
        u32 q = *mm[m] >> 16;
        i32 z = stretch(q), y = (i32(q) - 32768) >> 4;
        x[n] = i16(eb ? z : -z);
        x[n + 1] = i16(eb ? y : -y);
        ebits |= (eb + 1) << (2 * m);
        if (!mlen) mlen = length_bucket(a.length);
      } else x[n] = x[n + 1] = 0;
      n += 2;
    }
    i32 netz = 0;
    if (net) {
      u64 tot = tree[netnode], one = tree[2 * netnode + 1];
      u64 q = (one << 22) / tot;
      u32 q16 = u32(q >> 6);
      q16 = q16 < 1 ? 1 : q16 > 65534 ? 65534 : q16;
      netz = stretch(q16);
      x[n++] = i16(netz);
      x[n++] = T[20] & 1 ? 0 : i16((i32(q16) - 32768) >> 4);
    }
    u32* an = nullptr;
    if (net && (T[20] & 2)) {
      u32 z = u32(netz + 4096);
      u32 lo = z >> 8, fr = z & 255;
      u32* a = l.net_apm + c0 * 33 + lo;
      u32 q = u32((u64(a[0]) * (256 - fr) + u64(a[1]) * fr) >> 24);
      x[n++] = i16(stretch(q < 1 ? 1 : q > 65534 ? 65534 : q));
      x[n++] = 0;
      an = fr < 128 ? a : a + 1;
    }
    x[n++] = 512;
    while (n & 15) x[n++] = 0;

    // weight sets
    u32* sel = l.select;
    sel[0] = c0;
    sel[1] = mlen * 4 + (ebits & 3) ;
    sel[2] = c1;
    sel[3] = u32(k) * 16 + (c2 >> 4);
    sel[4] = (u32(k) * 16 + (c3 >> 4));
    if (p.period && p.list == 1) sel[4] = (l.t % u32(p.period)) & 255;
    if (p.list == 3) sel[4] = (u32(k) * 4 + (p.stride > 1 ? l.t % u32(p.period) % u32(p.stride) : 0)) & 255;
    if (net) { u32 zz = u32(netz < 0 ? -netz : netz) >> 7; sel[5] = (zz > 31 ? 31 : zz) * 8 + u32(k); } else sel[5] = m0.length ? m0.byte : 0;
    if (net && (T[20] & 64)) sel[5] = top1;
    i32 d[MAX_SETS];
    i16 y2[16] = {};
    i32* w[MAX_SETS];
    i32* base = l.weights;
    for (int i = 0; i < p.sets; ++i) {
      w[i] = base + sel[i] * u32(n);
      base += 256 * n;
      i32 v = dot(x, w[i], n);
      d[i] = v;
      y2[i] = i16(clampi(v >> 8, -4095, 4095));
    }
    y2[p.sets] = 256;
    i32* w2 = l.weights2 + (p.rich ? (mlen * 4 + (ebits & 3)) : 0) * 16;
    i32 f = dot(y2, w2, 16);
    i32* w3 = l.weights2 + (128 + c0) * 16;
    i32 f3 = dot(y2, w3, 16);
    u32 pf1 = squash(f >> 4), pf3 = squash(f3 >> 4);
    i32 fm = (f + f3) >> 1;
    u32 pm = squash(fm >> 4);
    // final maps
    i32 zf = clampi(fm >> 8, -4095, 4095) + 4096;  // 1 ... 8191
    u32 lo = u32(zf) >> 8, fr = u32(zf) & 255;
    u32* a0 = l.last_apm + (c0 | (mlen ? (ebits & 3) << 8 : 0)) * 33 + lo;
    u32* a1 = s.apm1 + (c1 << 8 | c0) * 33 + lo;
    auto interp = [&](u32* a) { return (u64(a[0]) * (256 - fr) + u64(a[1]) * fr) >> 18; };
    u32 r0 = u32(interp(a0)), r1 = u32(interp(a1));
    u32 pr = (2 * pm + r0 + r1) >> 2;
    pr = pr < 1 ? 1 : pr > 4194303 ? 4194303 : pr;

    u32 bit = choose(pr);

    // learn
    if (an) adapt(*an, bit, 255);
    for (int i = 0; i < N + 2; ++i) adapt(*maps[i], bit, u32(T[12]));
    for (int m = 0; m < p.matches; ++m)
      if (mm[m]) adapt(*mm[m], ((l.match[m].byte >> (7 - k)) & 1) == bit, 1023);
    i32 target = bit ? 4194304 : 0;
    i32 rate = T[0] + i32((u32(T[14]) << 12) / (l.t + 4096));
    for (int i = 0; i < p.sets; ++i) {
      i32 e = (target - i32(squash(d[i] >> 4))) >> 4;
      train(x, w[i], n, (e * rate) >> 10);
    }
    train(y2, w2, 16, (((target - i32(pf1)) >> 4) * T[1]) >> 10);
    train(y2, w3, 16, (((target - i32(pf3)) >> 4) * T[1]) >> 10);
    u32* near = fr < 128 ? a0 : a0 + 1;
    adapt(*near, bit, 127);
    l.moved[l.moves++] = {fr < 128 ? a1 : a1 + 1, bit};
    c0 = c0 << 1 | bit;
    netnode = netnode << 1 | bit;
  }
  l.byte = u8(c0);
  return l.byte;
}

inline void move_states(u8* slot, u32 nibble, u16* direct) {  // the four decisions of a nibble
  u32 node = 1;
  for (int k = 3; k >= 0; --k) {
    u32 bit = (nibble >> k) & 1;
    if (direct) {
      i32 p = direct[node], st = slot[node], tot = TABLES.n0[st] + TABLES.n1[st];
      u32 r = TABLES.reciprocal[tot < T[11] ? tot : T[11]];
      direct[node] = u16(p + (((bit ? 65535 - p : -p) * i64(r)) >> 16));
    }
    slot[node] = TABLES.next[slot[node]][bit];
    node = node << 1 | bit;
  }
}

// After all lanes have coded their byte t (those whose piece has one).
inline void update(Shared& s, Lane* lanes, u32 count) {
  const Profile& p = s.p;
  for (int i = 0; i < p.contexts; ++i) {
    for (u32 j = 0; j < count; ++j) { u8* q = s.table[i].claim(lanes[j].h[i]); move_states(q, lanes[j].byte >> 4, s.table[i].data2 ? s.table[i].direct(q) : nullptr); }
    for (u32 j = 0; j < count; ++j) { u8* q = s.table[i].claim(lanes[j].h2[i]); move_states(q, lanes[j].byte & 15, s.table[i].data2 ? s.table[i].direct(q) : nullptr); }
  }
  for (u32 j = 0; j < count; ++j) {
    Lane& l = lanes[j];
    u32 c1 = u8(l.c8), node = 1;
    for (int k = 7; k >= 0; --k) {
      u32 bit = (l.byte >> k) & 1;
      s.order0[node] = TABLES.next[s.order0[node]][bit];
      u8& o = s.order1[c1 << 8 | node];
      o = TABLES.next[o][bit];
      node = node << 1 | bit;
    }
    for (u32 k = 0; k < l.moves; ++k) adapt(*l.moved[k].p, l.moved[k].bit, 127);
  }
  // histories, match index
  for (u32 j = 0; j < count; ++j) {
    Lane& l = lanes[j];
    u32 c = l.byte;
    if (l.t >= 1) { u32& v = l.ind1[u8(l.c8)]; v = v << 8 | c; u16& w = l.ind2[l.c8 & 0xFFFF]; w = u16(w << 8 | c); }
    ++l.t;
    l.c8 = l.c8 << 8 | c;
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 128;
    if (letter) {
      u32 lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
      l.word = (l.word + lower + 1) * 0x9E3779B97F4A7C15ull;
    } else if (l.word) {
      l.word2 = l.word1; l.word1 = l.word; l.word = 0;
    }
    u32 cls = c >= 'a' && c <= 'z' ? 1 : c >= 'A' && c <= 'Z' ? 2 : c >= '0' && c <= '9' ? 3 : c == ' ' ? 4 : c == '\n' ? 5 : c >= 128 ? 6 : c < 32 ? 7 : c == ',' ? 8 : c == '"' ? 9 : c == '<' || c == '>' ? 10 : c == '.' ? 11 : 12;
    if ((l.shape & 15) != cls) l.tokens = l.tokens << 4 | cls, l.run = 0;
    ++l.run;
    l.shape = l.shape << 4 | cls;
    if (c == ' ' || c == ',' || c == '\t' || c == ';' || c == '|' || c == ':' || c == '"') { ++l.fields; l.field = 0; } else l.field = (l.field + c + 1) * 0x9E3779B97F4A7C15ull;
    if (c == '\n') l.fields = 0, l.field = 0;
    ++l.column;
    if (c == '\n') { l.line_above = l.line; l.line = l.t; l.column = 0; }
    step_matches(s, l);
  }
  for (u32 j = 0; j < count; ++j) find_matches(s, lanes[j]);
  for (int m = 0; m < p.matches; ++m)
    for (u32 j = 0; j < count; ++j) {
      Lane& l = lanes[j];
      if (l.t >= u32(p.min_match[m])) s.index[m][match_hash(l, p.min_match[m], p.match_bits)] = l.index << 25 | l.t;
    }
  for (u32 j = 0; j < count; ++j) {
    Lane& l = lanes[j];
    const Match& a = p.matches > 1 && l.match[1].length ? l.match[1] : l.match[0];
    l.expected = a.length ? a.byte | (length_bucket(a.length) >> 2) << 8 : 0xFFFF;
    if (l.t < l.size) start_byte(s, l);
  }
}

}  // namespace nncomp::mix
