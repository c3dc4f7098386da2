// An encoder knows all bytes, so the network runs ahead of the stage, chunk by chunk, on as many threads as there are
// lanes, and one thread at a time mixes and codes what is ready.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "block/block.hpp"
#include "block/output.hpp"
#include "block/ready.hpp"
#include "block/steps.hpp"
#include "coder/alone.hpp"

namespace nncomp {
namespace {

// What the network says of a byte: nothing without one.
struct Prediction {
  const Distribution* distribution = nullptr;
  const uint8_t* activations = nullptr;
};

// The stage's part: mixes and codes steps of all lanes.
class Mixer {
 public:
  // Of each lane, the first `known` steps are done.
  Mixer(const Kernel& kernel, Stage&& stage, size_t known, const Notes& notes)
      : kernel_(kernel), stage_(std::move(stage)), known_(known), outputs_(shared().lanes), notes_(notes) {
    assert(outputs_.size() == 1 || !notes.rows);
    if (known == 0) start_lanes(shared(), kernel_);
  }

  const mix::Shared& shared() const { return stage_.shared; }
  size_t known() const { return known_; }
  size_t steps() const { return shared().lane[0].size - known_; }  // that are to be done in all

  // Steps `from` … `to` − 1. The network's prediction of lane j's step t is at(j, t).
  // Returns the number of bytes.
  template <class At>
  uint64_t encode(size_t from, size_t to, At at) {
    const mix::Shared& s = shared();
    uint64_t bytes = 0;
    for (Output& output : outputs_) output.make_room(to - from);
    if (notes_.split) network_alone_.make_room(to - from);
    mix_steps(s, kernel_, from, to, [&](uint32_t j, size_t t) {
      const size_t place = s.lane[j].start + t;
      const Prediction network = at(j, t);
      s.lane[j].activations = network.activations;
      if (notes_.rows) {
        note(network.distribution, place);
      } else {
        kernel_.stage->encode(s, s.lane[j], network.distribution, outputs_[j].coder, s.data[place]);
      }
      ++bytes;
    });
    return bytes;
  }

  // Bytes so far of all lanes' payloads.
  size_t payload_size() const {
    size_t size = 0;
    for (const Output& output : outputs_) size += output.coder.size;
    return size;
  }

  std::vector<Payload> finish() {
    std::vector<Payload> payloads;
    for (size_t j = 0; j < outputs_.size(); ++j) payloads.push_back(outputs_[j].finish(shared().lane[j].size > known_));
    return payloads;
  }

 private:
  // Codes the byte at `place` of the only lane, and writes its row.
  void note(const Distribution* network, size_t place) {
    const mix::Shared& s = shared();
    mix::Lane& l = s.lane[0];
    const uint8_t byte = s.data[place];
    uint32_t* out = notes_.rows + place * notes_.columns(network != nullptr);
    const uint32_t foretold = how_foretold(l, byte);
    int shift = 8;
    auto code_bit = [&](uint32_t p) {
      const uint32_t bit = byte >> --shift & 1;
      outputs_[0].coder.put(bit, p);
      *out++ = outputs_[0].count();
      return bit;
    };
    if (notes_.bits) {
      kernel_.stage->choose(s, l, network, byte, code_bit);
    } else {
      kernel_.stage->encode(s, l, network, outputs_[0].coder, byte);
      *out++ = outputs_[0].count();
    }
    if (!notes_.split) return;
    if (network) {
      decide_alone(*network, byte, [&](uint32_t bit, uint32_t p) {
        network_alone_.coder.put(bit, p);
        if (notes_.bits) *out++ = network_alone_.count();
      });
      if (!notes_.bits) *out++ = network_alone_.count();
    }
    *out = foretold;
  }

  // What Notes says of matches, before the byte is coded.
  uint32_t how_foretold(const mix::Lane& l, uint8_t byte) const {
    uint32_t how = 0;
    for (int m = 0; m < shared().shape.matches; ++m) {  // the last one is the longest
      if (l.match[m].length) how = l.match[m].byte == byte ? 2 : 1;
    }
    return how;
  }

