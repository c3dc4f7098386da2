// The part of the module nncomp._native that undoes and redoes deflate: argument checks, nothing else.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <span>
#include <stdexcept>

#include "deflate/split.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

constexpr size_t MAX_BYTES = size_t(1) << 28;  // of a block, and of what is made of it

std::span<const uint8_t> view(const nb::bytes& b) {
  if (b.size() > MAX_BYTES) throw std::invalid_argument("size is out of range");
  return {reinterpret_cast<const uint8_t*>(b.c_str()), b.size()};
}

nb::bytes to_bytes(const std::vector<uint8_t>& v) { return nb::bytes(v.data(), v.size()); }

nb::object split(nb::bytes data, size_t most) {
  if (most > MAX_BYTES) throw std::invalid_argument("most is out of range");
  const std::optional<nncomp::deflate::Parts> parts = nncomp::deflate::split(view(data), most);
  if (!parts) return nb::none();
  nb::list contents;
  for (const auto& content : parts->contents) contents.append(to_bytes(content));
  return nb::make_tuple(to_bytes(parts->rest), to_bytes(parts->side), contents);
}

nb::bytes join(nb::bytes rest, nb::bytes side, const std::vector<nb::bytes>& contents, size_t size) {
  if (size > MAX_BYTES) throw std::invalid_argument("size is out of range");
  std::vector<std::span<const uint8_t>> views;
  for (const nb::bytes& content : contents) views.push_back(view(content));
  return to_bytes(nncomp::deflate::join(view(rest), view(side), views, size));
}

}  // namespace

void bind_deflate(nb::module_& m) {
  m.def("deflate_split", split, "data"_a, "most"_a);
  m.def("deflate_join", join, "rest"_a, "side"_a, "contents"_a, "size"_a);
}
