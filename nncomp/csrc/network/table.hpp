// A table of contexts: rows that a step adds to some channels of the residual stream (docs/numerics.md, section 3).
#pragma once

#include <cstdint>
#include <string>

#include "network/contexts.hpp"
#include "network/tensors.hpp"

namespace nncomp {

struct TableConfig {
  std::string context;
  int log2_rows;
  int width;  // channels
  int first;  // first channel
  int ways;   // 0: rows by hash; 2^LOG2_WAYS: known contexts

  void check(int d_model) const;  // throws std::invalid_argument unless within the limits
};

class ContextTable {
 public:
  // Copies the tensors whose names begin with `name`. Throws std::invalid_argument.
  ContextTable(const TableConfig& config, const std::string& name, const Tensors& tensors);

  int context() const { return context_; }  // among CONTEXTS
  int width() const { return width_; }
  int first() const { return first_; }
  int32_t m() const { return rows_.m; }

  // The row of a context's key: `width` weights.
  const int8_t* find(uint64_t key) const {
    const uint32_t row =
        checks_.size() == 0
            ? hashed_row(key, log2_rows_)
            : known_row(checks_.data(), first_row(key, log2_rows_), check_of(key, log2_rows_), log2_rows_);
    return rows_.weight.data() + int64_t(row) * width_;
  }

 private:
  int context_, log2_rows_, width_, first_;
  Aligned<uint8_t> checks_;  // (2^log2_rows); none where rows are hashed
  Table rows_;
};

}  // namespace nncomp
