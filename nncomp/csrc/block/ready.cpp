#include "block/ready.hpp"

#include <algorithm>
#include <cassert>

#include "block/steps.hpp"
#include "network/network.hpp"

namespace nncomp {
Ready::Ready(const Predictor& predictor, std::span<const uint8_t> known, size_t room, const Progress& progress)
    : predictor_(predictor), known_(known.begin(), known.end()), room_(room), stage_(predictor.stage(known_, 1, room)) {
  assert(known.size() < room);
  const mix::Shared& s = stage_.shared;
  const Kernel& kernel = *predictor.kernel;
  start_lanes(s, kernel);
  if (predictor.network) lanes_.emplace(*predictor.network, 1, MAX_CHUNK);
  Distribution distribution;
  run_alone(s, kernel, 0, known_.size(), progress, [&](size_t t) {
    if (lanes_) {
      const uint8_t* bytes = known_.data();
      if (t % MAX_CHUNK == 0) lanes_->forward(&bytes, 1, int(std::min<size_t>(MAX_CHUNK, known_.size() - t)));
      lanes_->distribution(int(t % MAX_CHUNK), distribution);
      s.lane[0].activations = lanes_->activations(int(t % MAX_CHUNK));
    }
    read_byte(kernel, s, s.lane[0], lanes_ ? &distribution : nullptr, known_[t]);
  });
}

bool Ready::suits(const Predictor& predictor, size_t size, int lanes) const {
  const Mixing &a = predictor.mixing, &b = predictor_.mixing;
  return predictor.network == predictor_.network && predictor.kernel == predictor_.kernel && a.profile == b.profile &&
         a.contexts == b.contexts && a.period == b.period && a.stride == b.stride &&
         Stage::room_for(size + size_t(lanes) * known()) == Stage::room_for(room_);
}

std::vector<uint8_t> Ready::laid_out(std::span<const uint8_t> data, int lanes) const {
  std::vector<uint8_t> bytes;
  bytes.reserve(data.size() + size_t(lanes) * known());
  for (int i = 0; i < lanes; ++i) {
    const Piece p = piece(data.size(), lanes, i);
    bytes.insert(bytes.end(), known_.begin(), known_.end());
    bytes.insert(bytes.end(), data.begin() + ptrdiff_t(p.start), data.begin() + ptrdiff_t(p.start + p.size));
  }
  return bytes;
}

}  // namespace nncomp
