// Match models: earlier places of the block that agree with a lane's last bytes (docs/numerics.md, section 12).
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

inline uint32_t match_least(int m) { return m == 0 ? 6 : 20; }

// The piece that holds an offset of the block starts here.
inline uint32_t piece_start(const Shared& s, uint32_t at) {
  uint32_t low = 0, high = s.lanes;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    if (s.lane[middle].start <= at) low = middle;
    else high = middle;
  }
  return s.lane[low].start;
}

// Advances matches after l.byte, across the ends of pieces. The decoder can follow, because a match is never further
// into a piece than its lane.
inline void advance_matches(const Shared& s, Lane& l) {
  for (int m = 0; m < s.shape.matches; ++m) {
    Match& a = l.match[m];
    if (a.length == 0) continue;
    if (a.byte == l.byte) {
      if (a.length < 65535) ++a.length;
      a.misses = a.misses << 1 & 255;
    } else {
      a.misses = (a.misses << 1 | 1) & 255;
      a.length = a.misses == 1 ? 1 : 0;  // one miss in eight is forgiven
    }
    if (++a.at == s.size) a.length = 0;
  }
}

// Where matches of the bytes up to `byte` will be looked for, fetched ahead.
inline void foresee_matches(const Shared& s, Lane& l, uint32_t byte) {
  const uint64_t r0 = l.recent[0] << 8 | byte, r1 = l.recent[1] << 8 | l.recent[0] >> 56;
  const uint64_t r2 = l.recent[2] << 8 | l.recent[1] >> 56;
  l.next_match_hash[0] = uint32_t(((r0 << 16) * K1) >> 32);
  l.next_match_hash[1] = uint32_t((combine(r0, combine(r1, r2 & 0xFFFFFFFF)) * K1) >> 32);
  for (int m = 0; m < s.shape.matches; ++m) {
    prefetch(s.index[m] + (l.next_match_hash[m] >> s.index_shift));
  }
}

inline void find_matches(const Shared& s, Lane& l) {
  l.match_hash[0] = l.next_match_hash[0];
  l.match_hash[1] = l.next_match_hash[1];
  const uint8_t* base = s.data + l.start;
  for (int m = 0; m < s.shape.matches; ++m) {
    Match& a = l.match[m];
    const uint32_t least = match_least(m);
    const uint32_t at = a.length < least && l.t >= least ? s.index[m][l.match_hash[m] >> s.index_shift] : 0;
    if (at) {
      const uint8_t* b = s.data + at;
      const uint32_t known = at - piece_start(s, at), most = known < l.t ? known : l.t;
      uint32_t n = 0;
      while (n < 400 && n < most && *(b - 1 - n) == base[l.t - 1 - n]) ++n;
      if (n >= least) a = {at, n, 0, 0};
    }
    if (a.length) a.byte = s.data[a.at];
  }
  const Match& a = l.match[1].length ? l.match[1] : l.match[0];
  l.expected = a.length ? a.byte | (length_class(a.length) >> 2) << 8 : 0xFFFF;
}

}  // namespace
}  // namespace nncomp::mix
