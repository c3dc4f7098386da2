// Python bindings of copies from earlier blocks, part of the module nncomp._native. They check arguments and convert
// types, nothing else.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <deque>
#include <span>
#include <utility>

#include "bind.hpp"
#include "far/find.hpp"
#include "far/join.hpp"

using namespace nb::literals;

namespace {

constexpr uint64_t MAX_REACH = uint64_t(1) << 31;  // bytes

nncomp::far::Limits limits_of(uint64_t reach, uint64_t least, uint64_t share, uint64_t sources, uint64_t blocks) {
  require(reach >= 1 && reach <= MAX_REACH, "reach is out of range");
  require(least >= 1 && share >= 1 && sources >= 1 && blocks >= 1, "a limit is 0");
  return {reach, least, share, sources, blocks};
}

// A far::Finder together with references to the bytes objects that it points into.
class Finder {
 public:
  Finder(uint64_t reach, uint64_t least, uint64_t share, uint64_t sources, uint64_t blocks)
      : finder_(limits_of(reach, least, share, sources, blocks)) {}

  nb::object split(nb::bytes content, const std::vector<std::pair<size_t, size_t>>& heads) {
    require(content.size() <= MAX_BYTES, "size is out of range");
    std::vector<nncomp::far::Head> ranges;
    for (const auto& [start, end] : heads) {
      require(start >= (ranges.empty() ? 0 : ranges.back().end) && end >= start, "heads are out of order");
      ranges.push_back({start, end});
    }
    const Sole sole(in_use_);
    const auto split = unlocked([&] { return finder_.split(view(content), ranges); });
    if (!split) return nb::none();
    nb::list sources;
    for (uint32_t back : split->sources) sources.append(back);
    return nb::make_tuple(to_bytes(split->literals), sources, to_bytes(split->copies));
  }

  void add(nb::bytes literals) {
    require(literals.size() <= MAX_BYTES, "size is out of range");
    const Sole sole(in_use_);
    held_.push_back(literals);
    const size_t count = unlocked([&] { return finder_.add(view(literals)); });
    while (held_.size() > count) held_.pop_front();
  }

 private:
  std::atomic<bool> in_use_{false};
  nncomp::far::Finder finder_;
  std::deque<nb::bytes> held_;
};

nb::bytes join(nb::bytes literals, nb::bytes copies, const std::vector<nb::bytes>& sources, size_t size) {
  require(size <= MAX_BYTES, "size is out of range");
  const auto from = views(sources);
  auto [bytes, content] = new_bytes(size);
  unlocked([&, content = content] { nncomp::far::join(view(literals), view(copies), from, content); });
  return bytes;
}

}  // namespace

void bind_far(nb::module_& m) {
  nb::class_<Finder>(m, "FarFinder")
      .def(nb::init<uint64_t, uint64_t, uint64_t, uint64_t, uint64_t>(), nb::kw_only(), "reach"_a, "least"_a, "share"_a,
           "sources"_a, "blocks"_a)
      .def("split", &Finder::split, "content"_a, "heads"_a)
      .def("add", &Finder::add, "literals"_a);
  m.def("far_join", join, "literals"_a, "copies"_a, "sources"_a, "size"_a);
}
