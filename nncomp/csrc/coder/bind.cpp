// The part of the module nncomp._native that codes integers, of a model's tensors: argument checks, nothing else.
#include "bind.hpp"
#include "coder/integers.hpp"

using namespace nb::literals;

namespace {

void put_integers(nncomp::IntegerEncoder& encoder, int kind, nb::handle values, nb::handle base) {
  require(kind >= 0 && kind < nncomp::INTEGER_KINDS, "kind is out of range");
  const Array from = Array::contiguous(values), to = Array::contiguous(base);
  from.with_integers([&](auto zero) {
    using T = decltype(zero);
    to.with_integers([&](auto other) {
      require(sizeof zero == sizeof other && from.rows() == to.rows() && from.columns() == to.columns(),
              "values and base differ in type or shape");
    });
    encoder.put(kind, static_cast<const T*>(from.view().buf), static_cast<const T*>(to.view().buf), from.rows(),
                from.columns());
  });
}

void add_integers(nncomp::IntegerDecoder& decoder, int kind, nb::handle values) {
  require(kind >= 0 && kind < nncomp::INTEGER_KINDS, "kind is out of range");
  const Array array = Array::writable(values);
  array.with_integers([&](auto zero) {
    using T = decltype(zero);
    decoder.add(kind, static_cast<T*>(array.view().buf), array.rows(), array.columns());
  });
}

}  // namespace

void bind_integers(nb::module_& m) {
  nb::class_<nncomp::IntegerEncoder>(m, "IntegerEncoder")
      .def(nb::init<>())
      .def("put", put_integers, "kind"_a, "values"_a, "base"_a)
      .def("finish", [](nncomp::IntegerEncoder& encoder) {
        const std::span<const uint8_t> payload = encoder.finish();
        return nb::bytes(payload.data(), payload.size());
      });
  nb::class_<nncomp::IntegerDecoder>(m, "IntegerDecoder")
      .def(
          "__init__",
          [](nncomp::IntegerDecoder* self, nb::bytes data, size_t start) {
            require(start <= data.size(), "start is out of range");
            new (self) nncomp::IntegerDecoder(view(data).subspan(start));
          },
          "data"_a, "start"_a = 0, nb::keep_alive<1, 2>())
      .def("add", add_integers, "kind"_a, "values"_a)
      .def("finish", &nncomp::IntegerDecoder::finish);
}
