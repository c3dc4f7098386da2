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
  const uint64_t laid_out = size + uint64_t(lanes) * data_.size();
  const uint64_t one = state(predictor.mixing, predictor.network, laid_out);
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < kept_.size(); ++i) {
      if (!kept_[i].ready->suits(predictor, size, lanes)) continue;
      std::rotate(kept_.begin(), kept_.begin() + ptrdiff_t(i), kept_.begin() + ptrdiff_t(i) + 1);
      return kept_.front().ready;
    }
    if (one <= MOST_KEPT && kept_.size() == KEPT) kept_.pop_back();  // before there is one more
  }
  auto made = std::make_shared<const Ready>(predictor, data_, Stage::room_for(laid_out), Progress());
  if (one > MOST_KEPT) return made;
  const std::lock_guard lock(mutex_);
  kept_.push_front({network, made, one});
  if (kept_.size() > KEPT) kept_.pop_back();
  return made;
}

Prime::Memory Prime::memory(const Mixing& mixing, const Network* network, uint64_t size, int lanes) const {
  const uint64_t laid_out = size + uint64_t(lanes) * data_.size(), one = state(mixing, network, laid_out);
  if (one > MOST_KEPT) return {laid_out + one, 0};
  return {laid_out, KEPT * one};
}

uint64_t Prime::kept() const {
  const std::lock_guard lock(mutex_);
  return size_of_kept();
}

void Prime::keep_at_most(uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  while (size_of_kept() > bytes) kept_.pop_back();
}

uint64_t Prime::size_of_kept() const {
  uint64_t size = 0;
  for (const Kept& kept : kept_) size += kept.size;
  return size;
}

// Upper bound in bytes of one state, for streams that are `laid_out` bytes long with the prime before each lane.
uint64_t Prime::state(const Mixing& mixing, const Network* network, uint64_t laid_out) const {
  const uint64_t stage = Stage::memory(mixing, network != nullptr, 0, Stage::room_for(laid_out), 1);
  return stage + data_.size() + (network ? memory_of(network->config(), 1) : 0);
}

}  // namespace nncomp::unnnc
