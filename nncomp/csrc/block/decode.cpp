// A decoder takes its lanes step by step, because lanes learn from each other after every one: a turn of the threads,
// which take some lanes each. The network's next step waits for no other lane; what is learnt closes the turn.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "block/block.hpp"
#include "block/foresight.hpp"
#include "block/ready.hpp"
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
        uint8_t* data, int first, int end, std::span<const uint8_t> known, uint32_t power, const Ready* ready)
      : kernel_(*predictor.kernel),
        s_(s),
        known_(known),
        power_(power),
        first_(first),
        end_(end),
        begun_(ready ? ready->known() : 0) {
    started_ = begun_ ? begun_ + 1 : 0;
    forwarded_ = begun_;
    for (int j = first; j < end; ++j) {
      coders_.push_back(start_decoder(payloads[size_t(j)], j));
      out_.push_back(data + s.lane[j].start);
    }
    if (predictor.network) {
      const bool alone = s.lanes == 1;
      network_.emplace(*predictor.network, end - first, alone ? 2 : 1);
      if (ready) ready->start(*network_);
      if (alone && kernel_.foresight < 256) foresight_.emplace(s, s.lane[0], kernel_.foresight);
    }
  }

  // Lanes before their byte of step t, unless that has been done.
  void start(size_t t) {
    if (t < started_) return;
    started_ = t + 1;
    for (int j = first_; j < end_; ++j) {
      if (t < s_.lane[j].size) kernel_.stage->start(s_, s_.lane[j], t == 0);
    }
  }

  // A byte of those of the lanes that are among the first `count` of all.
  void decode_step(size_t t, uint32_t count) {
    start(t);
    const int active = active_of(count);
    forward(t, count);
    for (int i = 0; i < active; ++i) {
      mix::Lane& l = s_.lane[first_ + i];
      if (network_) {
        network_->distribution(ready_ ? 1 : i, distribution_);
        l.activations = network_->activations(ready_ ? 1 : i);
      }
      const Distribution* network = network_ ? &distribution_ : nullptr;
      if (t < known_.size()) {
        read_byte(kernel_, s_, l, network, known_[t]);
      } else {
        decode_byte(l, network, coders_[size_t(i)]);
        require(coders_[size_t(i)].valid(), first_ + i, "ends too early");
      }
      out_[size_t(i)][t] = uint8_t(l.byte);
    }
    if (foresight_) look_back(uint8_t(s_.lane[0].byte));
    decoded_ += uint64_t(active);
  }

  // The network's part of step t, unless that has been done: what comes before it is known, and no more is needed.
  void forward(size_t t, uint32_t count) {
    if (t < forwarded_) return;
    forwarded_ = t + 1;
    if (network_ && active_of(count) > 0) forward_network(t, active_of(count));
  }

  // Bytes since the last call.
  uint64_t decoded() { return std::exchange(decoded_, 0); }

  void finish() const {
    for (int j = first_; j < end_; ++j) {
      require(s_.lane[j].size == begun_ || coders_[size_t(j - first_)].complete(), j, "has bytes left over");
    }
  }

 private:
  int active_of(uint32_t count) const { return std::max(0, std::min(end_, int(count)) - first_); }

  // Step t of the network, unless it is ready; where a lane is alone, perhaps with the step after, for a guess of the
  // byte, which is written where the byte will be.
  void forward_network(size_t t, int active) {
    if (foresight_) foresight_->guess();
    if (ready_) return;
    ahead_ = foresight_ && foresight_->pays() && t + 1 < s_.lane[0].size;
    if (ahead_) out_[0][t] = foresight_->byte();
    network_->forward(out_.data(), active, ahead_ ? 2 : 1);
  }

  void look_back(uint8_t byte) {
    const bool right = foresight_->learn(byte);
    if (ahead_ && !ready_ && !right) network_->take_back(out_[0], 1);
    ready_ = ahead_ && !ready_ && right;
  }

  void decode_byte(mix::Lane& l, const Distribution* network, Decoder& coder) const {
    if (power_ == PLAIN) return kernel_.stage->decode(s_, l, network, coder);
    auto choose = [&](uint32_t p) { return coder.get(tempered(p, power_)); };
    kernel_.stage->choose(s_, l, network, -1, choose);
  }

  Decoder start_decoder(std::span<const uint8_t> payload, int lane) const {
    Decoder coder{.in = payload.data(), .size = payload.size()};
    coder.start();
    require(s_.lane[lane].size > begun_ || payload.empty(), lane, "has a payload but no bytes");
    require(coder.valid(), lane, "has a malformed payload");
    return coder;
  }

  const Kernel& kernel_;
  const mix::Shared& s_;
  const std::span<const uint8_t> known_;
  const uint32_t power_;
  const int first_, end_;
  const size_t begun_;  // steps that were done beforehand
  size_t started_ = 0, forwarded_ = 0;  // steps
  uint64_t decoded_ = 0;  // bytes
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
        int threads, std::span<const uint8_t> known, uint32_t power, const Ready* ready)
      : kernel(*predictor.kernel),
        out(data),
        begun(ready ? ready->known() : 0),
        bytes(ready ? ready->laid_out(data, int(payloads.size())) : std::vector<uint8_t>()),
        stage(ready ? ready->stage(bytes, int(payloads.size())) : predictor.stage(data, int(payloads.size()))),
        done(begun) {
    const int lanes = int(payloads.size());
    threads = std::min(threads, lanes);
    for (int i = 0; i < threads; ++i) {
      shares.push_back(std::make_unique<Share>(predictor, stage.shared, payloads, ready ? bytes.data() : data.data(),
                                               lanes * i / threads, lanes * (i + 1) / threads, known, power, ready));
    }
  }

  // Hands out what steps `from` … `to` − 1 of lanes that begin with something known have given.
  void copy(size_t from, size_t to) {
    const mix::Shared& s = stage.shared;
    uint8_t* at = out.data();
    for (uint32_t j = 0; j < s.lanes; ++j) {
      const mix::Lane& l = s.lane[j];
      if (from < l.size) memcpy(at + (from - begun), s.data + l.start + from, std::min<size_t>(to, l.size) - from);
      at += l.size - begun;
    }
  }

  // All steps up to `end`, on this thread.
  void alone(Job& job, size_t end) {
    const mix::Shared& s = stage.shared;
    for (size_t t = done; t < end; ++t) {
      const uint32_t count = lanes_at(s, t);
      for (const auto& share : shares) share->decode_step(t, count);
      if (t % 16 == 15 && !advance(job)) return;
      kernel.stage->update_rest(s, count);
      for (const auto& share : shares) share->start(t + 1);  // its buckets are on their way during this byte's update
      kernel.stage->update_tables(s, 0, s.shape.contexts, count);
    }
    advance(job);
  }

  // What this thread takes of them beside others.
  void together(Job& job, Turns& turns, int thread, size_t end) {
    const mix::Shared& s = stage.shared;
    // What is no table takes about as long as a quarter of them: the first part has that, and less of these.
    const int parts = int(shares.size()), tables = s.shape.contexts, rest = tables / 4;
    const auto first_table = [&](int part) { return std::max(0, (tables + rest) * part / parts - rest); };
    const auto decode = [&](uint64_t turn, int part) {
      const size_t t = done + turn;
      shares[size_t(part)]->decode_step(t, lanes_at(s, t));
    };
    const auto forward = [&](uint64_t turn, int part) {
      const size_t t = done + turn;
      Share& share = *shares[size_t(part)];
      if (t % 16 == 15 || t + 1 == end) job.advance(share.decoded());
      if (t + 1 < end) share.forward(t + 1, lanes_at(s, t + 1));
    };
    const auto update = [&](uint64_t turn, int part) {
      const uint32_t count = lanes_at(s, done + turn);
      if (part == 0) kernel.stage->update_rest(s, count);
      kernel.stage->update_tables(s, first_table(part), first_table(part + 1), count);
    };
    turns.run(thread, decode, forward, update);
  }

  bool advance(Job& job) {
    uint64_t bytes = 0;
    for (const auto& share : shares) bytes += share->decoded();
    return job.advance(bytes);
  }

  const Kernel& kernel;
  const std::span<uint8_t> out;
  const size_t begun;  // steps that were done beforehand
  std::vector<uint8_t> bytes;  // of lanes, where there are such
  Stage stage;
  std::vector<std::unique_ptr<Share>> shares;  // one for each thread that is wanted
  size_t done;  // steps
};

