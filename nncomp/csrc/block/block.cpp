// Without the adaptive stage lanes are independent of each other: threads share them out, and meet only to report
// progress, to stop, and at the end. With it, lanes learn from each other after every step. An encoder then
// runs the network ahead, chunk by chunk, and one thread at a time mixes what is ready; decoding threads meet
// twice a step.
#include "block/block.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "coder/coder.hpp"

namespace nncomp {
namespace {

constexpr int CHUNK = 128;  // steps an encoder takes at a time

// The threads of one call: the caller's, and as many more as were asked for and the system gives. With one thread no
// other is ever started, so that a call works where none can be.
class Job {
 public:
  Job(int threads, const Progress& progress) : progress_(progress) {
    helpers_.reserve(size_t(threads));
    try {
      for (int index = 1; index < threads; ++index) helpers_.emplace_back([this, index] { help(index); });
    } catch (const std::exception&) {  // the system has no more: these will do
    }
  }

  ~Job() {
    {
      std::lock_guard lock(mutex_);
      quit_ = true;
    }
    change_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }

  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  int threads() const { return int(helpers_.size()) + 1; }

  // Runs work(thread) for thread = 0 … threads() − 1, the first one here. Once in a job's life.
  void run(const std::function<void(int)>& work) {
    {
      std::lock_guard lock(mutex_);
      work_ = &work;
    }
    change_.notify_all();
    guard(0, work);
    std::unique_lock lock(mutex_);
    while (ended_ < int(helpers_.size())) {
      change_.wait_for(lock, REPORT_INTERVAL);
      lock.unlock();
      try {
        report();
      } catch (...) {
        fail(std::current_exception());
      }
      lock.lock();
    }
    if (error_) std::rethrow_exception(error_);
    lock.unlock();
    if (progress_) progress_(done_.exchange(0));
  }

  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  // For the threads: tell what is done; false means stop. The caller's thread also reports, which may throw.
  bool advance(uint64_t bytes) {
    done_.fetch_add(bytes, std::memory_order_relaxed);
    if (std::this_thread::get_id() == caller_) report();
    return !stopped();
  }

  static constexpr std::chrono::milliseconds REPORT_INTERVAL{50};

 private:
  void help(int index) {
    std::unique_lock lock(mutex_);
    change_.wait(lock, [&] { return work_ != nullptr || quit_; });
    if (work_ == nullptr) return;
    lock.unlock();
    guard(index, *work_);
    lock.lock();
    ++ended_;
    change_.notify_all();
  }

