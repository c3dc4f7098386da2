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

// Some of the lanes, `first` … `end` − 1, which one thread takes at a time.
class Share {
 public:
  Share(const Predictor& predictor, const mix::Shared& s, const std::vector<std::span<const uint8_t>>& payloads,
        uint8_t* data, int first, int end)
      : kernel_(*predictor.kernel), s_(s), first_(first), end_(end) {
    for (int j = first; j < end; ++j) {
      coders_.push_back(start_decoder(payloads[size_t(j)], j));
      out_.push_back(data + s.lane[j].start);
    }
    if (predictor.network) {
      const bool alone = s.lanes == 1;
      network_.emplace(*predictor.network, end - first, alone ? 2 : 1);
      if (alone && kernel_.foresight < 256) foresight_.emplace(s, s.lane[0], kernel_.foresight);
    }
  }

  // Lanes before their byte of step t.
  void start(size_t t) {
    for (int j = first_; j < end_; ++j) {
      if (t < s_.lane[j].size) kernel_.mix_start(s_, s_.lane[j], t == 0);
    }
  }

  // A byte of those of the lanes that are among the first `count` of all; returns how many.
  uint64_t decode_step(size_t t, uint32_t count) {
    const int active = std::max(0, std::min(end_, int(count)) - first_);
    if (network_ && active > 0) forward(t, active);
    for (int i = 0; i < active; ++i) {
      mix::Lane& l = s_.lane[first_ + i];
      if (network_) network_->distribution(ready_ ? 1 : i, distribution_);
      kernel_.mix_decode(s_, l, network_ ? &distribution_ : nullptr, coders_[size_t(i)]);
      out_[size_t(i)][t] = uint8_t(l.byte);
      require(coders_[size_t(i)].valid(), first_ + i, "ends too early");
    }
    if (foresight_) look_back(uint8_t(s_.lane[0].byte));
    return uint64_t(active);
  }

  void finish() const {
    for (int j = first_; j < end_; ++j) {
      require(s_.lane[j].size == 0 || coders_[size_t(j - first_)].complete(), j, "has bytes left over");
    }
  }

 private:
  // Step t of the network, unless it is ready; where a lane is alone, perhaps with the step after, for a guess of the
  // byte, which is written where the byte will be.
  void forward(size_t t, int active) {
    if (foresight_) foresight_->guess();
    if (ready_) return;
    ahead_ = foresight_ && foresight_->pays() && t + 1 < s_.lane[0].size;
    if (ahead_) out_[0][t] = foresight_->byte();
    network_->forward(out_.data(), active, ahead_ ? 2 : 1);
  }

  void look_back(uint8_t byte) {
    const bool right = foresight_->learn(byte);
    if (ahead_ && !ready_ && !right) network_->take_back(out_.data(), 1);
    ready_ = ahead_ && !ready_ && right;
  }

  Decoder start_decoder(std::span<const uint8_t> payload, int lane) const {
    Decoder coder{.in = payload.data(), .size = payload.size()};
    coder.start();
    require(s_.lane[lane].size > 0 || payload.empty(), lane, "has a payload but no bytes");
    require(coder.valid(), lane, "has a malformed payload");
    return coder;
  }

  const Kernel& kernel_;
  const mix::Shared& s_;
  const int first_, end_;
  std::vector<Decoder> coders_;
  std::vector<uint8_t*> out_;
  std::optional<Lanes> network_;
  std::optional<Foresight> foresight_;
  bool ahead_ = false;  // the network has taken two steps, and byte and row of the second are guessed, or
  bool ready_ = false;  // right
  Distribution distribution_;
};

}  // namespace

struct BlockDecoder::State {
  State(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads, std::span<uint8_t> data,
        int threads)
      : kernel(*predictor.kernel), stage(predictor.mixing, predictor.network != nullptr, data, int(payloads.size())) {
    const int lanes = int(payloads.size());
    threads = std::min(threads, lanes);
    for (int i = 0; i < threads; ++i) {
      shares.push_back(std::make_unique<Share>(predictor, stage.shared, payloads, data.data(), lanes * i / threads,
                                               lanes * (i + 1) / threads));
      shares.back()->start(0);
    }
  }

  // One thread's part of the steps up to `end`: its shares, and some of the tables.
  void work(Job& job, Barrier& barrier, int thread, size_t end) {
    const mix::Shared& s = stage.shared;
    const size_t threads = size_t(job.threads());  // fewer than shares where the system has no more
    const auto each = [&](auto use) {
      for (size_t i = size_t(thread); i < shares.size(); i += threads) use(*shares[i]);
    };
    uint64_t bytes = 0;
    for (size_t t = done; t < end; ++t) {
      const uint32_t count = lanes_at(s, t);  // of all threads
      each([&](Share& share) { bytes += share.decode_step(t, count); });
      if (t % 16 == 15) {
        if (!job.advance(bytes)) return;
        bytes = 0;
      }
      if (threads == 1) {
        kernel.mix_update_rest(s, count);
        each([&](Share& share) { share.start(t + 1); });  // its buckets are on their way during this byte's update
        kernel.mix_update_tables(s, 0, s.shape.contexts, count);
      } else {
        if (!update_together(barrier, thread, int(threads), count)) return;
        each([&](Share& share) { share.start(t + 1); });
      }
    }
    job.advance(bytes);
    if (end == s.lane[0].size) each([](Share& share) { share.finish(); });
  }

  // This thread's part of what all lanes share; false means stop.
  bool update_together(Barrier& barrier, int thread, int threads, uint32_t count) {
    const mix::Shared& s = stage.shared;
    const int tables = s.shape.contexts;
    if (!barrier.wait()) return false;
    if (thread == 0) kernel.mix_update_rest(s, count);
    kernel.mix_update_tables(s, tables * thread / threads, tables * (thread + 1) / threads, count);
    return barrier.wait();
  }

  const Kernel& kernel;
  Stage stage;
  std::vector<std::unique_ptr<Share>> shares;  // one for each thread that is wanted
  size_t done = 0;  // steps
};

BlockDecoder::BlockDecoder(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                           std::span<uint8_t> data, int threads) {
  assert(payloads.size() >= 1 && payloads.size() <= MAX_LANES && threads >= 1);
  assert(predictor.network || payloads.size() == 1);
  state_ = std::make_unique<State>(predictor, payloads, data, threads);
}

BlockDecoder::~BlockDecoder() = default;

void BlockDecoder::decode(size_t steps, const Progress& progress) {
  const size_t end = std::min<size_t>(steps, state_->stage.shared.lane[0].size);
  Job job(int(state_->shares.size()), progress);
  Barrier barrier(job);
  job.run([&](int thread) { state_->work(job, barrier, thread, end); });
  state_->done = end;
}

}  // namespace nncomp
