// The filter base64: encodes bytes as base64 text again.
#include <algorithm>

#include "filters/runs.hpp"

namespace nncomp::unnnc {
namespace {

constexpr uint64_t MAX_END = 15;  // bytes between two lines at most

// Base64 in lines of one length. A letter is a character of base64, "=" included.
struct Run {
  uint64_t size;   // decoded bytes, 1 or more
  uint64_t line;   // letters of each line but the first and the last; 0: there is only one line
  uint64_t first;  // letters of the first line, 1 … line
  View end;        // bytes between two lines

  uint64_t letters() const { return (size + 2) / 3 * 4; }

  // Bytes of the text. `size` < 2^59, so that nothing overflows.
  uint64_t length() const {
    const uint64_t after = line != 0 && letters() > first ? letters() - first : 0;
    const uint64_t ends = after == 0 ? 0 : (after - 1) / line + 1;
    return letters() + ends * end.size();
  }

  // Writes the text to `out` and returns the end of it.
  uint8_t* write(View payload, uint8_t* out) const {
    static constexpr char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t left = line ? first : letters();  // letters that the current line still gets
    const auto put = [&](char letter) {
      if (left == 0) {
        out = std::copy(end.begin(), end.end(), out);
        left = line;
      }
      *out++ = uint8_t(letter);
      --left;
    };
    for (size_t i = 0; i < payload.size(); i += 3) {
      const size_t count = std::min<size_t>(3, payload.size() - i);
      uint32_t bits = 0;
      for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? payload[i + k] : 0u);
      for (size_t k = 0; k < 4; ++k) put(k <= count ? LETTERS[bits >> (18 - 6 * k) & 63] : '=');
    }
    return out;
  }
};

Run read_run(Fields& places) {
  Run run{};
  run.size = places.varint();
  run.line = places.varint();
  const uint64_t less = run.line ? places.varint() : 0, end = run.line ? places.varint() : 0;
  require(run.size > 0 && (run.line == 0 || less < run.line) && end <= MAX_END,
          "damaged base64: it is of no form that is supported");
  run.first = run.line - less;
  run.end = places.take(end);
  return run;
}

void check(const std::vector<uint64_t>& sizes, View side, uint64_t size) {
  require_streams("base64", 3, sizes, side, size);
}

Bytes join(std::vector<Bytes>&& streams, View, uint64_t size) { return runs::join("base64", streams, size, read_run); }

}  // namespace

Filter base64_filter() { return {check, runs::memory, join}; }

}  // namespace nncomp::unnnc
