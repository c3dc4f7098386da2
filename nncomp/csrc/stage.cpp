#include "stage.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "mix_initial.hpp"

namespace nncomp {
namespace {

using namespace mix;

const Tables& tables() {
  static const Tables t = build_tables();
  return t;
}

// Log2 of the buckets of each hashed table, for a block of n bytes: 2 bytes of table for each, 64 KiB … 16 MiB.
uint32_t bucket_bits(size_t n) {
  return std::clamp<uint32_t>(uint32_t(std::bit_width((2 * std::max<size_t>(n, 1) - 1) >> 6)), 10, 18);
}

// Log2 of the entries of each match index: one for each byte, 4 Ki … 4 Mi.
uint32_t index_bits(size_t n) {
  return std::clamp<uint32_t>(uint32_t(std::bit_width(std::max<size_t>(n, 1) - 1)), 12, 22);
}

void start_map(const Tables& t, uint16_t* cells, int rows) {  // every row maps x to itself
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < BINS; ++j) cells[i * BINS + j] = uint16_t(t.squash[std::min(128 * j, 4095)] >> 6);
  }
}

void start_lane(const Shared& s, Lane& l) {
  const Profile& p = s.profile;
  const Tables& t = *s.tables;
  const int contexts = p.context_count(), matches = p.match_count(), sets = p.set_count();
  for (int i = 0; i < (contexts + 2) * 256; ++i) l.history_map[i] = uint32_t(t.start[i & 255]) << 16 | 8;
  for (int i = 0; i < matches * MATCH_CELLS; ++i) {
    const uint32_t length = uint32_t(i % MATCH_CELLS) >> 6;
    l.match_map[i] = (65535 - 65536 / (length + 3)) << 16;
  }
  for (int i = 0; i < p.line_count() * LINE_CELLS; ++i) l.line_map[i] = 32768u << 16;
  start_map(t, l.final_map, 3 * 256);
  int16_t first[INPUTS] = {};
  const int16_t* trained = initial_weights(p);
  int k = 0;  // in the order of mix_initial.hpp
  const auto set = [&](int input, int same) { first[input] = trained ? trained[k++] : int16_t(same); };
  const int same = p.network ? 720 : 1440;
  for (int i = 0; i < contexts + 2; ++i) set(FIRST_HISTORY + i, same);
  for (int i = 0; i < matches; ++i) set(FIRST_MATCH + i, same);
  for (int i = 0; i < p.line_count(); ++i) set(FIRST_LINE + i, same);
  if (p.network) set(NETWORK, 8192);
  set(CONSTANT, 0);
  for (int i = 0; i < sets * 256 * INPUTS; ++i) l.weights[i] = first[i % INPUTS];
  for (int i = 0; i < ROWS2 * ROW; ++i) l.weights2[i] = int16_t(i % ROW < sets ? (1 << 14) / sets : 0);
}

bool is_call(const uint8_t* b) { return (b[0] & 254) == 0xE8 && ((b[4] + 1) & 254) == 0; }

void add_to_call(uint8_t* b, uint32_t by) {  // to the low 24 bits of the distance
  const uint32_t a = (b[1] | uint32_t(b[2]) << 8 | uint32_t(b[3]) << 16) + by;
  b[1] = uint8_t(a);
  b[2] = uint8_t(a >> 8);
  b[3] = uint8_t(a >> 16);
}

void add_to_branch(uint8_t* b, uint32_t by) {  // BL: to the 26 bits of its distance, in words
  const uint32_t v = b[0] | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
  if (v >> 26 != 0x25) return;
  const uint32_t w = 0x94000000 | ((v + by) & 0x03FFFFFF);
  for (int i = 0; i < 4; ++i) b[i] = uint8_t(w >> (8 * i));
}

}  // namespace

void Mixing::check() const {
  const auto require = [](bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(std::string(what) + " is out of range");
  };
  require(contexts >= GENERAL && contexts <= WIDE && (rich || contexts == GENERAL), "contexts");
  require(transform >= NO_TRANSFORM && transform <= ARM64_CALLS, "transform");
  require(period == 0 || (period >= 2 && period <= 65535), "period");
  require(stride >= 1 && stride <= 8, "stride");
  require(contexts >= PICTURE ? period > stride : stride == 1, "stride");
  require(contexts != WIDE || (period % 2 == 0 && stride % 2 == 0), "stride");
  require(contexts != RECORDS || period > 0, "period");
}

