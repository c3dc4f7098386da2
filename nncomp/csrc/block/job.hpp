// The threads of one call, and where they meet.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nncomp {

// Called on the calling thread about every 50 ms with the number of bytes coded since the last call. What it
// throws stops all threads and passes on to the caller.
using Progress = std::function<void(uint64_t)>;

// The caller's thread, and as many more as were asked for and the system gives. With one thread no other is ever
// started, so that a call works where none can be.
class Job {
 public:
  static constexpr std::chrono::milliseconds REPORT_INTERVAL{50};

  Job(int threads, const Progress& progress);
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  int threads() const { return int(helpers_.size()) + 1; }

  // Runs work(thread) for thread = 0 … threads() − 1, the first one here. Once in a job's life.
  void run(const std::function<void(int)>& work);

  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  // For the threads: tell what is done; false means stop. The caller's thread also reports, which may throw.
  bool advance(uint64_t bytes);

 private:
  void help(int index);
  void guard(int index, const std::function<void(int)>& work);
  void fail(std::exception_ptr error);
  void report();

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

// Work in turns, of some parts each: all parts of a turn are done before the next one begins. A thread takes parts of
// its own first, then those that another has not come to, because that one may not be running where a machine has more
// to do than cores; then it waits, awake for as long as a usual part, asleep from there on: who gives way to others but
// stays awake gets its core back after milliseconds, which is a hundred turns.
class Turns {
 public:
  Turns(const Job& job, int parts, uint64_t turns) : job_(job), end_(turns), taken_(size_t(parts)), left_(parts) {}

  // For each thread of the job: calls work(turn, part), one part at a time, until all turns are done or the job stops.
  template <typename Work>
  void run(int thread, const Work& work) {
    const size_t threads = size_t(job_.threads());
    for (uint64_t turn; (turn = turn_.load(std::memory_order_acquire)) < end_;) {
      for (size_t part = size_t(thread); part < taken_.size(); part += threads) take(turn, part, work);
      if (!wait(turn, PATIENCE)) {
        for (size_t part = 0; part < taken_.size(); ++part) take(turn, part, work);
        if (!wait(turn, AWAKE)) sleep(turn);
      }
      if (job_.stopped()) return;
    }
  }

 private:
  static constexpr std::chrono::microseconds PATIENCE{8}, AWAKE{50};
  static constexpr std::chrono::milliseconds ASLEEP{10};  // then look whether the job has stopped

  struct alignas(64) Taken {
    std::atomic<uint64_t> turns{0};
  };

  template <typename Work>
  void take(uint64_t turn, size_t part, const Work& work) {
    if (taken_[part].turns.load(std::memory_order_relaxed) != turn) return;
    uint64_t before = turn;
    if (!taken_[part].turns.compare_exchange_strong(before, turn + 1, std::memory_order_acq_rel)) return;
    work(turn, int(part));
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) end(turn);
  }

  void end(uint64_t turn);
  bool is_over(uint64_t turn) const { return turn_.load(std::memory_order_seq_cst) != turn; }
  bool wait(uint64_t turn, std::chrono::microseconds most) const;  // awake; false means that it was too long
  void sleep(uint64_t turn);

  const Job& job_;
  const uint64_t end_;
  std::vector<Taken> taken_;
  alignas(64) std::atomic<uint64_t> turn_{0};  // what all threads look at, apart from what they write
  alignas(64) std::atomic<int> left_;  // parts of this turn that are not done
  std::atomic<int> asleep_{0};  // threads
  std::mutex mutex_;  // of them
  std::condition_variable over_;
};

}  // namespace nncomp
