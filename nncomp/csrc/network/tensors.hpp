// Checks the caller's tensors (docs/numerics.md, section 9), and copies them into the layouts that kernels read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/aligned.hpp"

namespace nncomp {

// Throw std::invalid_argument unless the condition holds, or low <= value <= high and `unit` divides value.
void require(bool condition, const std::string& message);
void require_range(const char* what, int64_t value, int64_t low, int64_t high, int64_t unit);

// A tensor of a model, in the caller's memory: contiguous, row-major.
struct Tensor {
  const void* data;
  char kind;              // 'i' for signed integers, 'u' for unsigned ones
  int bytes;              // of an element
  std::vector<int64_t> shape;
};
using TensorSource = std::function<Tensor(const std::string& name)>;

// A packed matrix, and the memory that its view points to.
struct PackedMatrix {
  Aligned<int8_t> weight;
  Aligned<int32_t> start;
  Aligned<int32_t> m;
  Aligned<int8_t> columns;  // or none
  Matrix view{};
};

// A table whose rows are added to the residual stream.
struct Table {
  Aligned<int8_t> weight;  // (rows, width)
  int32_t m;  // multiplier of all rows
};

constexpr int64_t MAX_NORM_C = (int64_t(1) << 44) - 1;  // the largest c of a norm

// The tensors whose names begin with a prefix. All functions throw std::invalid_argument for a tensor that is not of
// the expected type and shape, or whose values are out of range.
class Tensors {
 public:
  // `by_column`: see Kernel.
  Tensors(const TensorSource& source, std::string prefix, bool by_column)
      : source_(source), prefix_(std::move(prefix)), by_column_(by_column) {}

  // `with_offset`: whether the activations that it multiplies are stored as value + 128.
  PackedMatrix matrix(const std::string& name, int outputs, int inputs, bool with_offset) const;
  Table table(const std::string& name, int rows, int width) const;
  Aligned<uint8_t> checks(const std::string& name, int rows) const;
  const int32_t* multipliers(const std::string& name, int64_t n) const;
  const int16_t* bias(const std::string& name, int64_t rows, int64_t columns) const;
  int64_t constant(const std::string& name, int64_t most) const;  // 1 … most

 private:
  template <class T>
  const T* elements(const std::string& name, const std::vector<int64_t>& shape) const;
  const int8_t* weights(const std::string& name, int64_t rows, int64_t columns) const;

  const TensorSource& source_;
  std::string prefix_;
  bool by_column_;
};

}  // namespace nncomp