BlockDecoder::BlockDecoder(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                           std::span<uint8_t> data, int threads, std::span<const uint8_t> known, uint32_t power,
                           const Ready* ready) {
  assert(power > 0 && power <= MAX_POWER);
  assert(known.empty() || (payloads.size() == 1 && known.size() < data.size() && !ready));
  assert(payloads.size() >= 1 && payloads.size() <= MAX_LANES && threads >= 1);
  assert(predictor.network || payloads.size() == 1);
  state_ = std::make_unique<State>(predictor, payloads, data, threads, known, power, ready);
}

BlockDecoder::~BlockDecoder() = default;

void BlockDecoder::decode(size_t steps, const Progress& progress) {
  const size_t size = state_->stage.shared.lane[0].size;
  const size_t end = std::max(state_->done, std::min(steps, size - state_->begun) + state_->begun);
  Job job(int(state_->shares.size()), progress);
  Turns turns(job, int(state_->shares.size()), uint64_t(end - state_->done));
  job.run(
      [&](int thread) { job.threads() == 1 ? state_->alone(job, end) : state_->together(job, turns, thread, end); });
  if (end == size) {
    for (const auto& share : state_->shares) share->finish();
  }
  if (state_->begun) state_->copy(state_->done, end);
  state_->done = end;
}

}  // namespace nncomp
