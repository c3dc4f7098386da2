// The state that a lane derives from its own bytes: words, fields, lines, and its place in a row. namespace feature has
// the features that contexts may use, with the names of nncomp/contexts/table.py.
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

inline bool is_letter(uint32_t kind) { return kind == LOWER || kind == UPPER || kind == HIGH; }  // or part of one
inline uint64_t with_letter(uint64_t hash, uint32_t c, uint32_t kind) {  // or another byte; both cases are alike
  return (hash + (kind == UPPER ? c + 32 : c) + 1) * K1;
}

// Letters, or parts of them, make words.
inline void add_to_word(Lane& l, uint32_t c, uint32_t kind) {
  if (is_letter(kind)) {
    l.word = with_letter(l.word, c, kind);
  } else if (l.word) {
    l.word2 = l.word1;
    l.word1 = l.word;
    l.word = 0;
  }
}

// Brackets and the words before them: what is open.
inline void follow_brackets(Lane& l, uint32_t c) {
  if (c == '(' || c == '[' || c == '{' || c == '<') {
    l.depth = (l.depth + 1) & (MAX_DEPTH - 1);
    l.open[l.depth] = (l.word1 + c) * K1;
  } else if (c == ')' || c == ']' || c == '}' || c == '>') {
    l.open[l.depth] = 0;
    l.depth = (l.depth - 1) & (MAX_DEPTH - 1);
  }
}

// Updates the numbers of a line; points inside of a number are ignored. Called before the line of `c` ends.
inline void follow_number(Lane& l, uint32_t c) {
  Numbers& n = l.numbers;
  if (c >= '0' && c <= '9') {
    n.value = n.value * 10 + (c - '0');
    ++n.digits;
    return;
  }
  if (c == '.') return;
  uint32_t &count = n.count[l.odd_line], &above = n.count[l.odd_line ^ 1];
  if (n.digits && count < MAX_NUMBERS) {
    n.change = n.value - (count < above ? n.all[l.odd_line ^ 1][count] : 0);
    n.all[l.odd_line][count] = n.value;
    ++count;
  }
  n.value = n.digits = 0;
  if (c == '\n') n.change = above = 0;  // which is the line that begins
}

inline void compare(Due& d, uint32_t digits, uint32_t c) {  // the number's next digit, of which there were so many
  const uint32_t expected = digits < MAX_DIGITS ? d.text >> 8 * digits & 255 : 0;
  if (d.state == 0 && c != expected) d.state = c > expected ? 1 : 2;
}

// The first digits of a value as text, with zeros in front if it has fewer than `digits`.
inline uint64_t text_of(uint32_t value, uint32_t digits) {
  uint64_t text = 0;
  for (uint32_t n = 0; n < digits || value; ++n, value /= 10) text = text << 8 | ('0' + value % 10);
  return text;
}

inline uint32_t place_of_number(uint64_t hash) { return uint32_t(hash >> (64 - PLACE_BITS)); }

// Stores a number that has ended, and predicts the next one at its position.
inline void remember_number(Lane& l) {
  Outline& o = l.outline;
  Before& b = l.before[o.place];
  const uint32_t next = 2 * o.value - b.value;
  b = {o.text, text_of(next, o.digits < MAX_DIGITS ? o.digits : MAX_DIGITS), o.value};
  l.named[o.named] = o.text;
  o.digits = o.value = 0;
  o.text = 0;
}

// Updates the outline; after a byte that is no digit, looks up predicted numbers. Called before the line of `c` ends.
inline void follow_outline(Lane& l, uint32_t c, uint32_t kind) {
  Outline& o = l.outline;
  const bool digit = kind == DIGIT, letter = is_letter(kind);
  if (digit || letter || c == '_') {
    o.name = with_letter(o.name, c, kind);
  } else if (o.name) {
    o.name1 = o.name;
    o.name = 0;
  }
  const uint32_t told = digit ? 1 : letter ? 2 : c + 3;
  if (told != o.kind) o.form = (o.form + told) * K1;
  o.kind = told;
  if (digit) {
    if (o.digits == 0) o.line = (o.line + 257) * K1;
    for (Due& d : o.due) compare(d, o.digits, c);
    if (o.digits < MAX_DIGITS) o.text |= uint64_t(c) << 8 * o.digits;
    o.value = o.value * 10 + (c - '0');
    ++o.digits;
    return;
  }
  if (o.digits) remember_number(l);
  o.line = (o.line + c + 1) * K1;
  if (c == '"') o.quoted ^= 1;
  if (!o.quoted && (c == ',' || c == '\t' || c == ';' || c == '|')) ++o.cell;
  if (c == '\n') {
    o.above = o.line;
    o.line = o.form = o.kind = o.cell = o.quoted = 0;
  }
  o.place = place_of_number(o.line * K2);
  o.named = place_of_number((combine(o.name1, o.name) + c) * K1);
  o.due[0] = {l.before[o.place].text, 0};
  o.due[1] = {l.before[o.place].next, 0};
  o.due[2] = {l.named[o.named], 0};
}

