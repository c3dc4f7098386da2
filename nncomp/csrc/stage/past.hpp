// What a lane knows of its own bytes: words, fields, lines, and where in a row it is. namespace feature has what of it
// a context may be made of, by the names of nncomp/contexts/table.py.
#pragma once

#include <cstdint>

#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

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
    case '<':
    case '>': return ANGLE;
    case '.': return POINT;
    default: return c < 32 ? CONTROL : OTHER;
  }
}

inline bool ends_field(uint32_t c) {
  return c == ' ' || c == ',' || c == '\t' || c == ';' || c == '|' || c == ':' || c == '"';
}

// Letters, or parts of them, make words.
inline void add_to_word(Lane& l, uint32_t c, uint32_t kind) {
  if (kind == LOWER || kind == UPPER || kind == HIGH) {
    l.word = (l.word + (kind == UPPER ? c + 32 : c) + 1) * K1;
  } else if (l.word) {
    l.word2 = l.word1;
    l.word1 = l.word;
    l.word = 0;
  }
}

// The byte that the lane has coded, as text.
inline void remember_text(Lane& l, uint32_t c) {
  const uint32_t kind = byte_class(c);
  add_to_word(l, c, kind);
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
}

inline void push_recent(Lane& l, uint32_t c) {
  ++l.t;
  l.recent[2] = l.recent[2] << 8 | l.recent[1] >> 56;
  l.recent[1] = l.recent[1] << 8 | l.recent[0] >> 56;
  l.recent[0] = l.recent[0] << 8 | c;
}

inline void advance_in_row(const Shape& p, Lane& l) {
  if (!p.period) return;
  if (++l.channel >= p.stride) l.channel = 0;
  if (++l.row_at >= p.period) l.row_at = l.channel = 0;
}

namespace feature {

inline uint64_t c(const Shared&, const Lane& l, int k) { return uint8_t(l.recent[0] >> (8 * (k - 1))); }
inline uint64_t o(const Shared&, const Lane& l, int k) { return l.recent[0] & (~uint64_t(0) >> (64 - 8 * k)); }
inline uint64_t back(const Shared& s, const Lane& l, uint64_t k) { return l.t >= k ? s.data[l.start + (l.t - k)] : 0; }
inline uint64_t up(const Shared& s, const Lane& l, uint32_t k) {
  const uint32_t at = l.line_above + l.column + k;
  return at < l.line ? s.data[l.start + at] : 0;
}
inline uint64_t t(const Shared&, const Lane& l) { return l.t; }
inline uint64_t word(const Shared&, const Lane& l) { return l.word; }
inline uint64_t word1(const Shared&, const Lane& l) { return l.word1; }
inline uint64_t word2(const Shared&, const Lane& l) { return l.word2; }
inline uint64_t shape(const Shared&, const Lane& l) { return l.shape; }
inline uint64_t tokens(const Shared&, const Lane& l) { return l.tokens; }
inline uint64_t run(const Shared&, const Lane& l) { return l.run; }
inline uint64_t field(const Shared&, const Lane& l) { return l.field; }
inline uint64_t fields(const Shared&, const Lane& l) { return l.fields; }
inline uint64_t column(const Shared&, const Lane& l) { return l.column; }
inline uint64_t P(const Shared& s, const Lane&) { return s.shape.period; }
inline uint64_t B(const Shared& s, const Lane&) { return s.shape.stride; }
inline uint64_t at(const Shared&, const Lane& l) { return l.row_at; }
inline uint64_t channel(const Shared&, const Lane& l) { return l.channel; }
inline uint64_t expected(const Shared&, const Lane& l) { return l.expected; }
inline uint64_t after1(const Shared& s, const Lane& l) { return s.after1[l.recent[0] & 0xFF]; }
inline uint64_t after2(const Shared& s, const Lane& l) { return s.after2[l.recent[0] & 0xFFFF]; }

}  // namespace feature
}  // namespace
}  // namespace nncomp::mix
