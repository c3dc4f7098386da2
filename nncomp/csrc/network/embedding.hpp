// The start of the residual stream: the sum of a row for the last byte and of a row of each table, selected by its
// context (docs/numerics.md, section 3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/contexts.hpp"
#include "network/tensors.hpp"

namespace nncomp {

struct TableConfig {
  std::string context;  // one of CONTEXTS
  int log2_rows;
  int width;  // channels
  int first;  // first channel of the residual stream that it is added to
  int ways;  // 0: rows by hash; 2^LOG2_WAYS: known contexts

  void check(int d_model) const;  // throws std::invalid_argument unless within the limits
};

class Embedding {
 public:
  // Copies tensors; throws std::invalid_argument if one is not as it must be.
  Embedding(int d_model, const std::vector<TableConfig>& tables, const Tensors& tensors);

  // Sets x, (lanes · steps, d), to the start of the residual stream of the next `steps` steps of each lane, of which
  // `position` are done. bytes[lane] are the lane's bytes; pasts[lane] takes in the byte before each step.
  void start(const Kernel& kernel, Past* pasts, const uint8_t* const* bytes, int64_t position, int lanes, int steps,
             int32_t* x) const;

 private:
  static constexpr size_t MAX_TABLES = 24;
  static constexpr int BLOCK = 16;  // rows of x whose look-ups overlap

  struct ContextTable {
    int context;  // its place among CONTEXTS
    int log2_rows, width, first;
    Aligned<uint8_t> checks;  // (2^log2_rows); none where rows are hashed
    Table rows;

    void prefetch(uint64_t hash) const;
    const int8_t* find(uint64_t hash) const;  // the row of a context's hash
  };

  static ContextTable make(const TableConfig& config, const std::string& name, const Tensors& tensors);

  int d_model_;
  Table bytes_;
  std::vector<ContextTable> tables_;
};

}  // namespace nncomp