  const Kernel& kernel_;
  Stage stage_;
  const size_t known_;
  std::vector<Output> outputs_;
  Output network_alone_;  // where that is asked for
  const Notes notes_;
};

// The network's part, which runs ahead: tasks are handed out under a lock. Chunk c of lane j goes through the network
// as soon as chunk c − 1 has; chunk c is mixed when all lanes have it. Of a few lanes more than two chunks are kept, so
// that a thread that waits for another one is rare: one that the system has put on the same core goes on for as long as
// it may run, and the system sees that there are two with work, and moves one.
class Ahead {
 public:
  Ahead(const Network& network, Mixer& mixer, const Ready* ready)
      : mixer_(mixer),
        s_(mixer.shared()),
        lanes_(s_.lanes),
        chunk_(lanes_ > 32 ? MAX_CHUNK / 4 : MAX_CHUNK),
        kept_(std::max<size_t>(2, 8 / lanes_)),
        units_(size_t(s_.shape.units)),
        distributions_(kept_ * lanes_ * chunk_),
        activations_(kept_ * lanes_ * chunk_ * units_),
        taken_(lanes_, 0),
        forwarded_(lanes_, 0) {
    for (size_t j = 0; j < lanes_; ++j) {
      states_.push_back(std::make_unique<Lanes>(network, 1, int(chunk_)));
      if (ready) ready->start(*states_.back());
    }
  }

  // Goes on until all lanes have `steps` steps, rounded up to whole chunks, or the job is to stop.
  void run(Job& job, size_t steps) {
    end_ = (std::min(steps, mixer_.steps()) + chunk_ - 1) / chunk_;
    job.run([&](int thread) { work(job, thread); });
  }

 private:
  void work(Job& job, int thread) {
    std::unique_lock lock(mutex_);
    try {
      while (!stop_ && mixed_ < end_) {
        if (may_mix()) {
          mix(job, lock);
        } else if (const std::optional<size_t> lane = next_lane()) {
          forward(*lane, lock);
        } else {
          wait(job, lock, thread);
        }
      }
    } catch (...) {  // the others must not wait for what never comes
      if (!lock.owns_lock()) lock.lock();
      stop_ = true;
      change_.notify_all();
      throw;
    }
  }

  // Whether no other thread mixes, and all lanes have the next chunk.
  bool may_mix() const {
    return !mixing_ && std::all_of(forwarded_.begin(), forwarded_.end(), [&](size_t f) { return f > mixed_; });
  }

  void mix(Job& job, std::unique_lock<std::mutex>& lock) {
    mixing_ = true;
    const size_t chunk = mixed_;
    lock.unlock();
    const size_t from = first_step(chunk), to = std::min<size_t>(s_.lane[0].size, from + chunk_);
    const uint64_t bytes = mixer_.encode(from, to, [&](size_t j, size_t t) {
      const size_t row = first_row(chunk, j) + (t - from);
      return Prediction{&distributions_[row], activations_.data() + row * units_};
    });
    const bool go_on = job.advance(bytes);
    lock.lock();
    mixing_ = false;
    ++mixed_;
    stop_ = stop_ || !go_on;
    change_.notify_all();
  }

  // The lane that is the furthest behind, of those whose next chunk has room and whose last one is done.
  std::optional<size_t> next_lane() const {
    std::optional<size_t> behind;
    for (size_t j = 0; j < lanes_; ++j) {
      const bool may = taken_[j] == forwarded_[j] && taken_[j] < std::min(end_, mixed_ + kept_);
      if (may && (!behind || taken_[j] < taken_[*behind])) behind = j;
    }
    return behind;
  }

