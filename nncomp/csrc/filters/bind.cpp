// Python bindings of the filters in this folder, part of the module nncomp._native. They check arguments and convert
// types, nothing else.
#include "bind.hpp"
#include "filters/copies.hpp"
#include "filters/hex.hpp"
#include "filters/quoted.hpp"
#include "filters/x86.hpp"

using namespace nb::literals;

namespace {

// Returns a copy of `data`, to which `change` was applied in place.
template <auto change>
nb::bytes changed(nb::bytes data) {
  require(data.size() <= MAX_BYTES, "size is out of range");
  nb::bytes out(data.c_str(), data.size());
  change({reinterpret_cast<uint8_t*>(PyBytes_AsString(out.ptr())), out.size()});
  return out;
}

nncomp::hex::Form form_of(const nb::bytes& line, uint64_t address, uint8_t check) {
  require(nncomp::hex::bytes_of(view(line)) > 0, "a line is of no form that is supported");
  return {view(line), address, check};
}

nb::bytes hex_write(nb::bytes line, uint64_t address, uint8_t check, nb::bytes payload) {
  const nncomp::hex::Form form = form_of(line, address, check);
  const size_t size = nncomp::hex::bytes_of(form.line);
  require(payload.size() % size == 0 && payload.size() / size <= MAX_BYTES / form.line.size(),
          "payload is of no size of lines");
  std::vector<uint8_t> text(payload.size() / size * form.line.size());
  unlocked([&] { nncomp::hex::write(form, view(payload), text.data()); });
  return to_bytes(text);
}

nb::bytes hex_read(nb::bytes line, uint64_t address, uint8_t check, nb::bytes text, size_t start) {
  require(start <= text.size(), "start is out of range");
  const nncomp::hex::Form form = form_of(line, address, check);
  return to_bytes(unlocked([&] { return nncomp::hex::read(form, view(text).subspan(start)); }));
}

size_t hex_bytes(nb::bytes line) { return nncomp::hex::bytes_of(view(line)); }

nb::list copies_find(nb::bytes content, size_t least) {
  require(content.size() <= MAX_BYTES, "size is out of range");
  require(least > 0, "least is out of range");
  const auto copies = unlocked([&] { return nncomp::copies::find(view(content), least); });
  nb::list found;
  for (const nncomp::copies::Copy& copy : copies) found.append(nb::make_tuple(copy.start, copy.stop, copy.distance));
  return found;
}

// Returns the `size` bytes of content that `join` makes of two streams.
template <auto join>
nb::bytes joined(nb::bytes first, nb::bytes second, size_t size) {
  require(size <= MAX_BYTES, "size is out of range");
  auto [bytes, content] = new_bytes(size);
  unlocked([&, content = content] { join(view(first), view(second), content); });
  return bytes;
}

nb::object quoted_split(nb::bytes content) {
  require(content.size() <= MAX_BYTES, "size is out of range");
  const auto split = unlocked([&] { return nncomp::quoted::split(view(content)); });
  if (!split) return nb::none();
  return nb::make_tuple(to_bytes(split->plain), to_bytes(split->places), to_bytes(split->text),
                        to_bytes(split->payload));
}

}  // namespace

void bind_filters(nb::module_& m) {
  m.def("distances_to_targets", changed<nncomp::distances_to_targets>, "data"_a);
  m.def("targets_to_distances", changed<nncomp::targets_to_distances>, "data"_a);
  m.def("copies_find", copies_find, "content"_a, "least"_a);
  m.def("copies_join", joined<nncomp::copies::join>, "literals"_a, "places"_a, "size"_a);
  m.def("hex_bytes", hex_bytes, "line"_a);
  m.def("hex_write", hex_write, "line"_a, "address"_a, "check"_a, "payload"_a);
  m.def("hex_read", hex_read, "line"_a, "address"_a, "check"_a, "text"_a, "start"_a);
  m.def("quoted_split", quoted_split, "content"_a);
  m.def("quoted_join", joined<nncomp::quoted::join>, "plain"_a, "places"_a, "size"_a);
}
