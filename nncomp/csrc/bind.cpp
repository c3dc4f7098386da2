// The Python module nncomp._native: checks arguments, none of which is trusted, and calls the engine.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <optional>
#include <span>
#include <tuple>

#include "bind.hpp"
#include "block/arguments.hpp"
#include "block/ready.hpp"
#include "coder/error.hpp"
#include "network/network.hpp"
#include "network/tables.hpp"
#include "stage/stage.hpp"

using namespace nb::literals;
using nncomp::Network;

void bind_deflate(nb::module_& m);     // deflate/bind.cpp
void bind_far(nb::module_& m);         // far/bind.cpp
void bind_filters(nb::module_& m);     // filters/bind.cpp
void bind_gif(nb::module_& m);         // gif/bind.cpp
void bind_integers(nb::module_& m);    // coder/bind.cpp
void bind_jpeg(nb::module_& m);        // jpeg/bind.cpp
void bind_primed(nb::module_& m);    // block/bind.cpp
void bind_statistics(nb::module_& m);  // statistics/bind.cpp

namespace {

// Makes a network of arrays by name, which are copied.
void make_network(Network* self, int d_model, std::vector<std::tuple<std::string, std::vector<int>>> layers,
                  const std::vector<std::tuple<std::string, int, int, int, int>>& tables, nb::dict tensors,
                  const std::string& kernel) {
  nncomp::Config config{d_model, {}, {}};
  for (auto& [kind, numbers] : layers) config.layers.push_back({kind, std::move(numbers)});
  for (const auto& [context, log2_rows, width, first, ways] : tables) {
    config.tables.push_back({context, log2_rows, width, first, ways});
  }
  const nncomp::Kernel& found = usable_kernel(kernel);
  std::vector<Array> arrays;  // keeps them alive until they are copied
  const auto source = [&](const std::string& name) {
    const nb::str key(name.c_str());
    if (!tensors.contains(key)) throw std::invalid_argument("tensor " + name + " is missing");
    try {
      arrays.push_back(Array::contiguous(tensors[key]));
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument("tensor " + name + " is not a contiguous array");
    }
    const Py_buffer& view = arrays.back().view();
    nncomp::Tensor tensor{view.buf, arrays.back().kind(), int(view.itemsize), {}};
    for (int i = 0; i < view.ndim; ++i) tensor.shape.push_back(int64_t(view.shape[i]));
    return tensor;
  };
  new (self) Network(std::move(config), source, found);
}

nb::list to_list(const std::vector<nncomp::Payload>& payloads) {
  nb::list out;
  for (const nncomp::Payload& payload : payloads) out.append(to_bytes(payload));
  return out;
}

// A value that can be used until it is finished, by one call at a time, or a use of it throws.
template <class T>
class Unfinished {
 public:
  template <class... Args>
  void emplace(Args&&... args) {
    value_.emplace(std::forward<Args>(args)...);
  }

  // Returns use(value); destroys the value if that throws.
  auto with(auto use) {
    const Sole sole(in_use_);
    require(value_.has_value(), "it has ended, or failed before");
    try {
      return use(*value_);
    } catch (...) {
      value_.reset();
      throw;
    }
  }

  void reset() {
    const Sole sole(in_use_);
    value_.reset();
  }

 private:
  std::atomic<bool> in_use_{false};
  std::optional<T> value_;
};

// The state of a coder that has read a prime, copied for each block.
class Ready {
 public:
  Ready(nb::bytes known, size_t room, const MixingArgs& mixing, const Network* network, nb::object progress,
        const std::string& kernel) {
    const nncomp::Predictor predictor = predictor_of(network, mixing, kernel, 1, room, 1);
    require(known.size() >= 1 && known.size() < room, "known is out of range");
    Unlocked unlocked(progress);
    ready_.emplace(predictor, view(known), room, unlocked.progress());
  }

  // The state, after a check that a block of this size and with these lanes can begin with it; null for null.
  static const nncomp::Ready* of(const Ready* ready, const nncomp::Predictor& predictor, size_t size, int lanes) {
    if (!ready) return nullptr;
    require(ready->ready_->suits(predictor, size, lanes), "what is ready is for another block");
    require(size + size_t(lanes) * ready->ready_->known() <= MAX_BYTES, "size is out of range");
    return &*ready->ready_;
  }

