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

// Where the threads of a job wait for each other, spinning a little before they let others run.
class Barrier {
 public:
  explicit Barrier(const Job& job) : job_(job) {}

  bool wait();  // false means stop

 private:
  const Job& job_;
  std::atomic<int> waiting_{0};
  std::atomic<uint32_t> round_{0};
};

}  // namespace nncomp
