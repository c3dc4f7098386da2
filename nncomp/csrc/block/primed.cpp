#include "block/primed.hpp"

#include <algorithm>
#include <cassert>

#include "block/steps.hpp"
#include "network/network.hpp"

namespace nncomp {
namespace {

std::vector<uint8_t> padded(std::span<const uint8_t> known, size_t room) {
  std::vector<uint8_t> bytes(room);
  std::copy(known.begin(), known.end(), bytes.begin());
  return bytes;
}

// What each byte costs behind what `output` has, to `out`.
void count(const mix::Shared& s, const Kernel& kernel, size_t from, size_t to, Output& output, uint32_t* out,
           const Progress& progress) {
  run_alone(s, kernel, from, to, progress, [&](size_t t) {
    output.make_room(1);
    kernel.stage->encode(s, s.lane[0], nullptr, output.coder, s.data[t]);
    *out++ = output.count();
  });
}

}  // namespace

PrimedStage::PrimedStage(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> known, size_t room,
                         const Progress& progress)
    : kernel_(kernel), known_(known.size()), bytes_(padded(known, room)), stage_(mixing, false, 0, bytes_, 1) {
  assert(known_ < room);
  const mix::Shared& s = stage_.shared;
  start_lanes(s, kernel);
  run_alone(s, kernel, 0, known_, progress, [&](size_t t) { read_byte(kernel, s, s.lane[0], nullptr, bytes_[t]); });
}

void PrimedStage::costs(std::span<const uint8_t> data, uint32_t* out, const Progress& progress) const {
  assert(data.size() <= left());
  std::vector<uint8_t> bytes = bytes_;
  std::copy(data.begin(), data.end(), bytes.begin() + ptrdiff_t(known_));
  const Stage stage(stage_, bytes, 1);
  Output output;
  count(stage.shared, kernel_, known_, known_ + data.size(), output, out, progress);
}

void PrimedStage::read(std::span<const uint8_t> data, uint32_t* out, const Progress& progress) {
  assert(data.size() < left());
  std::copy(data.begin(), data.end(), bytes_.begin() + ptrdiff_t(known_));
  count(stage_.shared, kernel_, known_, known_ + data.size(), read_, out, progress);
  known_ += data.size();
}

}  // namespace nncomp
