#include "decode.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "block/block.hpp"
#include "far/join.hpp"
#include "filters/filters.hpp"
#include "plan.hpp"

namespace nncomp::unnnc {
namespace {

// ---- A stream ----

// Puts a stream in order whose lanes are one after the other in `coded`. Each lane has a piece of the stream's lead,
// then a piece of the rest (docs/format.md, section 6).
Bytes gather(Bytes&& coded, size_t lanes) {
  if (lanes == 1 || coded.size() <= LEAD_SIZE) return std::move(coded);
  Bytes stream(coded.size());
  auto lead = stream.begin(), rest = stream.begin() + LEAD_SIZE;
  for (size_t i = 0; i < lanes; ++i) {
    const Piece lane = piece(coded.size(), int(lanes), int(i));
    const size_t begun = piece(LEAD_SIZE, int(lanes), int(i)).size;
    const auto from = coded.begin() + ptrdiff_t(lane.start);
    lead = std::copy_n(from, begun, lead);
    rest = std::copy_n(from + ptrdiff_t(begun), lane.size - begun, rest);
  }
  return stream;
}

// Decodes the streams of a block.
struct Engine {
  std::shared_ptr<const Network> network;  // of the frame, or null
  const Prime* prime;                      // likewise
  int threads;

  // Decodes a stream, or joins it from those below it.
  Bytes stream(const Part& part) const {
    if (!part.below.empty()) {
      std::vector<Bytes> streams;
      for (const Part& one : part.below) streams.push_back(stream(one));
      return FILTERS[part.filter].join(std::move(streams), part.side, part.size);
    }
    if (!part.mixing) return Bytes(part.payloads[0].begin(), part.payloads[0].end());
    Bytes coded(part.size);
    const std::shared_ptr<const Network> used = part.network ? network : nullptr;
    const Predictor predictor{used.get(), *part.mixing, find_kernel("auto")};
    std::shared_ptr<const Ready> primed;
    if (part.primed) primed = prime->ready(predictor, used, part.size, int(part.payloads.size()));
    decode_block(predictor, part.payloads, coded, threads, Progress(), primed.get());
    return gather(std::move(coded), part.payloads.size());
  }
};

// ---- Memory ----

// The most bytes that joining `part`, or a part below it, needs beside the streams.
uint64_t memory_of_joining(const Part& part) {
  uint64_t need = 0;
  each(part, [&](const Part& one) {
    if (one.below.empty()) return;
    need = std::max(need, FILTERS[one.filter].memory(sizes_below(one), one.side, one.size));
  });
  return need;
}

// Upper bound in bytes of what decoding a block needs, as docs/format.md, rule 19, defines it: payload and content;
// with copies, literals and the stream of copies; with a filter, all streams and what joining needs; what coding needs
// for the most costly stream, since streams are decoded one after the other; and primed states that are cached then.
uint64_t memory_of_block(const Plan& plan, uint64_t size, const Network* network, const Prime* prime) {
  uint64_t need = 2 * size, coder = network ? memory_of(network->config(), 1) : 0, kept = 0;
  const auto count = [&](const Part& part) {
    if (!part.mixing) return;
    const int lanes = int(part.payloads.size());
    const uint64_t model = network ? memory_of(network->config(), lanes) : 0;
    const uint64_t laid_out = part.size + (part.primed ? uint64_t(lanes) * prime->size() : 0);
    // 0 units: memory_of counts what reads them.
    uint64_t own = Stage::memory(*part.mixing, part.network, 0, laid_out, lanes) + model;
    if (part.primed) {
      const Prime::Memory primed = prime->memory(*part.mixing, network, part.size, lanes);
      own += primed.own;
      kept = std::max(kept, primed.kept);
    }
    coder = std::max(coder, own);
  };
  each(plan.literals, count);
  if (plan.copies) {
    count(plan.copies->stream);
    need += plan.literals.size + plan.copies->stream.size;
  }
  if (plan.literals.filter) {
    need += memory_of_joining(plan.literals);
    for (const Part& stream : plan.literals.below) each(stream, [&](const Part& part) { need += part.size; });
  }
  return need + coder + kept;
}

// ---- A block ----

// A block that is being decoded. Several may be at the same time, as only Frame::finish needs the blocks before.
struct Task {
  Block block;
  Plan plan;  // points into the block
  std::shared_ptr<const Network> network;
  const Prime* prime;  // of the frame, or null
  uint64_t need;  // bytes of memory
  Bytes copies;   // the decoded list of copies, once `literals` are there
  std::future<Bytes> literals;  // the last member: it waits for the thread before what that uses is destroyed

  // Begins to decode, with `policy` deferred only when `literals` are wanted, and without another thread.
  void start(std::launch policy, int threads) {
    const auto work = [this, threads] {
      const Engine engine{network, prime, threads};
      if (plan.copies) copies = engine.stream(plan.copies->stream);
      return engine.stream(plan.literals);
    };
    try {
      literals = std::async(policy, work);
    } catch (const std::system_error&) {  // the system gives no more threads
      literals = std::async(std::launch::deferred, work);
    }
  }
};

// The literals of a frame's last blocks, up to its reach and of up to MAX_BACK blocks. Later blocks copy from them.
class Past {
 public:
  explicit Past(uint64_t reach) : reach_(reach) {}