  void guard(int index, const std::function<void(int)>& work) {
    try {
      work(index);
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void fail(std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    stop_ = true;
  }

  void report() {
    const auto now = std::chrono::steady_clock::now();
    if (!progress_ || stopped() || now - reported_ < REPORT_INTERVAL) return;
    reported_ = now;
    progress_(done_.exchange(0));
  }

  const Progress& progress_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();  // of the caller's thread
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable change_;
  const std::function<void(int)>* work_ = nullptr;
  std::exception_ptr error_;
  bool quit_ = false;
  int ended_ = 0;  // helpers whose work is done
  std::vector<std::thread> helpers_;
};

// An encoder and its growing payload.
struct Output {
  Encoder coder;
  std::vector<uint8_t> payload;

  void make_room(size_t symbols) {
    const size_t room = coder.size + symbols * MAX_BYTES_PER_SYMBOL;
    if (payload.size() < room) payload.resize(2 * room);
    coder.out = payload.data();
  }

  std::vector<uint8_t> finish(bool any) {  // any: whether the lane has symbols
    if (any) {
      payload.resize(coder.size + 1);
      coder.out = payload.data();
      coder.finish();
    }
    payload.resize(coder.size);
    return std::move(payload);
  }
};

std::vector<uint8_t> encode_lane(const Network& network, std::span<const uint8_t> data, Job& job) {
  Lanes state(network, 1, int(std::min(data.size(), size_t(CHUNK))));
  Output output;
  Distribution distribution;
  for (size_t t = 0; t < data.size();) {
    const int steps = int(std::min(data.size() - t, size_t(CHUNK)));
    const uint8_t* bytes = data.data();
    state.forward(&bytes, 1, steps);
    output.make_room(CHUNK);
    for (int i = 0; i < steps; ++i, ++t) {
      state.distribution(i, distribution);
      encode_byte(output.coder, distribution, data[t]);
    }
    if (!job.advance(uint64_t(steps))) return {};
  }
  return output.finish(!data.empty());
}

// Steps `from` … `to` − 1 of all lanes, whose bytes the stage knows; lane j's byte of step t is coded by code(j, t).
template <class Code>
void mix_steps(const mix::Shared& s, const Kernel& kernel, size_t from, size_t to, Code code) {
  for (size_t t = from; t < to; ++t) {
    uint32_t count = s.lanes;  // shorter lanes come last
    while (s.lane[count - 1].size <= t) --count;
    for (uint32_t j = 0; j < count; ++j) code(j, t);
    kernel.mix_update_rest(s, count);
    // The next byte's buckets are on their way while this one's are updated.
    for (uint32_t j = 0; j < count; ++j) {
      if (t + 1 < s.lane[j].size) kernel.mix_start(s, s.lane[j], false);
    }
    kernel.mix_update_tables(s, 0, s.shape.contexts, count);
  }
}

// The stage's part of encoding these steps. The network's distribution of lane j's step t is at(j, t), null without one.
template <class At>
void mix_encode(Stage& stage, const Kernel& kernel, std::vector<Output>& outputs, size_t from, size_t to, At at) {
  const mix::Shared& s = stage.shared;
  for (Output& output : outputs) output.make_room(to - from);
  mix_steps(s, kernel, from, to, [&](uint32_t j, size_t t) {
    kernel.mix_encode(s, s.lane[j], at(j, t), outputs[j].coder, s.data[s.lane[j].start + t]);
  });
}

std::vector<std::vector<uint8_t>> finish(const Stage& stage, std::vector<Output>& outputs) {
  std::vector<std::vector<uint8_t>> payloads;
  for (size_t i = 0; i < outputs.size(); ++i) payloads.push_back(outputs[i].finish(stage.shared.lane[i].size > 0));
  return payloads;
}

std::vector<std::vector<uint8_t>> encode_mixed(const Kernel& kernel, const Mixing& mixing,
                                               std::span<const uint8_t> data, const Progress& progress) {
  Job job(1, progress);
  Stage stage(mixing, false, data, 1);
  std::vector<Output> outputs(1);
  job.run([&](int) {
    kernel.mix_start(stage.shared, stage.shared.lane[0], true);
    for (size_t t = 0; t < data.size(); t += CHUNK) {
      const size_t end = std::min(data.size(), t + CHUNK);
      mix_encode(stage, kernel, outputs, t, end, [](uint32_t, size_t) { return nullptr; });
      if (!job.advance(end - t)) return;
    }
  });
  return finish(stage, outputs);
}

// Network and stage. Tasks are handed out under a lock: chunk c of lane j through the network, as soon as chunk
// c − 1 is; the mixing of chunk c, when all lanes have it. Two chunks of distributions are kept.
std::vector<std::vector<uint8_t>> encode_both(const Network& network, const Mixing& mixing,
                                              std::span<const uint8_t> data, int lanes, int threads,
                                              const Progress& progress) {
  Job job(threads, progress);
  const Kernel& kernel = network.kernel();
  Stage stage(mixing, true, data, lanes);
  const mix::Shared& s = stage.shared;
  const size_t longest = s.lane[0].size;
  const size_t chunk = lanes > 32 ? CHUNK / 4 : CHUNK;
  const size_t chunks = (longest + chunk - 1) / chunk;
  std::vector<Output> outputs{size_t(lanes)};
  std::vector<std::unique_ptr<Lanes>> states;
  for (int i = 0; i < lanes; ++i) states.push_back(std::make_unique<Lanes>(network, 1, int(chunk)));
  std::vector<Distribution> distributions(2 * size_t(lanes) * chunk);
  for (uint32_t j = 0; j < s.lanes; ++j) {
    if (s.lane[j].size > 0) kernel.mix_start(s, s.lane[j], true);
  }

  std::mutex mutex;  // guards what follows
  std::condition_variable change;
  size_t next = 0;                            // task of the network: chunk · lanes + lane
  std::vector<size_t> forwarded(size_t(lanes), 0);  // chunks done
  size_t mixed = 0;                           // chunks done
  bool mixing_now = false, stop = false;
  const auto ready = [&] {  // whether all lanes have chunk `mixed`
    return std::all_of(forwarded.begin(), forwarded.end(), [&](size_t f) { return f > mixed; });
  };
  const auto work = [&](int thread) {
    std::unique_lock lock(mutex);
    while (!stop && mixed < chunks) {
      if (!mixing_now && ready()) {
        mixing_now = true;
        const size_t c = mixed;
        lock.unlock();
        const size_t from = c * chunk, to = std::min(longest, from + chunk);
        mix_encode(stage, kernel, outputs, from, to, [&](uint32_t j, size_t t) {
          return &distributions[((c & 1) * s.lanes + j) * chunk + t - from];
        });
        uint64_t done = 0;
        for (uint32_t j = 0; j < s.lanes; ++j) done += std::min<size_t>(s.lane[j].size, to) - std::min<size_t>(s.lane[j].size, from);
        const bool go_on = job.advance(done);
        lock.lock();
        mixing_now = false;
        ++mixed;
        stop = stop || !go_on;
        change.notify_all();
        continue;
      }
      const size_t c = next / size_t(lanes), j = next % size_t(lanes);
      if (c < chunks && c < mixed + 2 && forwarded[j] == c) {
        ++next;
        lock.unlock();
        const mix::Lane& l = s.lane[j];
        const size_t from = std::min<size_t>(l.size, c * chunk), to = std::min<size_t>(l.size, from + chunk);
        if (from < to) {
          const uint8_t* bytes = s.data + l.start;
          states[j]->forward(&bytes, 1, int(to - from));
          for (size_t t = from; t < to; ++t) {
            states[j]->distribution(int(t - from), distributions[((c & 1) * s.lanes + j) * chunk + t - from]);
          }
        }
        lock.lock();
        forwarded[j] = c + 1;
        change.notify_all();
        continue;
      }
      if (thread > 0) {
        change.wait(lock);
        continue;
      }
      if (change.wait_for(lock, Job::REPORT_INTERVAL) == std::cv_status::timeout) {
        lock.unlock();
        const bool go_on = job.advance(0);
        lock.lock();
        stop = stop || !go_on;
      }
    }
  };
  job.run([&](int thread) {
    try {
      work(thread);
    } catch (...) {  // the others must not wait for what never comes
      std::lock_guard lock(mutex);
      stop = true;
      change.notify_all();
      throw;
    }
  });
  return finish(stage, outputs);
}

void require(bool condition, int lane, const char* what) {
  if (!condition) throw FormatError("lane " + std::to_string(lane) + " " + what);
}

Decoder start_decoder(std::span<const uint8_t> payload, size_t symbols, int lane) {
  Decoder coder{.in = payload.data(), .size = payload.size()};
  coder.start();
  require(symbols > 0 || payload.empty(), lane, "has a payload but no bytes");
  require(coder.valid(), lane, "has a malformed payload");
  return coder;
}

// Decodes lanes first … first + count − 1 of the block in lock step.
void decode_lanes(const Network& network, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int first, int count, Job& job) {
  std::vector<Decoder> coders;
  std::vector<uint8_t*> out;
  std::vector<size_t> sizes;
  for (int i = 0; i < count; ++i) {
    const Piece p = piece(data.size(), int(payloads.size()), first + i);
    coders.push_back(start_decoder(payloads[size_t(first + i)], p.size, first + i));
    out.push_back(data.data() + p.start);
    sizes.push_back(p.size);
  }
  Lanes state(network, count, 1);
  Distribution distribution;
  int active = count;  // shorter lanes come last
  uint64_t done = 0;
  for (size_t t = 0; t < sizes[0]; ++t) {
    while (sizes[size_t(active - 1)] <= t) --active;
    state.forward(out.data(), active, 1);
    for (int i = 0; i < active; ++i) {
      state.distribution(i, distribution);
      out[size_t(i)][t] = uint8_t(decode_byte(coders[size_t(i)], distribution));
      require(coders[size_t(i)].valid(), first + i, "ends too early");
    }
    done += uint64_t(active);
    if (t % 16 == 15) {
      if (!job.advance(done)) return;
      done = 0;
    }
  }
  job.advance(done);
  for (int i = 0; i < count; ++i) {
    require(sizes[size_t(i)] == 0 || coders[size_t(i)].complete(), first + i, "has bytes left over");
  }
}

// Where the threads of a job wait for each other, spinning a little before they let others run.
class Barrier {
 public:
  Barrier(int threads, const Job& job) : threads_(threads), job_(job) {}

  bool wait() {  // false means stop
    const uint32_t round = round_.load(std::memory_order_acquire);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      waiting_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return true;
    }
    for (int i = 0; round_.load(std::memory_order_acquire) == round; ++i) {
      if (i < 200) continue;  // about 2 µs
      if (job_.stopped()) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  const int threads_;
  const Job& job_;
  std::atomic<int> waiting_{0};
  std::atomic<uint32_t> round_{0};
};

// With the stage, and with the network unless it is null: threads take lanes, and divide the stage's tables.
void decode_mixed(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int wanted, const Progress& progress) {
  const Kernel& kernel = *predictor.kernel;
  const int lanes = int(payloads.size());
  Job job(wanted, progress);
  const int threads = job.threads();
  Stage stage(*predictor.mixing, predictor.network != nullptr, data, lanes);
  const mix::Shared& s = stage.shared;
  const int tables = s.shape.contexts;
  Barrier barrier(threads, job);
  const auto start = [&](int first, int end, size_t t) {
    for (int j = first; j < end; ++j) {
      if (t < s.lane[j].size) kernel.mix_start(s, s.lane[j], t == 0);
    }
  };
  job.run([&](int thread) {
    const int first = lanes * thread / threads, end = lanes * (thread + 1) / threads;
    std::vector<Decoder> coders;
    std::vector<uint8_t*> out;
    for (int j = first; j < end; ++j) {
      coders.push_back(start_decoder(payloads[size_t(j)], s.lane[j].size, j));
      out.push_back(data.data() + s.lane[j].start);
    }
    std::unique_ptr<Lanes> state;
    if (predictor.network) state = std::make_unique<Lanes>(*predictor.network, end - first, 1);
    Distribution distribution;
    uint64_t done = 0;
    for (size_t t = 0; t < s.lane[0].size; ++t) {
      uint32_t count = s.lanes;  // of all threads; shorter lanes come last
      while (s.lane[count - 1].size <= t) --count;
      const int active = std::max(0, std::min(end, int(count)) - first);
      if (threads > 1 || t == 0) start(first, end, t);
      if (state && active > 0) state->forward(out.data(), active, 1);
      for (int i = 0; i < active; ++i) {
        mix::Lane& l = s.lane[first + i];
        if (state) state->distribution(i, distribution);
        kernel.mix_decode(s, l, state ? &distribution : nullptr, coders[size_t(i)]);
        out[size_t(i)][t] = uint8_t(l.byte);
        require(coders[size_t(i)].valid(), first + i, "ends too early");
      }
      done += uint64_t(active);
      if (t % 16 == 15) {
        if (!job.advance(done)) return;
        done = 0;
      }
      if (threads == 1) {
        kernel.mix_update_rest(s, count);
        start(0, lanes, t + 1);  // its buckets are on their way while this byte's are updated
        kernel.mix_update_tables(s, 0, tables, count);
      } else {
        if (!barrier.wait()) return;
        if (thread == 0) kernel.mix_update_rest(s, count);
        kernel.mix_update_tables(s, tables * thread / threads, tables * (thread + 1) / threads, count);
        if (!barrier.wait()) return;
      }
    }
    job.advance(done);
    for (int j = first; j < end; ++j) {
      require(s.lane[j].size == 0 || coders[size_t(j - first)].complete(), j, "has bytes left over");
    }
  });
}

}  // namespace

std::vector<std::vector<uint8_t>> encode_block(const Predictor& predictor, std::span<const uint8_t> data,
                                               int lanes, int threads, const Progress& progress) {
  assert(lanes >= 1 && lanes <= MAX_LANES && threads >= 1 && (predictor.network || lanes == 1));
  if (const Mixing* mixing = predictor.mixing) {
    if (!predictor.network) return encode_mixed(*predictor.kernel, *mixing, data, progress);
    return encode_both(*predictor.network, *mixing, data, lanes, std::min(threads, lanes + 1), progress);
  }
  std::vector<std::vector<uint8_t>> payloads{size_t(lanes)};
  std::atomic<int> next{0};
  Job job(std::min(threads, lanes), progress);
  job.run([&](int) {
    for (int lane; (lane = next++) < lanes;) {
      const Piece p = piece(data.size(), lanes, lane);
      payloads[size_t(lane)] = encode_lane(*predictor.network, data.subspan(p.start, p.size), job);
    }
  });
  return payloads;
}

void decode_block(const Predictor& predictor, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int threads, const Progress& progress) {
  const int lanes = int(payloads.size());
  assert(lanes >= 1 && lanes <= MAX_LANES && threads >= 1 && (predictor.network || lanes == 1));
  threads = std::min(threads, lanes);
  if (predictor.mixing) {
    decode_mixed(predictor, payloads, data, threads, progress);
    return;
  }
  Job job(threads, progress);
  threads = job.threads();
  job.run([&](int thread) {
    const int first = lanes * thread / threads;
    const int end = lanes * (thread + 1) / threads;
    decode_lanes(*predictor.network, payloads, data, first, end - first, job);
  });
}

void bit_probabilities(const Kernel& kernel, const Mixing& mixing, std::span<const uint8_t> data, uint32_t* out,
                       const Progress& progress) {
  Stage stage(mixing, false, data, 1);
  const mix::Shared& s = stage.shared;
  Job job(1, progress);
  job.run([&](int) {
    kernel.mix_start(s, s.lane[0], true);
    for (size_t t = 0; t < data.size(); t += CHUNK) {
      const size_t end = std::min(data.size(), t + CHUNK);
      mix_steps(s, kernel, t, end, [&](uint32_t, size_t i) {
        kernel.mix_predict(s, s.lane[0], s.data[i], out + 8 * i);
      });
      if (!job.advance(end - t)) return;
    }
  });
}

void byte_frequencies(const Network& network, std::span<const uint8_t> data, uint32_t* out,
                  const Progress& progress) {
  Job job(1, progress);
  job.run([&](int) {
    Lanes state(network, 1, CHUNK);
    Distribution distribution;
    for (size_t t = 0; t < data.size();) {
      const int steps = int(std::min(data.size() - t, size_t(CHUNK)));
      const uint8_t* bytes = data.data();
      state.forward(&bytes, 1, steps);
      for (int i = 0; i < steps; ++i, ++t, out += 256) {
        state.distribution(i, distribution);
        memcpy(out, distribution.frequency, sizeof distribution.frequency);
      }
      if (!job.advance(uint64_t(steps))) return;
    }
  });
}

}  // namespace nncomp
