// Tensors as someone else holds them, checked, and in the layouts that kernels read (docs/numerics.md, section 9).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/aligned.hpp"

namespace nncomp {

// Throws std::invalid_argument.
void require(bool condition, const std::string& message);
void require_range(const char* what, int64_t value, int64_t low, int64_t high, int64_t unit);

// A tensor of a model: contiguous, row-major.
struct Tensor {
  const void* data;
  char kind;              // 'i' for signed integers, 'u' for unsigned ones
  int bytes;              // of an element
  std::vector<int64_t> shape;
};
using TensorSource = std::function<Tensor(const std::string& name)>;

// A matrix, packed, with what belongs to it.
struct PackedMatrix {
  Aligned<int8_t> weight;
  Aligned<int32_t> start;
  Aligned<int32_t> m;
  Aligned<int8_t> columns;  // or none
  Matrix view{};
};

// Weights of which rows are added.
struct Table {
  Aligned<int8_t> weight;
  int32_t m;
};

constexpr int64_t NORM_LAST = (int64_t(1) << 44) - 1;  // the largest c of a norm

// The tensors whose names begin with a prefix. All throw std::invalid_argument where one is not as it must be.
class Tensors {
 public:
  // `by_column`: whether the kernel wants columns.
  Tensors(const TensorSource& source, std::string prefix, bool by_column)
      : source_(source), prefix_(std::move(prefix)), by_column_(by_column) {}

  // `with_offset`: the activations that it multiplies are stored as value + 128.
  PackedMatrix matrix(const std::string& name, int outputs, int inputs, bool with_offset) const;
  Table table(const std::string& name, int rows, int width) const;
  Aligned<uint8_t> checks(const std::string& name, int rows) const;
  const int32_t* multipliers(const std::string& name, int64_t n) const;
  const int16_t* bias(const std::string& name, int64_t rows, int64_t columns) const;
  int64_t constant(const std::string& name, int64_t last) const;  // of 1 … last

 private:
  template <class T>
  const T* elements(const std::string& name, const std::vector<int64_t>& shape) const;
  const int8_t* weights(const std::string& name, int64_t rows, int64_t columns) const;

  const TensorSource& source_;
  std::string prefix_;
  bool by_column_;
};

}  // namespace nncomp
