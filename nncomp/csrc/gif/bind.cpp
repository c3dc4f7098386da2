// The GIF functions of the module nncomp._native: argument checks, nothing else.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "gif/split.hpp"

using namespace nb::literals;

namespace {

nb::object split(nb::bytes data, uint64_t most) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  require(most <= MAX_BYTES, "most is out of range");
  const auto parts = unlocked([&] { return nncomp::gif::split(view(data), most); });
  if (!parts) return nb::none();
  nb::list pixels;
  for (const auto& group : parts->pixels) pixels.append(to_bytes(group));
  return nb::make_tuple(to_bytes(parts->rest), to_bytes(parts->side), pixels, parts->taken);
}

nb::bytes join(nb::bytes rest, nb::bytes side, const std::vector<nb::bytes>& pixels, size_t size) {
  require(size <= MAX_BYTES, "size is out of range");
  const auto groups = views(pixels);
  return to_bytes(unlocked([&] { return nncomp::gif::join(view(rest), view(side), groups, size); }));
}

}  // namespace

void bind_gif(nb::module_& m) {
  m.def("gif_split", split, "data"_a, "most"_a);
  m.def("gif_join", join, "rest"_a, "side"_a, "pixels"_a, "size"_a);
}
