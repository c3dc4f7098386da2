// A kernel: the inner loops of the network and of the adaptive stage, compiled for one instruction set. Those of the
// stage are shared by kernels that have the same vectors for it. All kernels compute the same bits, and read the same
// packed layouts:
//
//   matrix     [outputs/64][inputs/4][64 outputs][4 inputs]      s8
//   columns    [outputs/64][inputs][64 outputs in column_place]  s8, only where Kernel::by_column
//   keys       [positions/16][h/4][16 positions][4 channels]     u8, key + 128
//   values     [positions/4][h channels][4 positions]            s8
//   bias       [heads][BIAS_PAD + window + BIAS_PAD]             int32, the farthest position first
//
// So a vector of 64 bytes holds 4 factors for each of 16 sums. Dot-product instructions multiply u8 by s8: hence
// activations are stored as u8, value + 128, and a matrix's `start` takes off what the 128 adds to its sums.
// Arrays marked "aligned" start at a multiple of 64 bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace nncomp {

struct Decoder;
struct Distribution;
struct Encoder;
namespace mix {
struct Decision;
struct Lane;
struct Shared;
struct Tables;
}  // namespace mix

constexpr int BIAS_PAD = 16;          // entries at either end, each BIAS_NEVER
constexpr int BIAS_NEVER = -(1 << 29);  // outside the window: far below every score, so that the weight is 0
constexpr int MAX_WINDOW = 1024;
constexpr int MAX_HEAD = 128;         // channels
constexpr int MAX_INPUTS = 8192;      // of a matrix

// The place of output n of 64 in a column. Kernels interleave two columns within parts of 16 bytes, and sum the even
// and the odd 16-bit words apart: in this order, each of these sums is of consecutive outputs.
constexpr int column_place(int n) {
  return (n & 32) + 2 * (n & 3) + 16 * (n >> 2 & 1) + (n >> 3 & 1) + 8 * (n >> 4 & 1);
}

struct Matrix {
  int outputs;  // multiple of 64
  int inputs;  // multiple of 64, at most MAX_INPUTS
  const int8_t* weight;  // packed, aligned
  const int32_t* start;  // (outputs) where sums begin: −128·Σ of the row for activations + 128, else 0; aligned
  const int32_t* m;  // (outputs) multipliers of rq; aligned
  const int8_t* columns;  // weights by column, where by_column and activations are squared ReLUs; else null; aligned
};

struct Attention {
  int heads;
  int width;  // h, the channels of a head
  int window;  // W, the positions that a head sees, its own included
  int32_t m;  // multiplier of scores
  uint64_t c;  // divided by the sum of the softmax weights, it is the multiplier of the result
  const int32_t* bias;  // packed
};

// Codes bits by an indirect call, for callers that need not be as fast as a coder: bit(self, p) codes a bit whose
// probability of being 1 is p/2^22, and returns it.
struct Chooser {
  uint32_t (*bit)(void* self, uint32_t p) = nullptr;
  void* self = nullptr;
};

// The adaptive stage: see stage/byte_step.hpp.
struct StageKernel {
  void (*start)(const mix::Shared&, mix::Lane&, bool first);
  void (*encode)(const mix::Shared&, mix::Lane&, const Distribution* network, Encoder&, uint32_t byte);
  // By the decoder where there is one. `known` is the byte where it is known, else negative.
  void (*decode_or_choose)(const mix::Shared&, mix::Lane&, const Distribution* network, int known, Decoder*,
                           const Chooser&);
  void (*update_tables)(const mix::Shared&, int first, int last, uint32_t count);
  void (*update_rest)(const mix::Shared&, uint32_t count);

  // A single decision: see stage/decision.hpp.
  void (*encode_decision)(const mix::Tables&, const mix::Decision&, Encoder&, uint32_t bit);
  uint32_t (*decode_decision)(const mix::Tables&, const mix::Decision&, Decoder&);

  void decode(const mix::Shared& s, mix::Lane& l, const Distribution* network, Decoder& coder) const {
    decode_or_choose(s, l, network, -1, &coder, {});
  }
  template <class Choose>
  void choose(const mix::Shared& s, mix::Lane& l, const Distribution* network, int known, Choose& choose) const {
    const auto bit = [](void* self, uint32_t p) { return uint32_t((*static_cast<Choose*>(self))(p)); };
    decode_or_choose(s, l, network, known, nullptr, {bit, &choose});
  }
};

struct Kernel {
  const char* name;
  bool by_column;  // whether networks have to pack Matrix::columns for it
  int foresight;  // how many of 256 guesses have to be right for a row ahead to pay: see block/foresight.hpp

  // x[i] += clamp16(rq(row[i]·2^10, m)) for i < n, a multiple of 16.
  void (*add_row)(const int8_t* row, int n, int32_t m, int32_t* x);

  // y = norm(x, c) + 128 for each of `rows` rows of n numbers, a multiple of 64.
  void (*norm)(const int32_t* x, int rows, int n, uint64_t c, uint8_t* y);

  // Products W·a with rq by the matrix's multipliers; a: (rows, inputs), out: (rows, outputs), both dense.
  void (*project)(const Matrix&, const uint8_t* a, int rows, int8_t* out);  // out = clamp8(rq)
  void (*accumulate)(const Matrix&, const uint8_t* a, int rows, int32_t* out);  // out += clamp16(rq)
  void (*expand)(const Matrix&, const uint8_t* a, int rows, uint8_t* out);  // out = squared ReLU
  void (*logits)(const Matrix&, const uint8_t* a, int rows, int32_t* out);  // out = rq

  // out = attention of all heads at position `index` of the cache, + 128; q and out: (heads, h). keys and values are
  // aligned. Blocks of 16 positions are read whole, but positions outside the window have no weight.
  void (*attend)(const Attention&, const int8_t* q, const uint8_t* keys, const int8_t* values, int index, uint8_t* out);

  // Frequencies of 256 logits z, and the sums of each 16 of them.
  void (*frequencies)(const int32_t* z, uint32_t* frequency, uint64_t* sum);

  const StageKernel* stage;
};

// A kernel of this build, and whether this CPU can run it.
struct KernelName {
  const char* name;
  bool runs;
};
std::vector<KernelName> kernels();  // fastest first

// The kernel of that name, or the fastest for "auto". nullptr if this build or this CPU lacks it.
const Kernel* find_kernel(std::string_view name);

}  // namespace nncomp
