// The residual stream at its start: the last byte's row, and those of tables of contexts (docs/numerics.md, section 3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "network/contexts.hpp"
#include "network/tensors.hpp"

namespace nncomp {

struct TableConfig {
  std::string context;
  int log2_rows;
  int width;  // channels
  int first;  // first channel
  int ways;  // 0: rows by hash; 2^LOG2_WAYS: known contexts

  void check(int d_model) const;  // throws std::invalid_argument unless within the limits
};

class Embedding {
 public:
  // Copies tensors; throws std::invalid_argument if one is not as it must be.
  Embedding(int d_model, const std::vector<TableConfig>& tables, const Tensors& tensors);

  // x = the start of the next `steps` steps of some lanes, (lanes · steps, d), of which `position` are behind them.
  // bytes[lane] are the lane's bytes; `pasts` goes on with those that come to be before.
  void start(const Kernel& kernel, Past* pasts, const uint8_t* const* bytes, int64_t position, int lanes, int steps,
             int32_t* x) const;

 private:
  static constexpr size_t MAX_TABLES = 24;
  static constexpr int BLOCK = 16;  // rows of x whose look-ups overlap

  struct ContextTable {
    int context;  // among CONTEXTS
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
