// Base64 again from the bytes that it stands for. Streams are what is around it, the places where it was and how its
// lines were cut, and the bytes, of all runs of it one behind the other.
#include <algorithm>
#include <numeric>

#include "filters/filters.hpp"

namespace nncomp::unnnc {
namespace {

constexpr uint64_t MAX_END = 15;  // bytes

struct Run {
  uint64_t gap;   // bytes of the rest in front of it
  uint64_t size;  // bytes that it stands for, 1 or more
  uint64_t line;  // letters of a line, but for the first and the last; 0: there is one
  uint64_t first;  // letters of the first
  View end;       // what is between lines

  uint64_t letters() const { return (size + 2) / 3 * 4; }

  uint64_t length() const {  // bytes of the text
    const uint64_t after = line != 0 && letters() > first ? letters() - first : 0;
    const uint64_t ends = after == 0 ? 0 : (after - 1) / line + 1;
    return letters() + ends * end.size();
  }
};

Run read_run(Fields& places) {
  Run run{};
  run.gap = places.varint();
  run.size = places.varint();
  run.line = places.varint();
  const uint64_t less = run.line ? places.varint() : 0, end = run.line ? places.varint() : 0;
  require(run.size > 0 && (run.line == 0 || less < run.line) && end <= MAX_END && end <= places.left(),
          "damaged base64: it is of no form that is supported");
  run.first = run.line - less;
  run.end = places.take(end);
  return run;
}

// A run's text to `out`; returns the place behind it.
uint8_t* write(const Run& run, View payload, uint8_t* out) {
  static constexpr char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint64_t left = run.line ? run.first : run.letters();  // letters of the line
  const auto put = [&](char letter) {
    if (left == 0) {
      out = std::copy(run.end.begin(), run.end.end(), out);
      left = run.line;
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

void check(const std::vector<uint64_t>& sizes, View side, uint64_t size) {
  require(sizes.size() == 3 && side.empty() && std::accumulate(sizes.begin(), sizes.end(), uint64_t(0)) < size,
          "streams are not those of base64, or too large for the block");
}

uint64_t memory(const std::vector<uint64_t>&, View, uint64_t size) { return 3 * size; }

Bytes join(std::vector<Bytes>&& streams, View, uint64_t size) {
  Bytes content(size);
  uint8_t* out = content.data();
  View rest = streams[0], payload = streams[2];
  Fields places(streams[1], "damaged base64: its places end too early");
  while (!places.empty()) {
    const Run run = read_run(places);
    const uint64_t room = uint64_t(content.data() + size - out);
    require(run.gap <= rest.size() && run.size <= payload.size() && run.gap <= room && run.length() <= room - run.gap,
            "damaged base64: more than there is place for");
    out = std::copy_n(rest.begin(), run.gap, out);
    out = write(run, payload.first(run.size), out);
    rest = rest.subspan(run.gap);
    payload = payload.subspan(run.size);
  }
  require(payload.empty() && rest.size() == uint64_t(content.data() + size - out),
          "damaged base64: it is not as long as it should be");
  std::copy(rest.begin(), rest.end(), out);
  return content;
}

}  // namespace

Filter base64_filter() { return {check, memory, join}; }

}  // namespace nncomp::unnnc
