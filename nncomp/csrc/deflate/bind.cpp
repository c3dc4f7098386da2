// The deflate functions of the module nncomp._native: argument checks, nothing else.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <span>

#include "bind.hpp"
#include "deflate/find.hpp"
#include "deflate/split.hpp"

using namespace nb::literals;

namespace {

using nncomp::deflate::Inside;

nb::object split(nb::bytes data, size_t most, const Inside* inside) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  require(most <= MAX_BYTES, "most is out of range");
  const auto parts = unlocked([&] { return nncomp::deflate::split(view(data), inside, most); });
  if (!parts) return nb::none();
  nb::list contents;
  for (const auto& content : parts->contents) contents.append(to_bytes(content));
  return nb::make_tuple(to_bytes(parts->rest), to_bytes(parts->side), contents, parts->taken);
}

nb::object follow(nb::bytes data, const Inside* inside) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  auto found = unlocked([&] { return nncomp::deflate::follow(view(data), inside); });
  return found ? nb::cast(std::move(*found)) : nb::none();
}

nb::bytes join(nb::bytes rest, nb::bytes side, const std::vector<nb::bytes>& contents, size_t size) {
  require(size <= MAX_BYTES, "size is out of range");
  const auto groups = views(contents);
  return to_bytes(unlocked([&] { return nncomp::deflate::join(view(rest), view(side), groups, size); }));
}

}  // namespace

void bind_deflate(nb::module_& m) {
  nb::class_<Inside>(m, "DeflateInside");
  m.def("deflate_split", split, "data"_a, "most"_a, "inside"_a = nb::none());
  m.def("deflate_follow", follow, "data"_a, "inside"_a = nb::none());
  m.def("deflate_join", join, "rest"_a, "side"_a, "contents"_a, "size"_a);
}
