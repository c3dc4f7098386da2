// What a kernel computes: the inner loops of the network, for one instruction set. Every kernel gives the
// same bits. All of them read the same packed layouts, so that a network is packed without regard to
// the kernel that will run it:
//
//   matrix     [outputs/64][inputs/4][64 outputs][4 inputs]      s8
//   columns    [outputs/64][inputs][64 outputs in column_place]  s8, for kernels that want them
//   keys       [positions/16][h/4][16 positions][4 channels]     u8, key + 128
//   values     [positions/4][h channels][4 positions]            s8
//   bias       [heads][BIAS_PAD + window + BIAS_PAD]             int32, farthest first
//
// One 64-byte vector is then 16 outputs of 4 products each, which is what dot-product instructions take:
// u8 times s8. So activations travel as u8, value + 128, and a matrix's `start` holds what that adds.
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

// Codes bits for whoever is slower than a coder has to be: bit(self, p) codes one that is 1 with the probability
// p/2^22, and returns it.
struct Chooser {
  uint32_t (*bit)(void* self, uint32_t p);
  void* self;

  template <class Choose>
  static Chooser of(Choose& choose) {
    return {[](void* self, uint32_t p) { return uint32_t((*static_cast<Choose*>(self))(p)); }, &choose};
  }
};

constexpr int BIAS_PAD = 16;          // entries at either end, each BIAS_NEVER
constexpr int BIAS_NEVER = -(1 << 29);  // outside the window: far below every score
constexpr int MAX_WINDOW = 1024;
constexpr int MAX_HEAD = 128;
constexpr int MAX_INPUTS = 8192;      // of a matrix

// Where output n of 64 stands in a column: kernels interleave two columns in halves of 16 bytes, and then take even and
// odd words apart.
constexpr int column_place(int n) {
  return (n & 32) + 2 * (n & 3) + 16 * (n >> 2 & 1) + (n >> 3 & 1) + 8 * (n >> 4 & 1);
}

struct Matrix {
  int outputs;  // multiple of 64
  int inputs;  // multiple of 64
  const int8_t* weight;  // packed, aligned
  const int32_t* start;  // (outputs) −128·Σ of the row where activations are value + 128, else 0; aligned
  const int32_t* m;  // (outputs) multipliers; aligned
  const int8_t*
      columns;  // where the kernel takes squared ReLUs by column, those of a matrix of them; else null; aligned
};

struct Attention {
  int heads;
  int head;  // h
  int window;  // W
  int32_t m;  // of scores
  uint64_t c;  // over the sum of softmax weights: multiplier of the result
  const int32_t* bias;  // packed
};

struct Kernel {
  const char* name;
  bool by_column;  // whether it wants Matrix::columns
  int foresight;  // of 256 guesses of a byte, how many have to be right for a second row of the network to pay

  // x[i] += clamp16(rq(row[i]·2^10, m)), i < n, a multiple of 16
  void (*add_row)(const int8_t* row, int n, int32_t m, int32_t* x);

  // y = norm(x, c) + 128 for `rows` rows of n
  void (*norm)(const int32_t* x, int rows, int n, uint64_t c, uint8_t* y);

  // Products with a: rows × inputs, dense; out: rows × outputs, dense.
  void (*project)(const Matrix&, const uint8_t* a, int rows, int8_t* out);  // clamp8(rq)
  void (*accumulate)(const Matrix&, const uint8_t* a, int rows, int32_t* out);  // out += clamp16(rq)
  void (*expand)(const Matrix&, const uint8_t* a, int rows, uint8_t* out);  // squared ReLU
  void (*logits)(const Matrix&, const uint8_t* a, int rows, int32_t* out);  // rq

  // out = attention of the position `index` + 128, all heads; q: heads × h. keys and values are aligned.
  // Entries of blocks that `index` or the window's far end divide are read, but carry no weight.
  void (*attend)(const Attention&, const int8_t* q, const uint8_t* keys, const int8_t* values, int index, uint8_t* out);

  // Frequencies of 256 logits, and the sum of each 16 of them.
  void (*frequencies)(const int32_t* z, uint32_t* frequency, uint64_t* sum);

  // The adaptive stage: see stage/byte_step.hpp.
  void (*mix_start)(const mix::Shared&, mix::Lane&, bool first);
  void (*mix_encode)(const mix::Shared&, mix::Lane&, const Distribution* network, Encoder&, uint32_t byte);
  void (*mix_decode)(const mix::Shared&, mix::Lane&, const Distribution* network, Decoder&);
  void (*mix_choose)(const mix::Shared&, mix::Lane&, const Distribution* network, int known, Chooser);
  void (*mix_update_tables)(const mix::Shared&, int first, int last, uint32_t count);
  void (*mix_update_rest)(const mix::Shared&, uint32_t count);

  // A single decision: see stage/decision.hpp.
  void (*decide_encode)(const mix::Tables&, const mix::Decision&, Encoder&, uint32_t bit);
  uint32_t (*decide_decode)(const mix::Tables&, const mix::Decision&, Decoder&);
};

// The kernels of this build, fastest first, and whether this CPU can run them.
struct KernelName {
  const char* name;
  bool runs;
};
std::vector<KernelName> kernels();

// The kernel of that name, or the fastest for "auto". nullptr if this build or this CPU lacks it.
const Kernel* find_kernel(std::string_view name);

}  // namespace nncomp
