// Python bindings of statistics of bytes, part of the module nncomp._native. They check arguments and convert types,
// nothing else.
#include <vector>

#include "bind.hpp"
#include "statistics/statistics.hpp"

using namespace nb::literals;

namespace {

// The numbers in the byte order of the machine.
nb::bytes to_bytes(const std::vector<int64_t>& numbers) {
  return nb::bytes(numbers.data(), numbers.size() * sizeof(int64_t));
}

nb::tuple compare_lags(nb::bytes data, size_t limit, size_t most) {
  require(limit >= 1 && limit < data.size(), "limit is out of range");
  std::vector<int64_t> equal(limit + 1), apart(limit + 1);
  const size_t count = unlocked([&] { return nncomp::statistics::compare_lags(view(data), most, equal, apart); });
  return nb::make_tuple(to_bytes(equal), to_bytes(apart), count);
}

nb::bytes count_alike(nb::bytes data, size_t size) {
  constexpr size_t PLACES = nncomp::statistics::PLACES;
  require(size >= PLACES && size <= 1 << 16 && size % PLACES == 0, "size is out of range");
  std::vector<int64_t> alike(data.size() / size * PLACES);
  unlocked([&] { nncomp::statistics::count_alike(view(data), size, alike); });
  return to_bytes(alike);
}

size_t find_run(nb::bytes data, nb::bytes set, size_t least, size_t start) {
  require(least >= 1, "least is out of range");
  std::array<bool, 256> has{};
  for (const uint8_t byte : view(set)) has[byte] = true;
  return nncomp::statistics::find_run(view(data), has, least, start);
}

}  // namespace

void bind_statistics(nb::module_& m) {
  m.def("compare_lags", compare_lags, "data"_a, "limit"_a, "most"_a);
  m.def("count_alike", count_alike, "data"_a, "size"_a);
  m.def("find_run", find_run, "data"_a, "set"_a, "least"_a, "start"_a);
}
