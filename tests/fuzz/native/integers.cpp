// Fuzzes the integers of packed models: a payload that is accepted is the one that encoding the same numbers gives.
#include <algorithm>

#include "coder/integers.hpp"
#include "harness.hpp"

namespace fuzz {

template <class T>
void check_type(Numbers& numbers, View payload) {
  const int kind = int(numbers.below(INTEGER_KINDS));
  const size_t rows = 1 + numbers.below(8), columns = 1 + numbers.below(16);
  const std::vector<T> base(rows * columns, T(numbers.below(1 << 16)));
  std::vector<T> values = base;
  IntegerDecoder decoder(payload);
  decoder.add(kind, values.data(), rows, columns);
  decoder.finish();
  IntegerEncoder encoder;
  encoder.put(kind, values.data(), base.data(), rows, columns);
  expect(std::ranges::equal(encoder.finish(), payload), "numbers have two payloads");
}

void check(View data) {
  const std::vector<View> parts = parts_of(data, 2);
  Numbers numbers(parts[0]);
  switch (numbers.below(4)) {
    case 0: return check_type<int8_t>(numbers, parts[1]);
    case 1: return check_type<int16_t>(numbers, parts[1]);
    case 2: return check_type<int32_t>(numbers, parts[1]);
    default: return check_type<int64_t>(numbers, parts[1]);
  }
}

}  // namespace fuzz