 private:
  std::optional<nncomp::Ready> ready_;
};

// A block that is encoded to payloads, step by step.
class Encoding {
 public:
  Encoding(const Network* network, nb::bytes data, int lanes, const MixingArgs& mixing, const std::string& kernel,
           const Ready* ready)
      : data_(data) {
    const nncomp::Predictor predictor = predictor_of(network, mixing, kernel, size_t(lanes), data.size(), 1);
    require(data.size() > 0, "there is nothing to encode");
    const nncomp::Ready* begin = Ready::of(ready, predictor, data.size(), lanes);
    Unlocked unlocked;
    encoder_.emplace(predictor, view(data_), lanes, nncomp::Notes(), begin);
  }

  void encode(size_t steps, int threads, nb::object progress) {
    require(threads >= 1, "threads is out of range");
    Unlocked unlocked(progress);
    encoder_.with([&](auto& encoder) { encoder.encode(steps, threads, unlocked.progress()); });
  }

  size_t size() {
    return encoder_.with([](auto& encoder) { return encoder.size(); });
  }

  nb::list finish(int threads, nb::object progress) {
    encode(SIZE_MAX, threads, progress);
    const std::vector<nncomp::Payload> payloads = encoder_.with([](auto& encoder) { return encoder.finish(); });
    encoder_.reset();
    return to_list(payloads);
  }

 private:
  nb::bytes data_;
  Unfinished<nncomp::BlockEncoder> encoder_;
};

// A block that is decoded from payloads, step by step.
class Decoding {
 public:
  Decoding(const Network* network, std::vector<nb::bytes> payloads, size_t size, const MixingArgs& mixing, int threads,
           const std::string& kernel, nb::bytes known, uint32_t power, const Ready* ready)
      : payloads_(std::move(payloads)), known_(known) {
    require(known.size() == 0 || !ready, "known is out of range");
    require(power >= 1 && power <= nncomp::MAX_POWER, "power is out of range");
    require(known.size() == 0 || (payloads_.size() == 1 && known.size() < size), "known is out of range");
    const nncomp::Predictor predictor = predictor_of(network, mixing, kernel, payloads_.size(), size, threads);
    const nncomp::Ready* begin = Ready::of(ready, predictor, size, int(payloads_.size()));
    auto [bytes, data] = new_bytes(size);
    out_ = std::move(bytes);
    const auto coded = views(payloads_);
    Unlocked unlocked;
    decoder_.emplace(predictor, coded, data, threads, view(known_), power, begin);
  }

  void decode(size_t steps, nb::object progress) {
    Unlocked unlocked(progress);
    decoder_.with([&](auto& decoder) { decoder.decode(steps, unlocked.progress()); });
  }

  // A copy of some bytes of the block. Those that are not decoded yet have any value.
  nb::bytes part(size_t start, size_t size) {
    require(start <= out_.size() && size <= out_.size() - start, "part is out of range");
    return nb::bytes(out_.c_str() + start, size);
  }

  nb::bytes finish(nb::object progress) {
    decode(SIZE_MAX, progress);
    decoder_.reset();
    return out_;
  }

