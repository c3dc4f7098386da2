#include "plan.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include "filters/filters.hpp"

namespace nncomp::unnnc {
namespace {

constexpr size_t MAX_STREAMS = 256;   // streams of a block
constexpr int MAX_DEPTH = 6;          // filters that may be nested
constexpr uint64_t MAX_SOURCES = 16;  // blocks that a block may copy from

// Bits of the byte of a filter.
constexpr uint8_t SIDE = 0x80, COPIES = 0x40, FILTER = 0x3F;
// Bits of the byte of a stream.
constexpr uint8_t SIZE = 0x80, PRIMED = 0x40, WAY = 0x30, CONTEXTS = 0x0F;
constexpr uint64_t MAX_PRIMED_SIZE = uint64_t(1) << 26;  // bytes of a primed stream
enum Way : uint8_t { STORED = 0x00, MIX = 0x10, NETWORK_MIX = 0x20, JOINED = 0x30 };

constexpr const char* TOO_MANY = "a block has too many streams, or too large ones";
constexpr const char* NOT_SMALLER = "a stream's payload is not smaller than the stream";

// How many streams of a block of `size` bytes may be coded: what codes a stream takes as long to set up as some hundred
// bytes take to decode, however short the stream is.
uint64_t most_coded(uint64_t size) { return (size + 8) / 16; }

// Reads a plan, field by field, and cuts the payload into those of the streams.
class PlanReader {
 public:
  PlanReader(const Block& block, const Header& header)
      : block_(block), header_(header), plan_(block.plan, TOO_SHORT), payload_(block.payload, TOO_SHORT) {}

  Plan read() {
    const uint8_t flags = plan_.byte();
    Plan plan;
    Part& root = plan.literals;
    root.size = block_.size;
    root.filter = filter(flags & FILTER, "");
    if (flags & COPIES) {
      plan.copies.emplace().sources = sources();
      root.size = plan_.varint();
      require(root.size < block_.size, "a block copies nothing");
      const uint8_t coding = plan_.byte();
      plan.copies->stream = coded(coding, stream_size(coding, root.size));
      require(plan.copies->stream.size < block_.size, "a block's stream of copies is not smaller than its content");
    }
    if (flags & SIDE) root.side = side();
    do {
      root.below.push_back(stream(root.size, root.filter ? MAX_DEPTH : 0));
      check_limits(plan);
    } while (!plan_.empty());
    require(payload_.empty(), "a block's payload is longer than its streams");
    FILTERS[root.filter].check(sizes_below(root), root.side, root.size);
    bool network = plan.copies && plan.copies->stream.network;
    each(root, [&](const Part& part) { network |= part.network; });
    require(network == block_.network, "a block's type and its streams differ about the network");
    return plan;
  }

 private:
  static constexpr const char* TOO_SHORT = "a block's plan does not fit into the block";

  // Returns `number` if there is such a filter.
  static int filter(int number, const char* whose) {
    require(number < FILTER_COUNT, "filter " + std::to_string(number) + whose + " is not supported");
    return number;
  }

  // What a filter keeps beside its streams.
  View side() {
    const uint64_t size = plan_.varint();
    require(size > 0, "a filter has bytes of its own, and they are none");
    return plan_.take(size);
  }

  // Copies::sources.
  std::vector<uint64_t> sources() {
    require(header_.reach != 0, "a block copies from others, and each is said to stand alone");
    const uint64_t count = plan_.varint() + 1;
    require(count <= MAX_SOURCES, "a block copies from too many others");
    std::vector<uint64_t> found;
    uint64_t back = 0;
    for (uint64_t i = 0; i < count; ++i) {
      found.push_back(back += plan_.varint() + 1);
      require(back <= MAX_BACK, "a block copies from too many blocks back");
    }
    return found;
  }

  // A stream of what has `outer` bytes. At most `depth` - 1 filters may be nested in it.
  Part stream(uint64_t outer, int depth) {
    const uint8_t coding = plan_.byte();
    const uint64_t size = stream_size(coding, outer);
    if ((coding & ~SIZE) != JOINED) return coded(coding, size);
    Part joined;
    joined.size = size;
    const uint8_t flags = plan_.byte();
    joined.filter = filter(flags & ~SIDE, " of a stream");
    if (flags & SIDE) joined.side = side();
    const uint64_t more = plan_.varint();
    require(depth >= 2 && more < MAX_STREAMS, "a block has too many streams, or too many in each other");
    for (uint64_t i = 0; i <= more; ++i) joined.below.push_back(stream(size, joined.filter ? depth - 1 : 0));
    FILTERS[joined.filter].check(sizes_below(joined), joined.side, size);
    return joined;
  }

