// Checks tensors and packs matrices.
#include "network/tensors.hpp"

#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace nncomp {
namespace {

// A copy of n elements, with zeros behind them.
template <class T>
Aligned<T> copy(const T* data, size_t n, size_t padded) {
  Aligned<T> out(padded);
  memcpy(out.data(), data, n * sizeof(T));
  return out;
}

// [outputs][inputs] → [outputs/64][inputs/4][64 outputs][4 inputs], with room for `padded` outputs
Aligned<int8_t> pack(const int8_t* w, int outputs, int padded, int inputs) {
  Aligned<int8_t> out(size_t(padded) * size_t(inputs));
  int8_t* p = out.data();
  for (int first = 0; first < padded; first += 64) {
    for (int k = 0; k < inputs; k += 4) {
      for (int n = first; n < first + 64; ++n, p += 4) {
        if (n < outputs) memcpy(p, w + int64_t(n) * inputs + k, 4);
      }
    }
  }
  return out;
}

// [outputs][inputs] → [outputs/64][inputs][64 outputs in column_place], likewise
Aligned<int8_t> pack_columns(const int8_t* w, int outputs, int padded, int inputs) {
  Aligned<int8_t> out(size_t(padded) * size_t(inputs));
  for (int n = 0; n < outputs; ++n) {
    int8_t* p = out.data() + int64_t(n & ~63) * inputs + column_place(n & 63);
    for (int k = 0; k < inputs; ++k) p[64 * k] = w[int64_t(n) * inputs + k];
  }
  return out;
}

}  // namespace

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_range(const char* what, int64_t value, int64_t low, int64_t high, int64_t unit) {
  require(value >= low && value <= high && value % unit == 0,
          std::string(what) + " " + std::to_string(value) + " is out of range");
}

// The elements of a tensor; throws unless it has exactly this type and shape.
template <class T>
const T* Tensors::elements(const std::string& name, const std::vector<int64_t>& shape) const {
  const Tensor tensor = source_(prefix_ + name);
  require(tensor.kind == (std::is_signed_v<T> ? 'i' : 'u') && tensor.bytes == sizeof(T),
          "tensor " + prefix_ + name + " has the wrong dtype");
  require(tensor.shape == shape, "tensor " + prefix_ + name + " has the wrong shape");
  return static_cast<const T*>(tensor.data);
}

const int8_t* Tensors::weights(const std::string& name, int64_t rows, int64_t columns) const {
  const int8_t* w = elements<int8_t>(name + ".weight", {rows, columns});
  int8_t lowest = 0;
  for (int64_t i = 0; i < rows * columns; ++i) lowest = w[i] < lowest ? w[i] : lowest;
  require(lowest >= -127, "tensor " + prefix_ + name + ".weight contains -128");
  return w;
}

const int32_t* Tensors::multipliers(const std::string& name, int64_t n) const {
  const int32_t* m = elements<int32_t>(name + ".m", {n});
  for (int64_t i = 0; i < n; ++i) require(m[i] >= 0, "tensor " + prefix_ + name + ".m contains a negative multiplier");
  return m;
}

const int16_t* Tensors::bias(const std::string& name, int64_t rows, int64_t columns) const {
  return elements<int16_t>(name + ".bias", {rows, columns});
}

int64_t Tensors::constant(const std::string& name, int64_t most) const {
  const int64_t c = *elements<int64_t>(name + ".c", {1});
  require(c > 0 && c <= most, "tensor " + prefix_ + name + ".c is out of range");
  return c;
}

PackedMatrix Tensors::matrix(const std::string& name, int outputs, int inputs, bool with_offset) const {
  const int8_t* w = weights(name, outputs, inputs);
  const int padded = (outputs + 63) & ~63;
  PackedMatrix p;
  p.weight = pack(w, outputs, padded, inputs);
  p.start = Aligned<int32_t>(size_t(padded));
  for (int n = 0; with_offset && n < outputs; ++n) {
    int32_t sum = 0;
    for (int k = 0; k < inputs; ++k) sum += w[int64_t(n) * inputs + k];
    p.start[size_t(n)] = -128 * sum;
  }
  p.m = copy(multipliers(name, outputs), size_t(outputs), size_t(padded));
  if (by_column_ && !with_offset) p.columns = pack_columns(w, outputs, padded, inputs);
  p.view = {padded, inputs, p.weight.data(), p.start.data(), p.m.data(), p.columns.data()};
  return p;
}

Table Tensors::table(const std::string& name, int rows, int width) const {
  const int8_t* w = weights(name, rows, width);
  const size_t size = size_t(rows) * size_t(width);
  return Table{copy(w, size, size), *multipliers(name, 1)};
}

Aligned<uint8_t> Tensors::checks(const std::string& name, int rows) const {
  return copy(elements<uint8_t>(name + ".check", {rows}), size_t(rows), size_t(rows));
}

}  // namespace nncomp
