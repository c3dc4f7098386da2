#include "stage/stage.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "stage/layout.hpp"

namespace nncomp {
namespace {

using namespace mix;

const Tables& tables() {
  static const Tables t = build_tables();
  return t;
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
  require(contexts >= 0 && contexts <= 4 && (rich || contexts == 0), "contexts");
  require(transform >= NO_TRANSFORM && transform <= ARM64_CALLS, "transform");
  require(period == 0 || (period >= 2 && period <= 65535), "period");
  require(stride >= 1 && stride <= 8, "stride");
  const int f = family();
  require(f == PICTURE || f == WIDE ? period > stride : stride == 1, "stride");
  require(f != WIDE || (period % 2 == 0 && stride % 2 == 0), "stride");
  require(f != RECORDS || period > 0, "period");
}

int32_t Mixing::family() const {
  if (!rich) return LEAN;
  if (contexts == CODE) return transform == X86_CALLS ? X86 : CODE;
  return contexts < CODE ? contexts : contexts + 1;
}

Piece piece(size_t n, int lanes, int i) {
  const size_t each = n / size_t(lanes);
  const size_t longer = n % size_t(lanes);
  const size_t index = size_t(i);
  return {index * each + std::min(index, longer), each + (index < longer ? 1 : 0)};
}

Stage::Stage(const Mixing& mixing, bool network, size_t size, int lanes) : shared{} {
  shared.shape = shape_of(mixing.family(), network, uint32_t(mixing.period), uint32_t(mixing.stride));
  shared.size = uint32_t(size);
  shared.lanes = uint32_t(lanes);
}

size_t Stage::memory(const Mixing& mixing, bool network, size_t size, int lanes) {
  Stage counted(mixing, network, size, lanes);
  return lay_out(counted.shared, nullptr) + 64;
}

Stage::Stage(const Mixing& mixing, bool network, std::span<const uint8_t> data, int lanes)
    : Stage(mixing, network, data.size(), lanes) {
  Shared& s = shared;
  s.tables = &tables();
  s.data = data.data();

  constexpr size_t HUGE = 2 << 20;  // a huge page, where the system has them: tables are read at random
  const size_t size = lay_out(s, nullptr) + 64;
  memory_.reset(static_cast<uint8_t*>(std::calloc(size, 1)));  // pages come when they are touched
  if (!memory_) throw std::bad_alloc();
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory_.get());
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t from = (at + HUGE - 1) & ~(HUGE - 1), to = (at + size) & ~(HUGE - 1);
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);  // a hint
#endif
  lay_out(s, memory_.get() + (-at & 63));

  start_shared(s, 0, 1);
  for (int i = 0; i < lanes; ++i) {
    const Piece p = piece(data.size(), lanes, i);
    s.lane[i].start = uint32_t(p.start);
    s.lane[i].size = uint32_t(p.size);
    start_lane(s, s.lane[i], 0, 1);
  }
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
