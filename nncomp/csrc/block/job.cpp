#include "block/job.hpp"

namespace nncomp {

Job::Job(int threads, const Progress& progress) : progress_(progress) {
  helpers_.reserve(size_t(threads));
  try {
    for (int index = 1; index < threads; ++index) helpers_.emplace_back([this, index] { help(index); });
  } catch (const std::exception&) {  // the system has no more: these will do
  }
}

Job::~Job() {
  {
    std::lock_guard lock(mutex_);
    quit_ = true;
  }
  change_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Job::run(const std::function<void(int)>& work) {
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

bool Job::advance(uint64_t bytes) {
  done_.fetch_add(bytes, std::memory_order_relaxed);
  if (std::this_thread::get_id() == caller_) report();
  return !stopped();
}

void Job::help(int index) {
  std::unique_lock lock(mutex_);
  change_.wait(lock, [&] { return work_ != nullptr || quit_; });
  if (work_ == nullptr) return;
  lock.unlock();
  guard(index, *work_);
  lock.lock();
  ++ended_;
  change_.notify_all();
}

void Job::guard(int index, const std::function<void(int)>& work) {
  try {
    work(index);
  } catch (...) {
    fail(std::current_exception());
  }
}

void Job::fail(std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
  stop_ = true;
}

void Job::report() {
  const auto now = std::chrono::steady_clock::now();
  if (!progress_ || stopped() || now - reported_ < REPORT_INTERVAL) return;
  reported_ = now;
  progress_(done_.exchange(0));
}

int Turns::take_piece(uint64_t turn) {
  if (left_.load(std::memory_order_acquire) != 0) return -1;
  const uint64_t first = turn * taken_.size(), end = first + taken_.size();
  uint64_t piece = pieces_taken_.load(std::memory_order_relaxed);
  while (piece < end) {
    if (pieces_taken_.compare_exchange_weak(piece, piece + 1, std::memory_order_relaxed)) return int(piece - first);
  }
  return -1;
}

void Turns::closed(uint64_t turn) {
  if (pieces_done_.fetch_add(1, std::memory_order_acq_rel) + 1 < (turn + 1) * taken_.size()) return;
  left_.store(int(taken_.size()), std::memory_order_relaxed);
  // Before a look at who is asleep, as those who go to sleep say so before they look at the turn.
  turn_.store(turn + 1, std::memory_order_seq_cst);
  if (asleep_.load(std::memory_order_seq_cst) == 0) return;
  std::lock_guard lock(mutex_);
  over_.notify_all();
}

void Turns::sleep(uint64_t turn) {
  std::unique_lock lock(mutex_);
  ++asleep_;
  over_.wait_for(lock, ASLEEP, [&] { return is_over(turn); });
  --asleep_;
}

}  // namespace nncomp
