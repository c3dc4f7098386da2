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

// Work in turns. In a turn each part has something to do; when all have, the turn is closed, by pieces of work that any
// thread takes, and the next begins. What a part can do towards its next turn without that, it does meanwhile: so
// nobody waits for who is late by less than that takes.
//
// A thread takes parts of its own first, then those that another has not come to, because that one may not be running
// where a machine has more to do than cores: after a while, or at once where that one was late in the last turn. Then
// it waits, awake for as long as a usual part, asleep from there on: who gives way to others but stays awake gets its
// core back after milliseconds, which is a hundred turns.
class Turns {
 public:
  Turns(const Job& job, int parts, uint64_t turns) : job_(job), end_(turns), taken_(size_t(parts)), left_(parts) {}

  // For each thread of the job, until all turns are done or the job stops. Calls with turn and part: work and ahead for
  // each part, one after the other; and close for as many pieces as there are parts, between all work of a turn and of
  // the next.
  template <typename Work, typename Ahead, typename Close>
  void run(int thread, const Work& work, const Ahead& ahead, const Close& close) {
    const size_t threads = size_t(job_.threads());
    const auto take = [&](uint64_t turn, size_t part) {
      uint64_t free = 2 * turn;
      std::atomic<uint64_t>& taken = taken_[part].turns;
      if (taken.load(std::memory_order_relaxed) != free) return false;
      if (!taken.compare_exchange_strong(free, free + 1, std::memory_order_acq_rel)) return false;
      work(turn, int(part));
      left_.fetch_sub(1, std::memory_order_acq_rel);
      ahead(turn, int(part));
      taken.store(2 * turn + 2, std::memory_order_release);
      return true;
    };
    // Whether the turn has been closed, perhaps by this thread, before it is too long.
    const auto wait = [&](uint64_t turn, std::chrono::microseconds most) {
      const auto end = std::chrono::steady_clock::now() + most;
      for (int looks = 1; !is_over(turn); ++looks) {
        for (int piece; (piece = take_piece(turn)) >= 0;) {
          close(turn, piece);
          closed(turn);
        }
        if (looks % 64 == 0 && std::chrono::steady_clock::now() >= end) return false;
      }
      return true;
    };
    bool late = false;  // whether another thread was, in this one's last turn
    for (uint64_t turn; (turn = turn_.load(std::memory_order_acquire)) < end_;) {
      for (size_t part = size_t(thread); part < taken_.size(); part += threads) take(turn, part);
      if (late || !wait(turn, PATIENCE)) {
        late = false;
        for (size_t part = 0; part < taken_.size(); ++part) late |= take(turn, part);
        if (!wait(turn, AWAKE)) sleep(turn);
      }
      if (job_.stopped()) return;
    }
  }

 private:
  static constexpr std::chrono::microseconds PATIENCE{8}, AWAKE{50};
  static constexpr std::chrono::milliseconds ASLEEP{10};  // then look whether the job has stopped

  struct alignas(64) Taken {
    std::atomic<uint64_t> turns{0};  // twice as many as were done, and 1 while it is at one
  };

  int take_piece(uint64_t turn);  // −1 if there is none, yet or any more
  void closed(uint64_t turn);  // a piece
  bool is_over(uint64_t turn) const { return turn_.load(std::memory_order_seq_cst) != turn; }
  void sleep(uint64_t turn);

  const Job& job_;
  const uint64_t end_;
  std::vector<Taken> taken_;
  alignas(64) std::atomic<uint64_t> turn_{0};  // what all threads look at, apart from what they write
  alignas(64) std::atomic<int> left_;  // parts of this turn that are not done
  std::atomic<uint64_t> pieces_taken_{0}, pieces_done_{0};  // of all turns
  std::atomic<int> asleep_{0};  // threads
  std::mutex mutex_;  // of them
  std::condition_variable over_;
};

}  // namespace nncomp
