// A decoder takes its lanes step by step, because lanes learn from each other after every one. Threads take some lanes
// each, divide the stage's tables, and meet twice a step.
#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <string>

#include "block/block.hpp"
#include "block/foresight.hpp"
#include "block/steps.hpp"
#include "coder/coder.hpp"
#include "coder/error.hpp"

namespace nncomp {
namespace {

void require(bool condition, int lane, const char* what) {
  if (!condition) throw FormatError("lane " + std::to_string(lane) + " " + what);
}

// What the threads of a call share.
struct Decoding {
  const Predictor& predictor;
  const std::vector<std::span<const uint8_t>>& payloads;
  std::span<uint8_t> data;
  Job& job;
  const mix::Shared& s;
  Barrier barrier;

  int lanes() const { return int(payloads.size()); }
  int tables() const { return s.shape.contexts; }
};

// One thread's lanes, `first` … `end` − 1.
class Share {
 public:
  Share(Decoding& all, int thread)
      : all_(all),
        kernel_(*all.predictor.kernel),
        thread_(thread),
        first_(all.lanes() * thread / all.job.threads()),
        end_(all.lanes() * (thread + 1) / all.job.threads()) {
    for (int j = first_; j < end_; ++j) {
      coders_.push_back(start_decoder(j));
      out_.push_back(all.data.data() + all.s.lane[j].start);
    }
    if (all.predictor.network) {
      const bool alone = all.lanes() == 1;
      network_.emplace(*all.predictor.network, end_ - first_, alone ? 2 : 1);
      if (alone && kernel_.foresight < 256) foresight_.emplace(all.s, all.s.lane[0], kernel_.foresight);
    }
  }

  void decode() {
    const mix::Shared& s = all_.s;
    uint64_t done = 0;
    start(first_, end_, 0);
    for (size_t t = 0; t < s.lane[0].size; ++t) {
      const uint32_t count = lanes_at(s, t);  // of all threads
      done += decode_step(t, count);
      if (t % 16 == 15) {
        if (!all_.job.advance(done)) return;
        done = 0;
      }
      if (all_.job.threads() == 1) {
        kernel_.mix_update_rest(s, count);
        start(first_, end_, t + 1);  // its buckets are on their way while this byte's are updated
        kernel_.mix_update_tables(s, 0, all_.tables(), count);
      } else {
        if (!update_together(count)) return;
        start(first_, end_, t + 1);
      }
    }
    all_.job.advance(done);
    for (int j = first_; j < end_; ++j) {
      require(s.lane[j].size == 0 || coders_[size_t(j - first_)].complete(), j, "has bytes left over");
    }
  }

 private:
  Decoder start_decoder(int lane) const {
    const std::span<const uint8_t> payload = all_.payloads[size_t(lane)];
    Decoder coder{.in = payload.data(), .size = payload.size()};
    coder.start();
    require(all_.s.lane[lane].size > 0 || payload.empty(), lane, "has a payload but no bytes");
    require(coder.valid(), lane, "has a malformed payload");
    return coder;
  }

  // Lanes before their byte of step t.
  void start(int first, int end, size_t t) {
    for (int j = first; j < end; ++j) {
      if (t < all_.s.lane[j].size) kernel_.mix_start(all_.s, all_.s.lane[j], t == 0);
    }
  }

  // A byte of those of the lanes that are among the first `count`; returns how many.
  uint64_t decode_step(size_t t, uint32_t count) {
    const mix::Shared& s = all_.s;
    const int active = std::max(0, std::min(end_, int(count)) - first_);
    if (network_ && active > 0) forward(t, active);
    for (int i = 0; i < active; ++i) {
      mix::Lane& l = s.lane[first_ + i];
      if (network_) network_->distribution(ready_ ? 1 : i, distribution_);
      kernel_.mix_decode(s, l, network_ ? &distribution_ : nullptr, coders_[size_t(i)]);
      out_[size_t(i)][t] = uint8_t(l.byte);
      require(coders_[size_t(i)].valid(), first_ + i, "ends too early");
    }
    if (foresight_) look_back(uint8_t(s.lane[0].byte));
    return uint64_t(active);
  }

  // Step t of the network, unless it is ready; where a lane is alone, perhaps with the step after, for a guess of the
  // byte, which is written where the byte will be.
  void forward(size_t t, int active) {
    if (foresight_) foresight_->guess();
    if (ready_) return;
    ahead_ = foresight_ && foresight_->pays() && t + 1 < all_.s.lane[0].size;
    if (ahead_) out_[0][t] = foresight_->byte();
    network_->forward(out_.data(), active, ahead_ ? 2 : 1);
  }

  void look_back(uint8_t byte) {
    const bool right = foresight_->learn(byte);
    if (ahead_ && !ready_ && !right) network_->take_back(out_.data(), 1);
    ready_ = ahead_ && !ready_ && right;
  }

  // This thread's part of what all lanes share; false means stop.
  bool update_together(uint32_t count) {
    const int tables = all_.tables(), threads = all_.job.threads();
    if (!all_.barrier.wait()) return false;
    if (thread_ == 0) kernel_.mix_update_rest(all_.s, count);
    kernel_.mix_update_tables(all_.s, tables * thread_ / threads, tables * (thread_ + 1) / threads, count);
    return all_.barrier.wait();
  }

  Decoding& all_;
  const Kernel& kernel_;
  const int thread_, first_, end_;
  std::vector<Decoder> coders_;
  std::vector<uint8_t*> out_;
  std::optional<Lanes> network_;
  std::optional<Foresight> foresight_;
  bool ahead_ = false;  // the network has taken two steps, and byte and row of the second are guessed, or
  bool ready_ = false;  // right
  Distribution distribution_;
};

}  // namespace

void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int threads, const Progress& progress) {
  const int lanes = int(payloads.size());
  assert(lanes >= 1 && lanes <= MAX_LANES && threads >= 1 && (predictor.network || lanes == 1));
  Job job(std::min(threads, lanes), progress);
  Stage stage(predictor.mixing, predictor.network != nullptr, data, lanes);
  Decoding all{predictor, payloads, data, job, stage.shared, Barrier(job)};
  job.run([&](int thread) { Share(all, thread).decode(); });
}

}  // namespace nncomp
