// The network: packed weights, the state of some lanes, and the forward step (docs/numerics.md, 3 to 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "coder/coder.hpp"
#include "kernels/kernel.hpp"

namespace nncomp {

// A zeroed array that starts at a multiple of 64 bytes.
template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(size_t n)
      : data_(static_cast<T*>(::operator new[](n * sizeof(T), std::align_val_t(64)))), size_(n) {
    for (size_t i = 0; i < n; ++i) data_[i] = T{};
  }
  Aligned(Aligned&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
    other.size_ = 0;
  }
  Aligned& operator=(Aligned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Aligned() { ::operator delete[](data_, std::align_val_t(64)); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

struct NGram {
  int order;      // bytes hashed
  int log2_rows;
  int width;      // channels
  int first;      // first channel
};

struct Config {
  int d_model;
  int n_heads;
  int d_head;
  int d_ff;
  std::vector<int> windows;  // one a layer
  std::vector<NGram> ngrams;

  void check() const;  // throws std::invalid_argument unless within the limits
  int q_width() const { return n_heads * d_head; }
  int qkv_width() const { return q_width() + 2 * d_head; }
  int qkv_stride() const { return (qkv_width() + 63) & ~63; }  // with the margin that kernels need
};

// A tensor as someone else holds it: contiguous, row-major.
struct Tensor {
  const void* data;
  char kind;              // 'i' for signed integers
  int bytes;              // of an element
  std::vector<int64_t> shape;
};
using TensorSource = std::function<Tensor(const std::string& name)>;

class Network {
 public:
  // Copies and packs the tensors of section 9; throws std::invalid_argument if one is not as it must be.
  Network(Config config, const TensorSource& source, const Kernel& kernel);

  const Config& config() const { return config_; }
  const Kernel& kernel() const { return kernel_; }

 private:
  friend class Lanes;

  struct PackedMatrix {
    Aligned<int8_t> weight;
    Aligned<int32_t> start;
    Aligned<int32_t> m;
    Matrix view{};
  };
  struct Layer {
    int64_t norm1, norm2;  // c
    PackedMatrix qkv, out, up, down;
    Aligned<int32_t> bias;
    Attention attention;
  };
  struct Table {  // E or an n-gram table
    Aligned<int8_t> weight;
    int32_t m;
  };

  Config config_;
  const Kernel& kernel_;
  Table embed_;
  std::vector<Table> ngrams_;
  std::vector<Layer> layers_;
  int64_t norm_;
  PackedMatrix head_;
};

// Some lanes of a block in lock step: what they have seen, and the buffers of a step. Rows of a step are
// lanes × steps, lane by lane: a decoder takes one step of many lanes, an encoder many of one lane.
class Lanes {
 public:
  Lanes(const Network& network, int lanes, int max_steps);

  // Computes the distributions of the next `steps` bytes of the first `lanes` lanes. bytes[lane] are the
  // lane's bytes, of which those before `position` + steps − 1 are read: the last is not needed to predict
  // itself. Lanes that leave never come back.
  void forward(const uint8_t* const* bytes, int lanes, int steps);

  // The distribution of row lane · steps + step of the last forward.
  void distribution(int row, Distribution& out) const;

 private:
  struct Cache {
    int64_t lane_size;       // bytes of a lane, in either array
    Aligned<uint8_t> keys;   // (lanes)[positions/16][h/4][16][4]
    Aligned<int8_t> values;  // (lanes)[positions/4][h][4]
    int capacity;            // positions
    int length = 0;          // positions held
  };

  void embed(const uint8_t* const* bytes, int lanes, int steps);
  void make_room(Cache& cache, int window, int lanes, int steps);
  void append(Cache& cache, int lanes, int steps);

  const Network& net_;
  int64_t position_ = 0;   // bytes of each lane so far
  std::vector<Cache> caches_;
  Aligned<int32_t> x_;     // (rows, d) residual stream
  Aligned<uint8_t> y_;     // (rows, d) normed, + 128
  Aligned<int8_t> qkv_;    // (rows, qkv_stride)
  Aligned<uint8_t> o_;     // (rows, H·h) + 128
  Aligned<uint8_t> s_;     // (rows, f)
  Aligned<int32_t> z_;     // (rows, 256) logits
};

}  // namespace nncomp
