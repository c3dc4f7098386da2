// The JPEG functions of the module nncomp._native: argument checks, nothing else.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "jpeg/split.hpp"

using namespace nb::literals;

namespace {

nb::object split(nb::bytes data, uint64_t most, const std::string& kernel) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  require(most <= MAX_BYTES, "most is out of range");
  const nncomp::Kernel& found = usable_kernel(kernel);
  const auto parts = unlocked([&] { return nncomp::jpeg::split(found, view(data), most); });
  if (!parts) return nb::none();
  return nb::make_tuple(to_bytes(parts->rest), to_bytes(parts->coded), parts->blocks, parts->taken);
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
  m.def("jpeg_split", split, "data"_a, "most"_a, nb::kw_only(), "kernel"_a = "auto");
  m.def("jpeg_join", join, "rest"_a, "coded"_a, "size"_a, "blocks"_a, "most"_a, nb::kw_only(), "kernel"_a = "auto");
}