  // Those of the block `count` blocks back, 1 or more.
  View back(uint64_t count) const {
    require(count <= held_.size(), "a block copies from beyond the reach");
    return held_[held_.size() - count];
  }

  void add(Bytes&& literals) {
    size_ += literals.size();
    held_.push_back(std::move(literals));
    for (; size_ > reach_ || held_.size() > MAX_BACK; held_.pop_front()) size_ -= held_.front().size();
  }

 private:
  uint64_t reach_;
  uint64_t size_ = 0;  // bytes held
  std::deque<Bytes> held_;
};

// ---- A frame ----

// Decodes a frame.
class Frame {
 public:
  Frame(Reader& reader, const Header& header, Models& models, const Limits& limits,
        const std::function<void(View)>& sink)
      : reader_(reader), header_(header), models_(models), limits_(limits), sink_(sink), past_(header.reach) {
    require(header.arithmetic == ARITHMETIC,
            "arithmetic version " + std::to_string(header.arithmetic) + " is not supported");
    if (header.prime.empty()) return;
    prime_ = limits.prime.get();
    if (!prime_) {
      throw Refusal("it was written with a prime, " + hex(header.prime) + ", and needs it: use --prime");
    }
    prime_->require_named(header.prime);
  }

  // Decodes as many blocks at a time as threads and memory allow; if these are fewer than threads, they share them.
  // After an error in reading, the blocks before it are still decoded and handed out.
  void decode() {
    std::unique_ptr<Task> next = read();
    while (next || !tasks_.empty()) {
      const size_t begun = tasks_.size();
      for (; next && make_room_for(*next); next = read()) {
        needed_ += next->need;
        tasks_.push_back(std::move(next));
      }
      const int share = std::max(1, limits_.threads / int(tasks_.size()));
      const auto policy = limits_.threads > 1 ? std::launch::async : std::launch::deferred;
      for (size_t i = begun; i < tasks_.size(); ++i) tasks_[i]->start(policy, share);
      finish();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // Whether there is memory for one more block. For one alone there is: what is cached gives way.
  bool make_room_for(const Task& task) {
    uint64_t need = held_ + needed_ + task.need;
    if (limits_.prime && tasks_.empty()) limits_.prime->keep_at_most(limits_.memory - need);
    if (limits_.prime) need += limits_.prime->kept();
    return tasks_.size() < size_t(limits_.threads) && need <= limits_.memory;
  }

  // The next block; null at the end of the frame and after an error, which failure_ keeps.
  std::unique_ptr<Task> read() {
    try {
      return failure_ ? nullptr : read_block();
    } catch (...) {
      failure_ = std::current_exception();
      return nullptr;
    }
  }

  // Bounds the memory for the block before any is allocated for its content.
  std::unique_ptr<Task> read_block() {
    std::optional<Block> block = reader_.block();
    if (!block) return nullptr;
    auto task = std::make_unique<Task>(Task{std::move(*block), {}, nullptr, prime_, 0, {}, {}});
    task->plan = read_plan(task->block, header_);
    if (task->block.model) network_ = models_.find(*task->block.model, limits_.memory);
    task->network = network_;
    task->need = memory_of_block(task->plan, task->block.size, network_.get(), prime_);
    held_ = std::min(header_.reach, literals_);
    if (held_ + task->need > limits_.memory) refuse_memory("decoding", held_ + task->need, limits_.memory);
    literals_ += task->plan.literals.size;
    return task;
  }

  // Finishes the oldest block: puts copies back, verifies the content and hands it out.
  void finish() {
    const std::unique_ptr<Task> task = std::move(tasks_.front());
    tasks_.pop_front();
    needed_ -= task->need;
    Bytes literals = task->literals.get();
    if (task->plan.copies) {
      std::vector<View> sources;
      for (const uint64_t back : task->plan.copies->sources) sources.push_back(past_.back(back));
      Bytes content(task->block.size);
      far::join(literals, task->copies, sources, content);
      hand_out(content, task->block);
    } else {
      hand_out(literals, task->block);
    }
    past_.add(std::move(literals));
  }

  void hand_out(View content, const Block& block) {
    require(content.size() == block.size && (block.matches(content) || !CHECKED),
            "a block's content does not match its checksum");
    sink_(content);
  }

  Reader& reader_;
  const Header header_;
  Models& models_;
  const Limits& limits_;
  const std::function<void(View)>& sink_;
  const Prime* prime_ = nullptr;             // null unless the frame is primed
  std::shared_ptr<const Network> network_;   // null before the first network block
  std::deque<std::unique_ptr<Task>> tasks_;  // not finished yet, oldest first
  std::exception_ptr failure_;               // an error in reading
  uint64_t needed_ = 0;    // bytes of memory that tasks_ need
  uint64_t literals_ = 0;  // bytes of the literals of all blocks read so far
  uint64_t held_ = 0;      // bytes of them that past_ holds at most
  Past past_;
};

}  // namespace

void decode(Source source, Models& models, const Limits& limits, const std::function<void(View)>& sink) {
  Reader reader(std::move(source), limits.memory);
  while (const std::optional<Header> header = reader.frame()) Frame(reader, *header, models, limits, sink).decode();
}

}  // namespace nncomp::unnnc
