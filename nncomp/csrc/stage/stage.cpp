#include "stage/stage.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "stage/layout.hpp"

namespace nncomp {

using namespace mix;

const Tables& mixing_tables() {
  static const Tables t = build_tables();
  return t;
}

void Mixing::check() const {
  const auto require = [](bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(std::string(what) + " is out of range");
  };
  require(profile >= PROFILE_LEAN && profile <= PROFILE_MAX, "profile");
  require(contexts >= mix::GENERAL && contexts <= mix::FLOATS, "contexts");
  require(profile != PROFILE_LEAN || contexts == mix::GENERAL, "contexts");
  require(period == 0 || (period >= 2 && period <= 65535), "period");
  require(stride >= 1 && stride <= 8, "stride");
  const bool samples = contexts == mix::PICTURE || contexts == mix::WIDE, floats = contexts == mix::FLOATS;
  require(samples ? period > stride : floats ? stride <= FLOAT_KINDS : stride == 1, "stride");
  require(contexts != mix::WIDE || (period % 2 == 0 && stride % 2 == 0), "stride");
  require((contexts != mix::RECORDS && !floats) || period > 0, "period");
  require(!floats || period % int(FLOAT_FORMATS[stride - 1].width) == 0, "period");
}

int32_t Mixing::family() const {
  if (profile == PROFILE_LEAN) return mix::LEAN;
  return profile == PROFILE_RICH ? contexts : mix::MAX_GENERAL + contexts;
}

Piece piece(size_t n, int lanes, int i) {
  const size_t each = n / size_t(lanes);
  const size_t longer = n % size_t(lanes);
  const size_t index = size_t(i);
  return {index * each + std::min(index, longer), each + (index < longer ? 1 : 0)};
}

Stage::Stage(const Mixing& mixing, bool network, int units, size_t size, int lanes) : shared{} {
  shared.shape = shape_of(mixing.family(), network, units, uint32_t(mixing.period), uint32_t(mixing.stride));
  shared.size = uint32_t(size);
  shared.lanes = uint32_t(lanes);
}

uint64_t Stage::memory(const Mixing& mixing, bool network, int units, size_t size, int lanes) {
  Stage counted(mixing, network, units, size, lanes);
  return lay_out(counted.shared, nullptr) + 64;
}

size_t Stage::allocate() {
  Shared& s = shared;
  const uint64_t need = lay_out(s, nullptr) + 64;
  const auto size = size_t(need);
  if (size != need) throw std::bad_alloc();  // where addresses have 32 bits
  memory_.reset(static_cast<uint8_t*>(std::calloc(size, 1)));  // pages come when they are touched
  if (!memory_) throw std::bad_alloc();
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory_.get());
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr size_t HUGE_PAGE = 2 << 20;  // tables are read at random
  const uintptr_t from = (at + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), to = (at + size) & ~(HUGE_PAGE - 1);
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);  // a hint
#endif
  return lay_out(s, memory_.get() + (-at & 63));
}

Stage::Stage(const Mixing& mixing, bool network, int units, std::span<const uint8_t> data, int lanes, size_t room)
    : Stage(mixing, network, units, room ? room : data.size(), lanes) {
  assert(room == 0 || lanes == 1);
  Shared& s = shared;
  s.tables = &mixing_tables();
  s.data = data.data();
  allocate();
  start_shared(s, 0, 1);
  for (int i = 0; i < lanes; ++i) {
    const Piece p = piece(s.size, lanes, i);
    s.lane[i].start = uint32_t(p.start);
    s.lane[i].size = uint32_t(p.size);
    start_lane(s, s.lane[i], 0, 1);
  }
}

size_t Stage::room_for(size_t size) {
  return std::bit_ceil(std::clamp<size_t>(size, size_t(1) << 12, size_t(1) << 23));
}

Stage::Stage(const Stage& primed, std::span<const uint8_t> data, int lanes) : shared(primed.shared) {
  const Lane& one = primed.shared.lane[0];
  const size_t known = one.t;
  assert(primed.shared.lanes == 1 && one.coded == known && data.size() >= size_t(lanes) * known);
  assert(room_for(data.size()) == room_for(primed.shared.size));
  Shared& s = shared;
  const uint8_t* const from = s.table[0].data;  // what is laid out first: all that lanes share, then they
  const size_t common = size_t(reinterpret_cast<const uint8_t*>(s.lane) - from);
  s.size = uint32_t(data.size());
  s.lanes = uint32_t(lanes);
  allocate();
  s.data = data.data();
  uint8_t* const to = s.table[0].data;
  memcpy(to, from, common);
  const auto moved = [&]<class T>(T*& pointer) {
    if (pointer) pointer = reinterpret_cast<T*>(to + (reinterpret_cast<const uint8_t*>(pointer) - from));
  };
  for (int i = 0; i < lanes; ++i) {
    const Piece p = piece(data.size() - size_t(lanes) * known, lanes, i);
    Lane& l = s.lane[i];
    Room own{reinterpret_cast<uint8_t*>(l.weights)};
    mix::State* const states = l.states;
    l = one;
    l.states = states;
    lay_out_own(s.shape, l, own);
    memcpy(l.weights, one.weights, own.size);
    memcpy(l.states, one.states, one.state_count * sizeof(mix::State));
    l.start = uint32_t(p.start + size_t(i) * known);
    l.size = uint32_t(p.size + known);
    for (auto& nibble : l.slot) {
      for (uint8_t*& slot : nibble) moved(slot);
    }
    for (uint16_t*& cell : l.shared_cell) moved(cell);
  }
}

}  // namespace nncomp