// A distance between four equally spaced occurrences of a byte becomes the pace once it was found often enough.
inline void follow_pace(Lane& l, uint32_t c) {
  Pace& p = l.pace;
  uint32_t* const last = p.last[c];
  const uint32_t distance = l.t - last[0];
  const bool steady =
      distance > 1 && distance < MAX_PACE && distance == last[0] - last[1] && distance == last[1] - last[2];
  last[2] = last[1];
  last[1] = last[0];
  last[0] = l.t;
  if (!steady) return;
  int i = 0;
  while (i < 2 && p.candidate[i] != distance) ++i;
  if (i == 2) {
    i = p.count[0] > p.count[1] ? 1 : 0;
    p.candidate[i] = distance;
    p.count[i] = 0;
  }
  if (++p.count[i] > PACE_COUNT && p.pace != distance) {
    p.pace = distance;
    p.count[0] = p.count[1] = 0;
  }
}

// For each offset ahead, record_ends holds how many well-formed records in a row would end there. Once LEAST_RECORDS
// end at the current byte, the parser locks on to that chain, until a record claims MAX_RECORD bytes or more.
inline void follow_chain(Lane& l) {
  Chain& h = l.chain;
  const uint32_t t = l.t, head = uint32_t(l.recent[0]);
  const uint32_t type = head >> 24 | (head >> 8 & 0xFF00), length = (head >> 8 & 0xFF) | (head & 0xFF) << 8;
  uint16_t& before = l.record_ends[(t - 4) % RECORD_ENDS];  // of records that end where this one would begin
  const uint32_t count = before < 65535 ? before + 1u : 65535;
  before = 0;
  if (length < MAX_RECORD && head) {
    uint16_t& there = l.record_ends[(t + length) % RECORD_ENDS];
    if (there < count) there = uint16_t(count);
  }
  if (!h.locked) {
    if (l.record_ends[t % RECORD_ENDS] < LEAST_RECORDS) return;
    h.locked = true;
    h.end = t;
  } else if (t == h.begin + 4) {
    h.type = type;
    h.end = t + length;
    h.locked = length < MAX_RECORD;
  }
  if (t == h.end) {
    h.begin = t;
    h.end = 0;
    h.type = NO_TYPE;
  }
}

// Takes in the byte that the lane has coded, as text.
inline void remember_text(Lane& l, uint32_t c, uint32_t kind) {
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
    if (l.fields < MAX_FIELDS) l.field_at[l.odd_line][l.fields] = l.t;
  } else {
    l.field = (l.field + c + 1) * K1;
  }
  ++l.column;
  if (c == '\n') {
    l.odd_line ^= 1;
    l.field_at[l.odd_line][0] = l.t;
    l.fields_above = l.fields;
    l.fields = 0;
    l.field = 0;
    l.line_two_above = l.line_above;
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
inline uint64_t up2(const Shared& s, const Lane& l, uint32_t k) {
  const uint32_t at = l.line_two_above + l.column + k;
  return at < l.line_above ? s.data[l.start + at] : 0;
}
inline uint64_t beside(const Shared& s, const Lane& l, uint32_t k) {
  if (l.fields > l.fields_above || l.fields >= MAX_FIELDS) return 0;
  const uint32_t above = l.field_at[l.odd_line ^ 1][l.fields], begin = l.field_at[l.odd_line][l.fields];
  const uint32_t at = above + (l.t - begin) + k;
  return at < l.line ? s.data[l.start + at] : 0;
}
inline uint64_t number(const Shared&, const Lane& l) { return l.numbers.value; }
inline uint64_t digits(const Shared&, const Lane& l) { return l.numbers.digits; }
inline uint64_t over(const Shared&, const Lane& l) {
  const Numbers& n = l.numbers;
  const uint32_t count = n.count[l.odd_line];
  return count < n.count[l.odd_line ^ 1] ? n.all[l.odd_line ^ 1][count] : 0;
}
// The next two digits of a predicted number; or, above them, whether the number is already known to differ.
inline uint64_t due(const Shared&, const Lane& l, int j) {
  const Outline& o = l.outline;
  const Due& d = o.due[j];
  return d.state ? d.state << 16 : o.digits < MAX_DIGITS ? d.text >> 8 * o.digits & 0xFFFF : 0;
}
inline uint64_t name(const Shared&, const Lane& l) { return l.outline.name; }
inline uint64_t outline(const Shared&, const Lane& l) { return l.outline.line; }
inline uint64_t outline1(const Shared&, const Lane& l) { return l.outline.above; }
inline uint64_t form(const Shared&, const Lane& l) { return l.outline.form; }
inline uint64_t cell(const Shared&, const Lane& l) { return l.outline.cell; }
inline uint64_t change(const Shared&, const Lane& l) { return l.numbers.change; }
inline uint64_t open(const Shared&, const Lane& l) { return l.open[l.depth]; }
inline uint64_t pace(const Shared&, const Lane& l) { return l.pace.pace; }
inline uint64_t type(const Shared&, const Lane& l) { return l.chain.locked ? l.chain.type : NO_RECORD; }
inline uint64_t offset(const Shared&, const Lane& l) { return l.chain.locked ? l.t - l.chain.begin : 0; }
inline uint64_t memory(const Shared&, const Lane& l, int k) { return l.memory[k]; }
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