Piece piece(size_t n, int lanes, int i) {
  const size_t each = n / size_t(lanes);
  const size_t longer = n % size_t(lanes);
  const size_t index = size_t(i);
  return {index * each + std::min(index, longer), each + (index < longer ? 1 : 0)};
}

Stage::Stage(const Mixing& mixing, bool network, size_t size, int lanes) : shared{} {
  shared.profile = {mixing.rich, network, mixing.contexts, uint32_t(mixing.period), uint32_t(mixing.stride),
                    mixing.contexts == CODE && mixing.transform == X86_CALLS};
  shared.size = uint32_t(size);
  shared.lanes = uint32_t(lanes);
}

size_t Stage::memory(const Mixing& mixing, bool network, size_t size, int lanes) {
  return Stage(mixing, network, size, lanes).lay_out(nullptr) + 64;
}

Stage::Stage(const Mixing& mixing, bool network, std::span<const uint8_t> data, int lanes)
    : Stage(mixing, network, data.size(), lanes) {
  Shared& s = shared;
  s.tables = &tables();
  s.data = data.data();

  constexpr size_t HUGE = 2 << 20;  // a huge page, where the system has them: tables are read at random
  const size_t size = lay_out(nullptr) + 64;
  memory_.reset(static_cast<uint8_t*>(std::calloc(size, 1)));  // pages come when they are touched
  if (!memory_) throw std::bad_alloc();
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory_.get());
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t from = (at + HUGE - 1) & ~(HUGE - 1), to = (at + size) & ~(HUGE - 1);
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);  // a hint
#endif
  lay_out(memory_.get() + (-at & 63));

  start_map(*s.tables, s.map, 65536);
  for (int i = 0; i < lanes; ++i) {
    const Piece p = piece(data.size(), lanes, i);
    s.lane[i].start = uint32_t(p.start);
    s.lane[i].size = uint32_t(p.size);
    start_lane(s, s.lane[i]);
  }
}

size_t Stage::lay_out(uint8_t* base) {
  Shared& s = shared;
  const Profile& p = s.profile;
  const int contexts = p.context_count(), matches = p.match_count(), sets = p.set_count();
  const uint32_t buckets = bucket_bits(s.size), entries = index_bits(s.size);
  size_t size = 0;
  const auto take = [&]<class T>(T*& pointer, size_t count) {
    if (base) pointer = reinterpret_cast<T*>(base + size);
    size += (count * sizeof(T) + 63) & ~size_t(63);
  };
  s.index_shift = 32 - entries;
  for (int i = 0; i < contexts; ++i) {
    s.table[i].shift = 64 - buckets;
    take(s.table[i].data, size_t(64) << buckets);
  }
  for (int i = 0; i < matches; ++i) take(s.index[i], size_t(1) << entries);
  take(s.map, size_t(65536) * BINS);
  take(s.order0, 256);
  take(s.order1, 65536);
  take(s.after1, 256);
  take(s.after2, 65536);
  take(s.none, 16);
  take(s.lane, s.lanes);
  for (uint32_t i = 0; i < s.lanes; ++i) {
    Lane unused{};
    Lane& l = base ? s.lane[i] : unused;
    take(l.weights, size_t(sets * 256 * INPUTS));
    take(l.weights2, size_t(ROWS2 * ROW));
    take(l.history_map, size_t((contexts + 2) * 256));
    take(l.match_map, size_t(matches * MATCH_CELLS));
    take(l.line_map, size_t(p.line_count() * LINE_CELLS));
    take(l.final_map, size_t(3 * 256 * BINS));
  }
  return size;
}

void transform(int kind, std::span<uint8_t> data) {
  const uint32_t n = uint32_t(data.size());
  if (kind == X86_CALLS) {  // from the end, because calls may overlap
    for (uint32_t i = n < 5 ? 0 : n - 4; i-- > 0;) {
      if (is_call(&data[i])) add_to_call(&data[i], i);
    }
  } else if (kind == ARM64_CALLS) {
    for (uint32_t i = 0; i + 4 <= n; i += 4) add_to_branch(&data[i], i / 4);
  }
}

void restore(int kind, std::span<uint8_t> data) {
  const uint32_t n = uint32_t(data.size());
  if (kind == X86_CALLS) {
    for (uint32_t i = 0; i + 4 < n; ++i) {
      if (is_call(&data[i])) add_to_call(&data[i], 0u - i);
    }
  } else if (kind == ARM64_CALLS) {
    for (uint32_t i = 0; i + 4 <= n; i += 4) add_to_branch(&data[i], 0u - i / 4);
  }
}

}  // namespace nncomp
