#include "prime.hpp"

#include <algorithm>
#include <utility>

#include "blake2b.hpp"
#include "model.hpp"

namespace nncomp::unnnc {
namespace {

// Returns `data` if it may be a prime.
Bytes checked(Bytes data) {
  if (data.empty()) throw Refusal("a prime is empty");
  if (data.size() > Prime::MAX_SIZE) {
    throw Refusal("a prime is larger than " + std::to_string(Prime::MAX_SIZE) + " bytes");
  }
  return data;
}

Id digest_of(View data) {
  Blake2b digest;
  digest.update(data);
  return digest.digest();
}

}  // namespace

Prime::Prime(Bytes data) : data_(checked(std::move(data))), digest_(digest_of(data_)) {}

void Prime::require_named(View digest) const {
  if (std::equal(digest.begin(), digest.end(), digest_.begin())) return;
  const std::string own = hex(View(digest_).first(digest.size()));
  throw Refusal("it was written with another prime: " + hex(digest) + ", not " + own);
}

std::shared_ptr<const Ready> Prime::ready(const Predictor& predictor, const std::shared_ptr<const Network>& network,
                                          uint64_t size, int lanes) const {
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < kept_.size(); ++i) {
      if (!kept_[i].ready->suits(predictor, size, lanes)) continue;
      std::rotate(kept_.begin(), kept_.begin() + ptrdiff_t(i), kept_.begin() + ptrdiff_t(i) + 1);
      return kept_.front().ready;
    }
  }
  const size_t room = Stage::room_for(size + uint64_t(lanes) * data_.size());
  auto made = std::make_shared<const Ready>(predictor, data_, room, Progress());
  if (state(predictor.mixing, predictor.network, size + uint64_t(lanes) * data_.size()) > MOST_KEPT) return made;
  const std::lock_guard lock(mutex_);
  kept_.push_front({network, made});
  if (kept_.size() > KEPT) kept_.pop_back();
  return made;
}

uint64_t Prime::memory(const Mixing& mixing, const Network* network, uint64_t size, int lanes) const {
  const uint64_t laid_out = size + uint64_t(lanes) * data_.size(), one = state(mixing, network, laid_out);
  return laid_out + (one <= MOST_KEPT ? KEPT : 1) * one;
}

// Upper bound in bytes of one state, for streams that are `laid_out` bytes long with the prime before each lane.
uint64_t Prime::state(const Mixing& mixing, const Network* network, uint64_t laid_out) const {
  const uint64_t stage = Stage::memory(mixing, network != nullptr, 0, Stage::room_for(laid_out), 1);
  return stage + data_.size() + (network ? memory_of(network->config(), 1) : 0);
}

}  // namespace nncomp::unnnc
