// Vectors of 16 bytes with operators on each lane: the compiler's own, which GCC and Clang have for every machine, or
// the same in plain C++. A conversion keeps the bits. A shift is by the same number in all lanes.
#pragma once

#include <cstdint>
#include <cstring>

#include "compiler.hpp"

namespace nncomp {
namespace {

#if defined(GNU_EXTENSIONS)

using Int4 = int32_t __attribute__((vector_size(16)));
using UInt4 = uint32_t __attribute__((vector_size(16)));
using Int8 = int16_t __attribute__((vector_size(16)));
using UInt8 = uint16_t __attribute__((vector_size(16)));

// Of each lane, `yes` where the mask is not 0, else `no`.
template <class Mask, class V>
inline V choose(Mask mask, V yes, V no) {
  return mask ? yes : no;
}

#else

template <class T>
struct Vector {
  static constexpr int COUNT = 16 / int(sizeof(T));

  T lane[COUNT];

  template <class U>
  explicit operator Vector<U>() const {
    Vector<U> to;
    memcpy(&to, this, sizeof to);
    return to;
  }

  template <class F>
  static Vector each(F f) {
    Vector v;
    for (int i = 0; i < COUNT; ++i) v.lane[i] = T(f(i));
    return v;
  }
  friend Vector operator+(const Vector& a, const Vector& b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  friend Vector operator-(const Vector& a, const Vector& b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  friend Vector operator*(const Vector& a, const Vector& b) {
    return each([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  friend Vector operator<(const Vector& a, const Vector& b) {  // −1 where true, else 0
    return each([&](int i) { return a.lane[i] < b.lane[i] ? -1 : 0; });
  }
  friend Vector operator&(const Vector& a, int b) {
    return each([&](int i) { return a.lane[i] & b; });
  }
  friend Vector operator<<(const Vector& a, int n) {
    return each([&](int i) { return a.lane[i] << n; });
  }
  friend Vector operator>>(const Vector& a, int n) {
    return each([&](int i) { return a.lane[i] >> n; });
  }
};

using Int4 = Vector<int32_t>;
using UInt4 = Vector<uint32_t>;
using Int8 = Vector<int16_t>;
using UInt8 = Vector<uint16_t>;

template <class V>
inline V choose(const V& mask, const V& yes, const V& no) {
  return V::each([&](int i) { return mask.lane[i] ? yes.lane[i] : no.lane[i]; });
}

#endif

}  // namespace
}  // namespace nncomp
