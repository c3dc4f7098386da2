// Lanes are independent of each other: what a thread codes needs nothing of what another does. So threads
// share out the lanes, and meet only to report progress, to stop, and at the end.
#include "block.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "coder.hpp"

namespace nncomp {
namespace {

constexpr int CHUNK = 128;  // steps an encoder takes at a time

// What the threads of one call share.
class Job {
 public:
  // Runs work(thread) for thread = 0 … threads − 1, each on its own thread, while this one reports.
  void run(int threads, const Progress& progress, const std::function<void(int)>& work) {
    std::vector<std::thread> pool;
    try {
      for (int i = 0; i < threads; ++i) {
        pool.emplace_back([this, i, &work] { guard([&] { work(i); }); });
        std::lock_guard lock(mutex_);
        ++started_;
      }
      bool ended = false;
      while (!ended) {
        {
          std::unique_lock lock(mutex_);
          ended = change_.wait_for(lock, std::chrono::milliseconds(50),
                                   [&] { return ended_ == started_; });
        }
        if (progress) progress(done_.exchange(0));
      }
    } catch (...) {
      fail(std::current_exception());
    }
    for (std::thread& thread : pool) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

  // For the threads: tell what is done; false means stop.
  bool advance(uint64_t bytes) {
    done_.fetch_add(bytes, std::memory_order_relaxed);
    return !stop_.load(std::memory_order_relaxed);
  }

 private:
  void guard(const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      fail(std::current_exception());
    }
    std::lock_guard lock(mutex_);
    ++ended_;
    change_.notify_one();
  }

  void fail(std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    stop_ = true;
  }

  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable change_;
  std::exception_ptr error_;
  int started_ = 0;
  int ended_ = 0;
};

// Lane i of `lanes` as a piece of the block: the first n mod lanes are one byte longer.
struct Piece {
  size_t start;
  size_t size;
};
Piece piece(size_t n, int lanes, int i) {
  const size_t each = n / size_t(lanes);
  const size_t longer = n % size_t(lanes);
  const size_t index = size_t(i);
  return {index * each + std::min(index, longer), each + (index < longer ? 1 : 0)};
}

std::vector<uint8_t> encode_lane(const Network& network, std::span<const uint8_t> data, Job& job) {
  Lanes state(network, 1, int(std::min(data.size(), size_t(CHUNK))));
  std::vector<uint8_t> payload;
  Encoder coder;
  Distribution distribution;
  for (size_t t = 0; t < data.size();) {
    const int steps = int(std::min(data.size() - t, size_t(CHUNK)));
    const uint8_t* bytes = data.data();
    state.forward(&bytes, 1, steps);
    const size_t room = coder.size + CHUNK * MAX_BYTES_PER_SYMBOL;
    if (payload.size() < room) payload.resize(2 * room);
    coder.out = payload.data();
    for (int i = 0; i < steps; ++i, ++t) {
      state.distribution(i, distribution);
      encode_byte(coder, distribution, data[t]);
    }
    if (!job.advance(uint64_t(steps))) return {};
  }
  if (!data.empty()) {
    payload.resize(coder.size + 1);
    coder.out = payload.data();
    coder.finish();
  }
  payload.resize(coder.size);
  return payload;
}

// Decodes lanes first … first + count − 1 of the block in lock step.
void decode_lanes(const Network& network, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int first, int count, Job& job) {
  const auto require = [&](bool condition, int lane, const char* what) {
    if (!condition) throw FormatError("lane " + std::to_string(first + lane) + " " + what);
  };
  std::vector<Decoder> coders;
  std::vector<uint8_t*> out;
  std::vector<size_t> sizes;
  for (int i = 0; i < count; ++i) {
    const std::span<const uint8_t> payload = payloads[size_t(first + i)];
    const Piece p = piece(data.size(), int(payloads.size()), first + i);
    Decoder coder{.in = payload.data(), .size = payload.size()};
    coder.start();
    require(p.size > 0 || payload.empty(), i, "has a payload but no bytes");
    require(coder.valid(), i, "has a malformed payload");
    coders.push_back(coder);
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
      require(coders[size_t(i)].valid(), i, "ends too early");
    }
    done += uint64_t(active);
    if (t % 16 == 15) {
      if (!job.advance(done)) return;
      done = 0;
    }
  }
  job.advance(done);
  for (int i = 0; i < count; ++i) {
    require(sizes[size_t(i)] == 0 || coders[size_t(i)].complete(), i, "has bytes left over");
  }
}

}  // namespace

std::vector<std::vector<uint8_t>> encode_block(const Network& network, std::span<const uint8_t> data,
                                               int lanes, int threads, const Progress& progress) {
  assert(lanes >= 1 && lanes <= MAX_LANES && threads >= 1);
  std::vector<std::vector<uint8_t>> payloads{size_t(lanes)};
  std::atomic<int> next{0};
  Job job;
  job.run(std::min(threads, lanes), progress, [&](int) {
    for (int lane; (lane = next++) < lanes;) {
      const Piece p = piece(data.size(), lanes, lane);
      payloads[size_t(lane)] = encode_lane(network, data.subspan(p.start, p.size), job);
    }
  });
  return payloads;
}

void decode_block(const Network& network, const std::vector<std::span<const uint8_t>>& payloads,
                  std::span<uint8_t> data, int threads, const Progress& progress) {
  const int lanes = int(payloads.size());
  assert(lanes >= 1 && lanes <= MAX_LANES && threads >= 1);
  threads = std::min(threads, lanes);
  Job job;
  job.run(threads, progress, [&](int thread) {
    const int first = lanes * thread / threads;
    const int end = lanes * (thread + 1) / threads;
    decode_lanes(network, payloads, data, first, end - first, job);
  });
}

void byte_weights(const Network& network, std::span<const uint8_t> data, uint32_t* out,
                  const Progress& progress) {
  Job job;
  job.run(1, progress, [&](int) {
    Lanes state(network, 1, CHUNK);
    Distribution distribution;
    for (size_t t = 0; t < data.size();) {
      const int steps = int(std::min(data.size() - t, size_t(CHUNK)));
      const uint8_t* bytes = data.data();
      state.forward(&bytes, 1, steps);
      for (int i = 0; i < steps; ++i, ++t, out += 256) {
        state.distribution(i, distribution);
        memcpy(out, distribution.weight, sizeof distribution.weight);
      }
      if (!job.advance(uint64_t(steps))) return;
    }
  });
}

}  // namespace nncomp