  // The size of a stream of what has `outer` bytes: written only if it is not `outer`.
  uint64_t stream_size(uint8_t coding, uint64_t outer) {
    if (!(coding & SIZE)) return outer;
    const uint64_t size = plan_.varint();
    require(size != outer, "a stream's size is not in its shortest form");
    require(size <= MAX_STREAM_SIZE, TOO_MANY);
    return size;
  }

  // A stream that is coded or stored.
  Part coded(uint8_t coding, uint64_t size) {
    Part part;
    part.size = size;
    const uint8_t way = coding & WAY;
    if (way == STORED && !(coding & (CONTEXTS | PRIMED))) {
      part.payloads = {payload_.take(size)};
      return part;
    }
    part.primed = coding & PRIMED;
    if ((way != MIX && way != NETWORK_MIX) || (part.primed && (coding & CONTEXTS))) {
      char text[5];
      std::snprintf(text, sizeof text, "0x%02x", coding & ~SIZE);
      throw FormatError("coding " + std::string(text) + " of a stream is not supported");
    }
    part.network = way == NETWORK_MIX;
    require(!part.primed || !header_.prime.empty(), "a stream is primed, and the frame names no prime");
    require(!part.primed || size <= MAX_PRIMED_SIZE, "a primed stream is too large");
    part.mixing = part.primed ? Mixing{header_.profile, mix::GENERAL, 0, 1} : mixing(coding & CONTEXTS);
    const std::vector<uint64_t> sizes = payload_sizes(part.network ? header_.lanes_of(size) : 1, size);
    for (uint64_t one : sizes) part.payloads.push_back(payload_.take(one));
    return part;
  }

  Mixing mixing(int contexts) {
    require(contexts <= mix::FLOATS, "contexts " + std::to_string(contexts) + " are not supported");
    const uint64_t period = plan_.varint();
    require(period < 1 << 16, "period is out of range");
    const Mixing found{header_.profile, contexts, int(period), contexts >= mix::PICTURE ? plan_.byte() : 1};
    try {
      found.check();
    } catch (const std::invalid_argument& error) {
      throw FormatError(error.what());
    }
    return found;
  }

  // The payload sizes of a stream of `size` bytes. That of the plan's last payload is not written: it gets the rest.
  std::vector<uint64_t> payload_sizes(int lanes, uint64_t size) {
    std::vector<uint64_t> sizes;
    uint64_t sum = 0;
    const auto add = [&](uint64_t one) {
      require(one < size - sum, NOT_SMALLER);
      sizes.push_back(one);
      sum += one;
    };
    require(size > 0, NOT_SMALLER);
    for (int lane = 1; lane < lanes; ++lane) add(plan_.varint());
    require(sum <= payload_.left(), NOT_SMALLER);
    if (plan_.empty()) {
      add(payload_.left() - sum);
    } else {
      add(plan_.varint());
      require(!plan_.empty(), "a plan has the size of its last payload, which is what is left");
    }
    return sizes;
  }

  // Checks number and sizes of the streams that have been read so far.
  void check_limits(const Plan& plan) const {
    const uint64_t size = plan.literals.size;
    size_t count = plan.copies ? 1 : 0, coded = plan.copies && plan.copies->stream.mixing ? 1 : 0;
    uint64_t total = plan.copies ? plan.copies->stream.size : 0;
    bool nested = false;
    for (const Part& stream : plan.literals.below) {
      each(stream, [&](const Part& part) {
        ++count;
        total += part.size;
        nested |= !part.below.empty();
        coded += part.mixing ? 1 : 0;
      });
    }
    require(count <= MAX_STREAMS && total <= MAX_STREAM_SIZE, TOO_MANY);
    require(!nested || total <= size + most_contents(size), "a block's streams are too large for what it is joined of");
    require(coded <= most_coded(block_.size), "a block has more coded streams than its size allows");
  }

  const Block& block_;
  const Header& header_;
  Fields plan_, payload_;
};

}  // namespace

Plan read_plan(const Block& block, const Header& header) { return PlanReader(block, header).read(); }

std::vector<uint64_t> sizes_below(const Part& part) {
  std::vector<uint64_t> sizes;
  for (const Part& one : part.below) sizes.push_back(one.size);
  return sizes;
}

}  // namespace nncomp::unnnc
