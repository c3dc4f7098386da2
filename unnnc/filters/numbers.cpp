// The filter numbers: joins arrays of numbers of 2, 3, 4 or 8 bytes from streams of their bytes. The first stream is
// the content around them; the side lists the runs of numbers and their kinds; each kind has streams of its own.
#include <algorithm>
#include <utility>

#include "filters/filters.hpp"

namespace nncomp::unnnc {
namespace {

constexpr size_t MAX_RUNS = 256;  // runs of a content
enum Change : uint8_t { NONE, ROTATED, DIFFERENCES, SWAPPED };

// A kind of numbers, and how they were split.
struct Kind {
  int width;  // bytes of a number: 2, 3, 4 or 8
  Change change;  // how numbers were changed before they were split
  uint64_t distance;  // of differences: how many numbers before is the one that was subtracted, 1 … 255; else 0
  int apart;  // how many of the low bytes have a stream each, 0 … width - 1; the others share one

  int streams() const { return apart + 1; }
  // Bytes of a number in a stream.
  int width_of(int stream) const { return stream < apart ? 1 : width - apart; }
  bool operator==(const Kind&) const = default;
};

// Consecutive numbers of one kind.
struct Run {
  uint64_t gap;  // bytes of the rest before it
  uint64_t count;  // numbers, 1 or more
  size_t kind;  // index in Side::kinds
};

struct Side {
  std::vector<Run> runs;
  std::vector<Kind> kinds;  // in the order of their first runs
};

Kind read_kind(Fields& fields) {
  const uint8_t coding = fields.byte();
  constexpr int WIDTHS[] = {2, 4, 8, 3};
  const int width = WIDTHS[coding & 3], change = coding >> 2 & 3, apart = coding >> 4;
  const uint64_t distance = change == DIFFERENCES ? fields.byte() : 0;
  require((width != 3 || change == SWAPPED) && apart < width && (distance > 0 || change != DIFFERENCES),
          "numbers are of no kind that is supported");
  return {width, Change(change), distance, apart};
}

Side read_side(View data) {
  Side side;
  Fields fields(data, "runs of numbers end too early");
  while (!fields.empty()) {
    const uint64_t gap = fields.varint(), count = fields.varint();
    const Kind kind = read_kind(fields);
    require(count > 0 && side.runs.size() < MAX_RUNS, "a run of numbers is empty, or one too many");
    const auto found = std::find(side.kinds.begin(), side.kinds.end(), kind);
    side.runs.push_back({gap, count, size_t(found - side.kinds.begin())});
    if (found == side.kinds.end()) side.kinds.push_back(kind);
  }
  require(!side.runs.empty(), "numbers are nowhere");
  return side;
}

void check(const std::vector<uint64_t>& sizes, View data, uint64_t size) {
  const char* wrong = "streams do not fit the numbers that they are made of";
  const Side side = read_side(data);
  std::vector<uint64_t> counts(side.kinds.size());
  uint64_t left = size;
  for (const Run& run : side.runs) {
    const uint64_t width = uint64_t(side.kinds[run.kind].width);
    require(run.gap <= left && run.count <= (left - run.gap) / width, wrong);
    left -= run.gap + run.count * width;
    counts[run.kind] += run.count;
  }
  // The sizes that the rest and the streams of each kind must have.
  std::vector<uint64_t> wanted{size};
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    for (int i = 0; i < side.kinds[kind].streams(); ++i) {
      wanted.push_back(counts[kind] * uint64_t(side.kinds[kind].width_of(i)));
      wanted[0] -= wanted.back();
    }
  }
  require(sizes == wanted, wrong);
}

// The bound that nncomp/filters/numbers.py has: two copies of the content, and 48 bytes for each of 2^14 numbers.
uint64_t memory(const std::vector<uint64_t>&, View, uint64_t size) { return 2 * size + (3 << 18); }

// Joins the next `count` numbers of a kind and writes them to `out`. `streams` are those of the kind; what was used is
// removed from their fronts.
void join_run(const Kind& kind, View* streams, uint64_t count, uint8_t* out) {
  const int bits = 8 * kind.width;
  const uint64_t mask = ~uint64_t(0) >> (64 - bits);
  const auto load = [&](uint64_t i) {  // number i, which has been joined already
    uint64_t number = 0;
    for (int k = 0; k < kind.width; ++k) number |= uint64_t(out[i * uint64_t(kind.width) + uint64_t(k)]) << 8 * k;
    return number;
  };
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t number = 0;
    for (int stream = 0, place = 0; stream < kind.streams(); ++stream) {
      for (int k = 0; k < kind.width_of(stream); ++k, ++place) {
        number |= uint64_t(streams[stream][i * uint64_t(kind.width_of(stream)) + uint64_t(k)]) << 8 * place;
      }
    }
    if (kind.change == ROTATED) number = (number >> 1 | number << (bits - 1)) & mask;
    if (kind.change == DIFFERENCES && i >= kind.distance) number += load(i - kind.distance);
    uint8_t* const to = out + i * uint64_t(kind.width);
    for (int k = 0; k < kind.width; ++k) {
      to[kind.change == SWAPPED ? kind.width - 1 - k : k] = uint8_t(number >> 8 * k);
    }
  }
  for (int stream = 0; stream < kind.streams(); ++stream) {
    streams[stream] = streams[stream].subspan(count * uint64_t(kind.width_of(stream)));
  }
}

Bytes join(std::vector<Bytes>&& streams, View data, uint64_t size) {
  const Side side = read_side(data);
  std::vector<View> left(streams.begin(), streams.end());
  std::vector<View*> of_kind;  // by kind: the first of its streams
  View* next = left.data() + 1;
  for (const Kind& kind : side.kinds) {
    of_kind.push_back(next);
    next += kind.streams();
  }
  Bytes content(size);
  uint8_t* out = content.data();
  const auto rest = [&](uint64_t count) {
    out = std::copy_n(left[0].begin(), count, out);
    left[0] = left[0].subspan(count);
  };
  for (const Run& run : side.runs) {
    rest(run.gap);
    join_run(side.kinds[run.kind], of_kind[run.kind], run.count, out);
    out += run.count * uint64_t(side.kinds[run.kind].width);
  }
  rest(left[0].size());
  return content;
}

}  // namespace

Filter numbers_filter() { return {check, memory, join}; }

}  // namespace nncomp::unnnc
