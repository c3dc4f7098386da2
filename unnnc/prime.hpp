// A prime: bytes that the predictors read before the first byte of each stream that is primed with them.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "block/ready.hpp"
#include "bytes.hpp"
#include "container.hpp"

namespace nncomp::unnnc {

class Prime {
 public:
  static constexpr uint64_t MAX_SIZE = 1 << 20;  // bytes

  // 1 … MAX_SIZE bytes. Throws Refusal for another size.
  explicit Prime(Bytes data);

  uint64_t size() const { return data_.size(); }

  // Throws Refusal unless `digest`, as a frame names its prime, is the digest of this prime or the beginning of it.
  void require_named(View digest) const;

  // The state after reading the prime, for a stream of `size` bytes in `lanes` lanes. `network` is the predictor's, or
  // null. The last few states are cached. Several threads may call it at the same time.
  std::shared_ptr<const Ready> ready(const Predictor& predictor, const std::shared_ptr<const Network>& network,
                                     uint64_t size, int lanes) const;

  // Upper bounds in bytes of what a primed stream needs beside its coder.
  struct Memory {
    uint64_t own;  // while it is decoded: the prime in each lane, and its state if that is too large for the cache
    uint64_t kept;  // of cached states, from then on
  };
  Memory memory(const Mixing& mixing, const Network* network, uint64_t size, int lanes) const;

  // Upper bound in bytes of the states that are cached now.
  uint64_t kept() const;

  // Lets go of the states that were used least lately, until those cached take at most so many bytes.
  void keep_at_most(uint64_t bytes) const;

 private:
  static constexpr size_t KEPT = 2;  // states that are cached at most
  static constexpr uint64_t MOST_KEPT = uint64_t(1) << 27;  // bytes of a state that is cached

  // A cached state. It holds its network, so that no other network gets the address by which Ready knows it.
  struct Kept {
    std::shared_ptr<const Network> network;
    std::shared_ptr<const Ready> ready;
    uint64_t size;  // bytes, at most
  };

  uint64_t state(const Mixing& mixing, const Network* network, uint64_t laid_out) const;
  uint64_t size_of_kept() const;  // with mutex_

  Bytes data_;
  Id digest_;
  mutable std::mutex mutex_;  // guards kept_
  mutable std::deque<Kept> kept_;  // the last used one first
};

}  // namespace nncomp::unnnc
