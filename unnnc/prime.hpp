// A prime: a sample that the predictors have read before the first byte of each block.
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

  // Throws Refusal for a size out of range.
  explicit Prime(Bytes data);

  uint64_t size() const { return data_.size(); }

  // Throws Refusal unless this is the one that a frame names by its digest, or by the beginning of it.
  void require_named(View digest) const;

  // What a block of `size` bytes in some lanes begins with: as it was kept, or made now. For any number of threads.
  std::shared_ptr<const Ready> ready(const Predictor& predictor, uint64_t size, int lanes) const;

  // Upper bound in bytes of what ready() holds.
  uint64_t memory(const Mixing& mixing, const Network* network, uint64_t size, int lanes) const;

 private:
  static constexpr size_t KEPT = 2;                           // of what has been made ready
  static constexpr uint64_t MOST_KEPT = uint64_t(1) << 27;  // bytes that one of them may take

  uint64_t state(const Mixing& mixing, const Network* network, uint64_t laid_out) const;

  Bytes data_;
  Id digest_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::deque<std::shared_ptr<const Ready>> kept_;  // the last used one first
};

}  // namespace nncomp::unnnc
