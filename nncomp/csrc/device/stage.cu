// The adaptive stage and the coder on a CUDA device, from the headers of the native engine. Compiled at run time by
// NVRTC with every function as a device function (engine/cuda/device.py), and by a test for the CPU.
//
// A thread block codes a block. Its first threads have a lane each; all threads together update what the lanes share.
#include <cstdint>

#include "coder/coder.hpp"

#include "device/simd_mix.hpp"
// has to follow the vectors that it uses
#include "device/warp.hpp"
#include "stage/byte_step.hpp"
#include "stage/layout.hpp"

namespace nncomp {

// What is wrong with a lane: STATUS in engine/cuda/device.py.
enum Status : uint32_t { GOOD = 0, MALFORMED, EARLY, LEFT_OVER, NOT_EMPTY, NO_ROOM };

// A block of the batch. engine/cuda/device.py fills these two structures, field by field.
struct Block {
  uint8_t* stage;  // memory of the adaptive stage: Shared, then its arrays
  uint8_t* data;  // the block's bytes; a decoder writes them
  const mix::Tables* tables;
  uint32_t size;
  uint32_t first, lanes;  // its lanes among those of the batch, and how many they are
  uint32_t family, period, stride;  // see mix::Shape
  uint32_t units;  // hidden units of the network that are read
  uint32_t pad;
};

// A lane of the batch, with its encoder or decoder.
struct Seat {
  uint32_t start, size;  // its piece of the block
  uint64_t room;  // bytes that an encoder's payload may take
  Encoder encoder;
  Decoder decoder;
  uint32_t status;
  uint32_t found;  // the byte at which an error was found
};

static_assert(sizeof(Block) == 56 && sizeof(Seat) == 88 && sizeof(Distribution) == 1152);
constexpr uint64_t HEAD = 2048;  // bytes for Shared, before its arrays
static_assert(sizeof(mix::Shared) <= HEAD);

}  // namespace nncomp

using namespace nncomp;

// Prepares blocks for their first byte. Block::stage is zeroed, and Seat::decoder points to the payload.
extern "C" __global__ void begin(const Block* blocks, Seat* seats, uint32_t decode) {
  const Block& b = blocks[blockIdx.x];
  const int thread = int(threadIdx.x), threads = int(blockDim.x);
  mix::Shared& s = *reinterpret_cast<mix::Shared*>(b.stage);
  if (thread == 0) {
    s.shape = mix::shape_of(int32_t(b.family), true, int32_t(b.units), b.period, b.stride);
    s.flip = 128;
    s.tables = b.tables;
    s.data = b.data;
    s.size = b.size;
    s.lanes = b.lanes;
    mix::lay_out(s, b.stage + HEAD);
  }
  __syncthreads();
  mix::start_shared(s, thread, threads);
  for (uint32_t j = 0; j < b.lanes; ++j) mix::start_lane(s, s.lane[j], thread, threads);
  if (uint32_t(thread) < b.lanes) {
    Seat& seat = seats[b.first + uint32_t(thread)];
    s.lane[thread].start = seat.start;
    s.lane[thread].size = seat.size;
    if (decode) {
      seat.decoder.start();
      if (seat.size == 0 && seat.decoder.size > 0) seat.status = NOT_EMPTY;
      else if (!seat.decoder.valid()) seat.status = MALFORMED;
    }
  }
}

// Codes the next `steps` bytes of every lane, and counts them in `time`. The distribution of step i of lane j of the
// batch is distributions[j·steps + i]; that row of `activations` holds the hidden units, each less 128.
extern "C" __global__ void __launch_bounds__(256, 1)
    code(const Block* blocks, Seat* seats, int32_t* time, const Distribution* distributions, const uint8_t* activations,
         uint32_t steps, uint32_t decode) {
  const Block b = blocks[blockIdx.x];
  const uint32_t thread = threadIdx.x;
  __shared__ mix::Shared s;
  if (thread == 0) s = *reinterpret_cast<const mix::Shared*>(b.stage);
  __syncthreads();
  const bool has_lane = thread < b.lanes;
  Seat* const seat = seats + b.first + (has_lane ? thread : 0);
  mix::Lane* const l = has_lane ? s.lane + thread : nullptr;
  const uint32_t size = has_lane ? seat->size : 0;
  uint32_t t = has_lane ? uint32_t(time[b.first + thread]) : 0;
  uint8_t* const bytes = b.data + seat->start;
  const uint64_t row = uint64_t(b.first + thread) * steps;
  const Distribution* distribution = distributions + row;
  Encoder encoder = seat->encoder;
  Decoder decoder = seat->decoder;
  uint32_t status = seat->status;

  for (uint32_t step = 0; step < steps; ++step) {
    const bool active = t < size;
    if (active) {
      uint32_t shift = 8;
      const uint32_t byte = decode ? 0 : bytes[t];
      if (encoder.size + MAX_BYTES_PER_SYMBOL + 1 > seat->room && !decode) status = NO_ROOM;
      const auto choose = [&](uint32_t p) {
        if (decode) return decoder.get(p);
        const uint32_t bit = byte >> --shift & 1;
        if (status == GOOD) encoder.put(bit, p);
        return bit;
      };
      mix::start(s, *l, t == 0);
      l->activations = activations + (row + step) * b.units;
      mix::code_byte(s, *l, distribution + step, decode ? -1 : int(byte), choose);
      if (decode) {
        bytes[t] = l->byte;
        if (status == GOOD && !decoder.valid()) {
          status = EARLY;
          seat->found = t;
        }
      }
      ++t;
    }
    const uint32_t count = uint32_t(__syncthreads_count(active));  // shorter lanes come last
    if (count == 0) break;
    mix::update(s, count);
    __syncthreads();
  }
  if (!has_lane) return;
  time[b.first + thread] = int32_t(t);
  seat->status = status;
  if (decode) seat->decoder = decoder;
  else seat->encoder = encoder;
}

// Ends all lanes of the batch after their last byte: writes an encoder's end, or checks a decoder's.
extern "C" __global__ void finish(Seat* seats, uint32_t count, uint32_t decode) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  Seat& seat = seats[i];
  if (seat.size == 0 || seat.status != GOOD) return;
  if (!decode) {
    seat.encoder.finish();
  } else if (!seat.decoder.complete()) {
    seat.status = LEFT_OVER;
    seat.found = seat.size;
  }
}
