#include "filters/quoted.hpp"

#include <algorithm>
#include <cstring>

#include "append.hpp"
#include "coder/error.hpp"
#include "varint.hpp"

namespace nncomp::quoted {
namespace {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

constexpr size_t LONGEST = 78;  // bytes of a line of quoted-printable text at most, without its end
constexpr size_t LEAST = 8;     // characters "=" in a run that is worth it
constexpr char DIGITS[] = "0123456789ABCDEF";

// The value of a hexadecimal digit in upper case; -1 if it is none.
int value_of(uint8_t digit) {
  const char* at = digit ? strchr(DIGITS, digit) : nullptr;
  return at ? int(at - DIGITS) : -1;
}

struct Form {
  uint64_t width;  // characters of a line at most, including the "=" of a line break, without the line end
  bool cr;         // whether lines end with CR LF; else with LF

  View end() const { return {reinterpret_cast<const uint8_t*>(cr ? "\r\n" : "\n"), cr ? 2u : 1u}; }

  bool ends(View text, size_t at) const {
    const View one = end();
    return at + one.size() <= text.size() && std::equal(one.begin(), one.end(), &text[at]);
  }
};

// Encodes `plain` as quoted-printable text. Two decisions are made at each byte, or line end: whether the line is
// broken before it, and whether it is escaped. `decide(expected)` returns the decision, `put(bytes)` takes the text.
// Every step puts at least one byte, so a caller that bounds the text also bounds the time.
template <class Decide, class Put>
void write(View plain, const Form& form, Decide decide, Put put) {
  const auto put_break = [&] {
    put(View(reinterpret_cast<const uint8_t*>("="), 1));
    put(form.end());
  };
  size_t line = 0;
  for (size_t i = 0; i < plain.size();) {
    const uint8_t byte = plain[i];
    const bool end = form.ends(plain, i), last = i + 1 == plain.size() || form.ends(plain, i + 1);
    const bool blank = byte == ' ' || byte == '\t';
    const bool other = blank ? last : byte < 33 || byte > 126 || byte == '=';
    const size_t size = other ? 3 : 1;
    if (decide(!end && line + size + !last > form.width)) {
      put_break();
      line = 0;
    }
    if (decide(!end && other)) {
      const uint8_t escape[] = {'=', uint8_t(DIGITS[byte >> 4]), uint8_t(DIGITS[byte & 15])};
      put(View(escape));
      line += 3;
      ++i;
    } else if (end) {
      put(form.end());
      line = 0;
      i += form.end().size();
    } else {
      put(plain.subspan(i++, 1));
      ++line;
    }
  }
}

// ---- to split ----

// A line that is valid quoted-printable text; most text without "=" is.
struct Line {
  size_t size = 0;  // bytes with its end; 0: it is not such text
  size_t marks = 0;  // characters "=" in it
  bool broken = false;  // whether it ends in "=", so that the next line continues it
};

Line read_line(View text, const Form& form) {
  Line line;
  for (size_t i = 0; i <= LONGEST; ++i) {
    if (form.ends(text, i)) return line.size = i + form.end().size(), line;
    if (i >= text.size() || line.broken) return {};
    const uint8_t byte = text[i];
    if (byte == '=') {
      ++line.marks;
      if (form.ends(text, i + 1)) {
        line.broken = true;
      } else if (i + 2 >= text.size() || value_of(text[i + 1]) < 0 || value_of(text[i + 2]) < 0) {
        return {};
      }
    } else if ((byte < 32 && byte != '\t') || byte > 126) {
      return {};
    }
  }
  return {};
}

// Consecutive lines of quoted-printable text, up to the last one with an "=".
struct Run {
  size_t size = 0;  // bytes of text
  size_t seen = 0;  // bytes that were examined, at least `size`
  size_t marks = 0;  // characters "=" in it
  size_t width = 0;  // characters of its longest broken line
};

// The run that `text` begins with. It ends with a line that is not broken.
Run read_run(View text, const Form& form) {
  Run run;
  size_t marks = 0;
  for (;;) {
    const Line line = read_line(text.subspan(run.seen), form);
    if (line.size == 0) return run;
    run.seen += line.size;
    marks += line.marks;
    if (line.broken) run.width = std::max(run.width, line.size - form.end().size());
    if (!line.broken && marks > run.marks) {
      run.size = run.seen;
      run.marks = marks;
    }
  }
}

// Decodes a run.
Bytes plain_of(View text, const Form& form) {
  Bytes plain;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '=') {
      plain.push_back(text[i++]);
    } else if (form.ends(text, i + 1)) {
      i += 1 + form.end().size();
    } else {
      plain.push_back(uint8_t(value_of(text[i + 1]) << 4 | value_of(text[i + 2])));
      i += 3;
    }
  }
  return plain;
}

