// The JPEG functions of the module nncomp._native: argument checks, nothing else.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "jpeg/split.hpp"

using namespace nb::literals;

namespace {

using nncomp::jpeg::Inside;

nb::object split(nb::bytes data, uint64_t most, const Inside* inside, const std::string& kernel) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  require(most <= MAX_BYTES, "most is out of range");
  const nncomp::Kernel& found = usable_kernel(kernel);
  const auto parts = unlocked([&] { return nncomp::jpeg::split(found, view(data), inside, most); });
  if (!parts) return nb::none();
  return nb::make_tuple(to_bytes(parts->rest), to_bytes(parts->coded), parts->blocks, parts->taken);
}

nb::object follow(nb::bytes data, size_t begin, const Inside* inside) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  require(inside || (data.size() >= 2 && begin <= data.size() - 2), "begin is out of range");
  auto found = unlocked([&] { return nncomp::jpeg::follow(view(data), begin, inside); });
  if (!found) return nb::none();
  return nb::make_tuple(found->size, nb::cast(std::move(found->inside)));
}

nb::bytes join(nb::bytes rest, nb::bytes coded, size_t size, uint64_t blocks, uint64_t most,
               const std::string& kernel) {
  require(size <= MAX_BYTES, "size is out of range");
  require(blocks <= MAX_BYTES && most <= MAX_BYTES, "blocks are out of range");
  const nncomp::Kernel& found = usable_kernel(kernel);
  return to_bytes(unlocked([&] { return nncomp::jpeg::join(found, view(rest), view(coded), size, blocks, most); }));
}

}  // namespace

void bind_jpeg(nb::module_& m) {
  nb::class_<Inside>(m, "JpegInside");
  m.def("jpeg_split", split, "data"_a, "most"_a, "inside"_a = nb::none(), nb::kw_only(), "kernel"_a = "auto");
  m.def("jpeg_follow", follow, "data"_a, "begin"_a, "inside"_a = nb::none());
  m.def("jpeg_join", join, "rest"_a, "coded"_a, "size"_a, "blocks"_a, "most"_a, nb::kw_only(), "kernel"_a = "auto");
}
