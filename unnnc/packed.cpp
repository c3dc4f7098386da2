// Unpacks the models that files embed: docs/format.md, section 5.
#include <algorithm>
#include <cstddef>

#include "coder/integers.hpp"
#include "model.hpp"
#include "network/contexts.hpp"

namespace nncomp::unnnc {
namespace {

enum Form : uint8_t { WHOLE, CHANGE };
constexpr int RANK = 10, LEFT = 11, RIGHT = 12;  // sets of statistics of factors
constexpr int MAX_RANK = 15, MAX_SHIFT = 30;
constexpr size_t WAYS = size_t(1) << LOG2_WAYS;
constexpr int UNIT = 8;  // products of factors are multiplied by 2^UNIT

Config read_dimensions(Fields& fields) {
  Config config{64 * fields.byte(), {}, {}};
  const int layers = fields.byte();
  for (int i = 0; i < layers; ++i) {
    const uint8_t kind = fields.byte();
    require(kind <= 1, "packed model has a layer of an unknown kind");
    if (kind == 0) {
      const int heads = fields.byte(), head = 16 * fields.byte(), window = 64 * fields.byte();
      config.layers.push_back({"attention", {heads, head, window}});
    } else {
      config.layers.push_back({"feed_forward", {64 * fields.byte()}});
    }
  }
  const int tables = fields.byte();
  for (int i = 0; i < tables; ++i) {
    const uint8_t context = fields.byte();
    require(context < CONTEXT_COUNT, "packed model has a table of an unknown context");
    const int log2_rows = fields.byte(), width = 16 * fields.byte(), first = 16 * fields.byte(), ways = fields.byte();
    require(log2_rows <= 20, "log2 rows of a table is out of range");
    config.tables.push_back({CONTEXTS[context], log2_rows, width, first, ways});
  }
  return config;
}

std::vector<int8_t> read_matrix(IntegerDecoder& decoder, int kind, size_t rows, size_t columns) {
  std::vector<int8_t> values(rows * columns);
  decoder.add(kind, values.data(), rows, columns);
  return values;
}

// Reads factors, if there are any, and adds left · rightᵀ · 2^(8 − shift), rounded, to a matrix of weights. The sum is
// clipped to −127 … 127.
void read_factors(IntegerDecoder& decoder, size_t rows, size_t columns, std::vector<int8_t>& weight) {
  const int rank = read_matrix(decoder, RANK, 1, 1)[0];
  if (rank == 0) return;
  const int shift = read_matrix(decoder, RANK, 1, 1)[0];
  require(rank > 0 && rank <= MAX_RANK && shift > 0 && shift <= MAX_SHIFT, "packed model has factors out of range");
  const size_t count = size_t(rank);
  const std::vector<int8_t> left = read_matrix(decoder, LEFT, rows, count);
  const std::vector<int8_t> right = read_matrix(decoder, RIGHT, columns, count);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) {
      int32_t product = 0;
      for (size_t k = 0; k < count; ++k) product += left[i * count + k] * right[j * count + k];
      const int32_t change = ((product << UNIT) + (1 << (shift - 1))) >> shift;
      weight[i * columns + j] = int8_t(std::clamp(weight[i * columns + j] + change, -127, 127));
    }
  }
}

// Reads values that rise along a row (biases and checks), of which the differences between neighbours are coded.
// `values` are those of the base, or zeros, before.
template <class T>
void read_rising(IntegerDecoder& decoder, int kind, size_t rows, size_t columns, std::vector<T>& values) {
  std::vector<int64_t> steps(values.size());
  for (size_t i = 0; i < steps.size(); ++i) steps[i] = values[i] - (i % columns ? values[i - 1] : 0);
  decoder.add(kind, steps.data(), rows, columns);
  uint64_t sum = 0;  // unsigned: malformed steps wrap around, and the range check below rejects them
  for (size_t i = 0; i < steps.size(); ++i) {
    sum = (i % columns ? sum : 0) + uint64_t(steps[i]);
    values[i] = T(sum);
    require(int64_t(sum) == values[i], "packed model has a bias or a check out of range");
  }
}

// Reads a tensor; `numbers` are those of the base, or zeros, before.
void read_tensor(IntegerDecoder& decoder, const TensorRow& row, bool is_change, Numbers& numbers) {
  const bool flat = row.shape.size() == 1;
  const size_t rows = flat ? 1 : size_t(row.shape[0]), columns = size_t(row.shape.back());
  if (is_change && row.name.ends_with(".weight")) {
    read_factors(decoder, rows, columns, std::get<std::vector<int8_t>>(numbers));
  }
  std::visit(
      [&]<class T>(std::vector<T>& values) {
        if constexpr (std::is_same_v<T, int16_t>) {
          read_rising(decoder, row.statistics, rows, columns, values);
        } else if constexpr (std::is_same_v<T, uint8_t>) {
          read_rising(decoder, row.statistics, values.size() / WAYS, WAYS, values);
        } else {
          decoder.add(row.statistics, values.data(), rows, columns);
        }
      },
      numbers);
}

}  // namespace

std::optional<Id> base_of(View packed) {
  if (packed[0] == WHOLE) return std::nullopt;
  Id id;
  require(packed[0] == CHANGE && packed.size() > id.size(), "packed model is malformed");
  std::copy_n(packed.begin() + 1, id.size(), id.begin());
  return id;
}

Model unpack(View packed, const Model* base, uint64_t memory_limit) {
  Fields fields(packed, "packed model is truncated");
  fields.byte();
  if (base) fields.take(Id().size());
  Model model{base ? base->config : read_dimensions(fields), {}};
  const uint64_t need = packed.size() + memory_of(model.config, 1);
  if (need > memory_limit) refuse_memory("the embedded model", need, memory_limit);
  IntegerDecoder decoder(fields.take(fields.left()));
  for (const TensorRow& row : tensors_of(model.config)) {
    Numbers& numbers = model.tensors[row.name] = base ? base->tensors.at(row.name) : row.zeros();
    read_tensor(decoder, row, base != nullptr, numbers);
  }
  decoder.finish();
  return model;
}

}  // namespace nncomp::unnnc