  void forward(size_t lane, std::unique_lock<std::mutex>& lock) {
    const size_t chunk = taken_[lane]++;
    lock.unlock();
    const mix::Lane& l = s_.lane[lane];
    const size_t from = std::min<size_t>(l.size, first_step(chunk)), to = std::min<size_t>(l.size, from + chunk_);
    if (from < to) {
      const uint8_t* bytes = s_.data + l.start;
      states_[lane]->forward(&bytes, 1, int(to - from));
      const size_t row = first_row(chunk, lane);
      for (size_t t = 0; t < to - from; ++t) states_[lane]->distribution(int(t), distributions_[row + t]);
      memcpy(activations_.data() + row * units_, states_[lane]->activations(0), (to - from) * units_);
    }
    lock.lock();
    forwarded_[lane] = chunk + 1;
    change_.notify_all();
  }

  // Until something changes. The caller's thread also reports.
  void wait(Job& job, std::unique_lock<std::mutex>& lock, int thread) {
    if (thread > 0) {
      change_.wait(lock);
    } else if (change_.wait_for(lock, Job::REPORT_INTERVAL) == std::cv_status::timeout) {
      lock.unlock();
      const bool go_on = job.advance(0);
      lock.lock();
      stop_ = stop_ || !go_on;
    }
  }

  size_t first_step(size_t chunk) const { return mixer_.known() + chunk * chunk_; }

  // Where a chunk's first step is in what follows.
  size_t first_row(size_t chunk, size_t lane) const { return (chunk % kept_ * lanes_ + lane) * chunk_; }

  Mixer& mixer_;
  const mix::Shared& s_;
  const size_t lanes_;
  const size_t chunk_;  // steps
  const size_t kept_;  // chunks
  size_t end_ = 0;  // chunks of this run and those before
  const size_t units_;
  std::vector<Distribution> distributions_;
  Aligned<uint8_t> activations_;  // (rows, units)
  std::vector<std::unique_ptr<Lanes>> states_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable change_;
  std::vector<size_t> taken_;  // chunks of each lane that are in the network, or were
  std::vector<size_t> forwarded_;  // those that it has from there
  size_t mixed_ = 0;  // chunks done
  bool mixing_ = false, stop_ = false;
};

}  // namespace

struct BlockEncoder::State {
  State(const Predictor& predictor, std::span<const uint8_t> data, int lanes, const Notes& notes, const Ready* ready)
      : bytes(ready ? ready->laid_out(data, lanes) : std::vector<uint8_t>()),
        mixer(*predictor.kernel, ready ? ready->stage(bytes, lanes) : predictor.stage(data, lanes),
              ready ? ready->known() : 0, notes) {
    if (predictor.network) ahead.emplace(*predictor.network, mixer, ready);
  }

  const std::vector<uint8_t> bytes;  // where there is something known
  Mixer mixer;
  std::optional<Ahead> ahead;
  size_t done = 0;  // steps without a network
};

BlockEncoder::BlockEncoder(const Predictor& predictor, std::span<const uint8_t> data, int lanes, const Notes& notes,
                           const Ready* ready) {
  assert(lanes >= 1 && lanes <= MAX_LANES && (predictor.network || lanes == 1) && !(notes.rows && ready));
  state_ = std::make_unique<State>(predictor, data, lanes, notes, ready);
}

BlockEncoder::~BlockEncoder() = default;

void BlockEncoder::encode(size_t steps, int threads, const Progress& progress) {
  Mixer& mixer = state_->mixer;
  const int lanes = int(mixer.shared().lanes);
  Job job(state_->ahead ? std::min(threads, lanes + 1) : 1, progress);
  if (state_->ahead) return state_->ahead->run(job, steps);
  job.run([&](int) {
    const size_t end = std::min(steps, mixer.steps()), known = mixer.known();
    for (size_t& t = state_->done; t < end;) {
      const size_t from = t;
      t = std::min(end, t + MAX_CHUNK);
      if (!job.advance(mixer.encode(known + from, known + t, [](uint32_t, size_t) { return Prediction{}; }))) return;
    }
  });
}

size_t BlockEncoder::size() const { return state_->mixer.payload_size(); }

std::vector<Payload> BlockEncoder::finish() { return state_->mixer.finish(); }

}  // namespace nncomp