// The decisions by which `text` differs from what is expected: for each, how many expected ones come before it, since
// the previous one. None if `text` is not `plain` under any decisions.
std::optional<std::vector<uint64_t>> surprises(View plain, View text, const Form& form) {
  std::vector<uint64_t> gaps;
  size_t at = 0;
  uint64_t gap = 0;
  bool escape = false;  // the next decision is about escaping, else about a line break
  const auto decide = [&](bool expected) {
    const bool here = at < text.size() && text[at] == '=' && (escape || form.ends(text, at + 1));
    escape = !escape;
    if (here == expected) {
      ++gap;
    } else {
      gaps.push_back(gap);
      gap = 0;
    }
    return here;
  };
  bool same = true;
  write(plain, form, decide, [&](View bytes) {
    same = same && bytes.size() <= text.size() - at && std::equal(bytes.begin(), bytes.end(), &text[at]);
    at += same ? bytes.size() : 0;
  });
  if (!same || at != text.size()) return std::nullopt;
  return gaps;
}

// ---- to join ----

void require(bool condition) {
  if (!condition) throw FormatError("damaged quoted-printable text");
}

}  // namespace

std::optional<Split> split(View content) {
  Split made;
  size_t last = 0, from = 0;
  while (from < content.size()) {
    const void* found = memchr(&content[from], '=', content.size() - from);
    if (!found) break;
    const size_t mark = size_t(static_cast<const uint8_t*>(found) - content.data());
    size_t start = mark;
    while (start > from && mark - start < LONGEST && content[start - 1] != '\n') --start;
    const uint8_t* const end =
        static_cast<const uint8_t*>(memchr(found, '\n', std::min(content.size() - mark, LONGEST + 2)));
    Form form{0, end && end[-1] == '\r'};
    const Run run = read_run(content.subspan(start), form);
    from = std::max(mark + 1, start + run.seen);
    if (run.marks < LEAST) continue;
    form.width = run.width ? run.width : LONGEST;
    const View text = content.subspan(start, run.size);
    const Bytes plain = plain_of(text, form);
    const auto gaps = surprises(plain, text, form);
    if (!gaps) continue;
    append(made.plain, content.subspan(last, start - last));
    for (const uint64_t n :
         {uint64_t(start - last), uint64_t(plain.size()), form.width << 1 | form.cr, uint64_t(gaps->size())}) {
      put_varint(made.places, n);
    }
    for (const uint64_t gap : *gaps) put_varint(made.places, gap);
    append(made.plain, plain);
    append(made.payload, plain);
    append(made.text, text);
    last = start + run.size;
    from = std::max(from, last);
  }
  if (last == 0) return std::nullopt;
  append(made.plain, content.subspan(last));
  return made;
}

void join(View plain, View places, std::span<uint8_t> content) {
  size_t at = 0;
  const auto put = [&](View bytes) {
    require(bytes.size() <= content.size() - at);
    std::copy(bytes.begin(), bytes.end(), content.begin() + ptrdiff_t(at));
    at += bytes.size();
  };
  const auto number = [&] { return take_varint(places, require); };
  while (!places.empty()) {
    const uint64_t gap = number(), size = number(), form = number();
    uint64_t count = number();
    require(gap <= plain.size() && size <= plain.size() - gap);
    put(plain.first(gap));
    uint64_t next = count ? number() : 0;  // expected decisions before the next unexpected one
    const auto decide = [&](bool expected) {
      if (count == 0 || next-- != 0) return expected;
      next = --count ? number() : 0;
      return !expected;
    };
    write(plain.subspan(gap, size), {form >> 1, (form & 1) != 0}, decide, put);
    require(count == 0);
    plain = plain.subspan(gap + size);
  }
  put(plain);
  require(at == content.size());
}

}  // namespace nncomp::quoted
