// The stage when it has read some bytes, for the module nncomp._native: argument checks, nothing else.
#include "block/arguments.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <mutex>
#include <optional>
#include <shared_mutex>

#include "block/primed.hpp"

using namespace nb::literals;

namespace {

class Primed {
 public:
  Primed(nb::bytes known, size_t room, const MixingArgs& mixing, nb::object progress, const std::string& kernel) {
    const nncomp::Predictor predictor = predictor_of(nullptr, mixing, kernel, 1, room, 1);
    require(known.size() < room, "room is out of range");
    Unlocked unlocked(progress);
    stage_.emplace(*predictor.kernel, predictor.mixing, view(known), room, unlocked.progress());
  }

  auto costs(nb::bytes data, nb::object progress) const {
    const auto fill = [&](uint32_t* out, const nncomp::Progress& report) {
      const std::shared_lock lock(reading_);
      require(stage_.has_value(), NO_STAGE);
      require(data.size() <= stage_->left(), NO_ROOM);
      stage_->costs(view(data), out, report);
    };
    return rows(data.size(), 1, fill, progress);
  }

  auto read(nb::bytes data, nb::object progress) {
    const auto fill = [&](uint32_t* out, const nncomp::Progress& report) {
      const std::unique_lock lock(reading_);
      require(stage_.has_value(), NO_STAGE);
      require(data.size() < stage_->left(), NO_ROOM);
      try {
        stage_->read(view(data), out, report);
      } catch (...) {
        stage_.reset();
        throw;
      }
    };
    return rows(data.size(), 1, fill, progress);
  }

 private:
  static constexpr const char* NO_STAGE = "reading failed before";
  static constexpr const char* NO_ROOM = "there is no room for so much";

  mutable std::shared_mutex reading_;
  std::optional<nncomp::PrimedStage> stage_;
};

}  // namespace

void bind_primed(nb::module_& m) {
  nb::class_<Primed>(m, "Primed")
      .def(nb::init<nb::bytes, size_t, const MixingArgs&, nb::object, const std::string&>(), "known"_a, "room"_a,
           "mixing"_a, nb::kw_only(), "progress"_a = nb::none(), "kernel"_a = "auto")
      .def("costs", &Primed::costs, "data"_a, nb::kw_only(), "progress"_a = nb::none())
      .def("read", &Primed::read, "data"_a, nb::kw_only(), "progress"_a = nb::none());
}