 private:
  std::vector<nb::bytes> payloads_;
  nb::bytes known_;
  nb::bytes out_;
  Unfinished<nncomp::BlockDecoder> decoder_;
};

nb::list encode_block(const Network* network, nb::bytes data, int lanes, const MixingArgs& mixing, int threads,
                      nb::object progress, const std::string& kernel, const Ready* ready) {
  const nncomp::Predictor predictor = predictor_of(network, mixing, kernel, size_t(lanes), data.size(), threads);
  const nncomp::Ready* begin = Ready::of(ready, predictor, data.size(), lanes);
  std::vector<nncomp::Payload> payloads{size_t(lanes)};
  if (data.size() != 0) {
    Unlocked unlocked(progress);
    payloads = nncomp::encode_block(predictor, view(data), lanes, threads, unlocked.progress(), begin);
  }
  return to_list(payloads);
}

nb::bytes decode_block(const Network* network, std::vector<nb::bytes> payloads, size_t size, const MixingArgs& mixing,
                       int threads, nb::object progress, const std::string& kernel, const Ready* ready) {
  return Decoding(network, std::move(payloads), size, mixing, threads, kernel, nb::bytes("", 0), nncomp::PLAIN, ready)
      .finish(progress);
}

auto byte_costs(const Network* network, nb::bytes data, const MixingArgs& mixing, bool split, bool bits, int threads,
                nb::object progress, const std::string& kernel) {
  const nncomp::Predictor predictor = predictor_of(network, mixing, kernel, 1, data.size(), threads);
  nncomp::Notes notes{.split = split, .bits = bits};
  const auto fill = [&](uint32_t* out, const nncomp::Progress& report) {
    notes.rows = out;
    nncomp::byte_costs(predictor, view(data), notes, threads, report);
  };
  return rows(data.size(), notes.columns(network != nullptr), fill, progress);
}

uint32_t tempered(uint32_t p, uint32_t power) {
  require(p >= 1 && p < 1u << nncomp::PROBABILITY_BITS && power >= 1 && power <= nncomp::MAX_POWER,
          "p or power is out of range");
  return nncomp::tempered(p, power);
}

auto frequencies(const Network& network, nb::bytes data) {
  return rows(data.size(), 256, [&](uint32_t* out, const nncomp::Progress& progress) {
    nncomp::byte_frequencies(network, view(data), out, progress);
  });
}

auto activations(const Network& network, nb::bytes data) {
  return rows(data.size(), size_t(network.units()), [&](uint32_t* out, const nncomp::Progress& progress) {
    nncomp::byte_activations(network, view(data), out, progress);
  });
}

auto bit_probabilities(nb::bytes data, const MixingArgs& mixing, const std::string& kernel) {
  const nncomp::Predictor predictor = predictor_of(nullptr, mixing, kernel, 1, data.size(), 1);
  return rows(data.size(), 8, [&](uint32_t* out, const nncomp::Progress& progress) {
    nncomp::bit_probabilities(*predictor.kernel, predictor.mixing, view(data), out, progress);
  });
}

std::vector<std::string> kernels(bool all) {
  std::vector<std::string> names;
  for (const auto& [name, runs] : nncomp::kernels()) {
    if (all || runs) names.emplace_back(name);
  }
  return names;
}

nb::tuple tables() {
  std::vector<uint8_t> exp;
  for (uint32_t distance = 0; distance < nncomp::EXP_SIZE; ++distance) exp.push_back(nncomp::exp_weight(distance));
  return nb::make_tuple(to_bytes(exp), nb::bytes(nncomp::POW, sizeof nncomp::POW));
}

nb::tuple mixing_tables() {
  const nncomp::mix::Tables& t = nncomp::mixing_tables();
  return nb::make_tuple(nb::bytes(t.stretch, sizeof t.stretch), nb::bytes(t.squash, sizeof t.squash),
                        nb::bytes(t.next, sizeof t.next), nb::bytes(t.start, sizeof t.start),
                        nb::bytes(t.reciprocal, sizeof t.reciprocal), nb::bytes(t.first_rate, sizeof t.first_rate),
                        nb::bytes(t.second_rate, sizeof t.second_rate),
                        nb::bytes(t.readout_rate, sizeof t.readout_rate));
}

size_t room_for(size_t size) { return nncomp::Stage::room_for(size); }

uint64_t mixing_memory(const MixingArgs& mixing, bool network, int units, size_t size, int lanes) {
  const nncomp::Mixing checked = mixing_of(mixing);
  require(lanes >= 1 && lanes <= nncomp::MAX_LANES && size <= MAX_BYTES, "lanes or size is out of range");
  require(units >= 0 && units <= nncomp::MAX_UNITS, "units is out of range");
  return nncomp::Stage::memory(checked, network, units, size, lanes);
}

// ---- The module, by subject ----

void bind_errors() {
  nb::register_exception_translator([](const std::exception_ptr& error, void*) {
    try {
      std::rethrow_exception(error);
    } catch (const nncomp::FormatError& e) {
      PyErr_SetString(nb::module_::import_("nncomp.errors").attr("FormatError").ptr(), e.what());
    }
  });
}

void bind_network(nb::module_& m) {
  nb::class_<Network>(m, "Network")
      .def("__init__", make_network, "d_model"_a, "layers"_a, "tables"_a, "tensors"_a, nb::kw_only(),
           "kernel"_a = "auto")
      .def_prop_ro("kernel", [](const Network& network) { return network.kernel().name; })
      .def("frequencies", frequencies, "data"_a)
      .def("activations", activations, "data"_a);
  m.def("tables", tables);
}

void bind_blocks(nb::module_& m) {
  m.def("encode_block", encode_block, "network"_a.none(), "data"_a, "lanes"_a, "mixing"_a, nb::kw_only(),
        "threads"_a = 1, "progress"_a = nb::none(), "kernel"_a = "auto", "ready"_a = nb::none());
  m.def("decode_block", decode_block, "network"_a.none(), "payloads"_a, "size"_a, "mixing"_a, nb::kw_only(),
        "threads"_a = 1, "progress"_a = nb::none(), "kernel"_a = "auto", "ready"_a = nb::none());
  nb::class_<Encoding>(m, "Encoding")
      .def(nb::init<const Network*, nb::bytes, int, const MixingArgs&, const std::string&, const Ready*>(),
           "network"_a.none(), "data"_a, "lanes"_a, "mixing"_a, nb::kw_only(), "kernel"_a = "auto",
           "ready"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("encode", &Encoding::encode, "steps"_a, nb::kw_only(), "threads"_a = 1, "progress"_a = nb::none())
      .def_prop_ro("size", &Encoding::size)
      .def("finish", &Encoding::finish, nb::kw_only(), "threads"_a = 1, "progress"_a = nb::none());
  nb::class_<Decoding>(m, "Decoding")
      .def(nb::init<const Network*, std::vector<nb::bytes>, size_t, const MixingArgs&, int, const std::string&,
                    nb::bytes, uint32_t, const Ready*>(),
           "network"_a.none(), "payloads"_a, "size"_a, "mixing"_a, nb::kw_only(), "threads"_a = 1, "kernel"_a = "auto",
           "known"_a = nb::bytes("", 0), "power"_a = nncomp::PLAIN, "ready"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("decode", &Decoding::decode, "steps"_a, nb::kw_only(), "progress"_a = nb::none())
      .def("part", &Decoding::part, "start"_a, "size"_a)
      .def("finish", &Decoding::finish, nb::kw_only(), "progress"_a = nb::none());
  m.def("byte_costs", byte_costs, "network"_a.none(), "data"_a, "mixing"_a, nb::kw_only(), "split"_a = false,
        "bits"_a = false, "threads"_a = 1, "progress"_a = nb::none(), "kernel"_a = "auto");
  m.def("tempered", tempered, "p"_a, "power"_a);
  nb::class_<Ready>(m, "Ready")
      .def(nb::init<nb::bytes, size_t, const MixingArgs&, const Network*, nb::object, const std::string&>(), "known"_a,
           "room"_a, "mixing"_a, nb::kw_only(), "network"_a = nb::none(), "progress"_a = nb::none(),
           "kernel"_a = "auto", nb::keep_alive<1, 5>());
  m.def("bit_probabilities", bit_probabilities, "data"_a, "mixing"_a, nb::kw_only(), "kernel"_a = "auto");
  m.def("room_for", room_for, "size"_a);
  m.def("mixing_memory", mixing_memory, "mixing"_a, "network"_a, "units"_a, "size"_a, "lanes"_a);
  m.def("mixing_tables", mixing_tables);
  m.def("kernels", kernels, nb::kw_only(), "all"_a = false);
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "The native engine of nncomp; use nncomp.engine.";
  nb::set_leak_warnings(false);  // threads that end with the process, or stay behind in a fork, let go of nothing
  bind_errors();
  bind_network(m);
  bind_integers(m);
  bind_blocks(m);
  bind_filters(m);
  bind_gif(m);
  bind_deflate(m);
  bind_far(m);
  bind_jpeg(m);
  bind_primed(m);
  bind_statistics(m);
}
