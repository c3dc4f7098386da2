// What is drawn at random, and damage done to bytes, as in mutate.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace fuzz {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

class Draw {
 public:
  Draw(uint64_t seed, uint64_t number) {
    std::seed_seq words{uint32_t(seed), uint32_t(seed >> 32), uint32_t(number), uint32_t(number >> 32)};
    engine_.seed(words);
  }

  uint64_t below(uint64_t end) { return engine_() % end; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  uint8_t byte() { return uint8_t(engine_()); }

  template <class T>
  const T& of(const std::vector<T>& some) {
    return some[below(some.size())];
  }

  Bytes bytes(size_t size) {
    Bytes out(size);
    for (uint8_t& b : out) b = byte();
    return out;
  }

  Bytes damaged(View data) {
    Bytes out(data.begin(), data.end());
    for (uint64_t edits = uint64_t(1) << below(3); edits-- > 0;) {
      const size_t ends[] = {20, 100, out.size(), out.size()};
      edit(out, below(std::min(out.size(), ends[below(4)]) + 1));
    }
    return out;
  }

 private:
  void edit(Bytes& out, size_t at) {
    const auto place = out.begin() + ptrdiff_t(at);
    const size_t left = out.size() - at;
    switch (one_in(20) ? 8 : below(8)) {
      case 0:
      case 1:
        if (left > 0) out[at] = uint8_t(out[at] ^ 1 << below(8));
        break;
      case 2:  // what counters and signs turn on
        if (left > 0) out[at] = of(std::vector<uint8_t>{0, 1, 0x7F, 0x80, 0xFF});
        break;
      case 3: {
        const Bytes some = number(below(2) ? below(1 << 17) : uint64_t(1) << below(63));
        out.erase(place, place + ptrdiff_t(std::min<size_t>(left, below(4))));
        out.insert(out.begin() + ptrdiff_t(at), some.begin(), some.end());
        break;
      }
      case 4: {
        const Bytes some = bytes(1 + below(9));
        out.insert(place, some.begin(), some.end());
        break;
      }
      case 5: out.erase(place, place + ptrdiff_t(std::min(left, size_t(1) << below(8)))); break;
      case 6: {
        const size_t from = below(out.size() + 1), size = std::min(out.size() - from, size_t(1) << below(9));
        const Bytes some(out.begin() + ptrdiff_t(from), out.begin() + ptrdiff_t(from + size));
        out.insert(place, some.begin(), some.end());
        break;
      }
      case 7:
        for (size_t i = at; i < std::min(out.size(), at + 4); ++i) out[i] = byte();
        break;
      default: out.resize(at);
    }
  }

  static Bytes number(uint64_t value) {  // of variable length
    Bytes out;
    for (; value >= 128; value >>= 7) out.push_back(uint8_t(value | 128));
    out.push_back(uint8_t(value));
    return out;
  }

  std::mt19937_64 engine_;
};

}  // namespace fuzz
