// Look-ups in tables. The rows of all tables, and of up to BLOCK steps, are prefetched together.
#include "network/embedding.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace nncomp {
namespace {

constexpr int64_t START = 256;  // the token before a lane's first byte

// Among CONTEXTS; CONTEXT_COUNT if it is unknown.
int place_of(const std::string& context) {
  return int(std::find(std::begin(CONTEXTS), std::end(CONTEXTS), context) - CONTEXTS);
}

}  // namespace

void TableConfig::check(int d_model) const {
  require(place_of(context) < CONTEXT_COUNT, "a table has an unknown context");
  require_range("log2 rows of a table", log2_rows, 8, 20, 1);
  require_range("width of a table", width, 16, d_model, 16);
  require_range("first channel of a table", first, 0, d_model - width, 16);
  require_range("ways of a table", ways, 0, 1 << LOG2_WAYS, 1 << LOG2_WAYS);
}

Embedding::ContextTable Embedding::make(const TableConfig& config, const std::string& name, const Tensors& tensors) {
  const int rows = 1 << config.log2_rows;
  const bool known = config.ways > 0;
  return {place_of(config.context),
          config.log2_rows,
          config.width,
          config.first,
          known ? tensors.checks(name, rows) : Aligned<uint8_t>(),
          tensors.table(name, rows + known, config.width)};
}

Embedding::Embedding(int d_model, const std::vector<TableConfig>& tables, const Tensors& tensors)
    : d_model_(d_model), bytes_(tensors.table("embed", START + 1, d_model)) {
  require_range("number of tables", int64_t(tables.size()), 0, MAX_TABLES, 1);
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i].check(d_model);
    tables_.push_back(make(tables[i], "table." + std::to_string(i), tensors));
  }
}

inline void Embedding::ContextTable::prefetch(uint64_t hash) const {
  if (checks.size() == 0) {
    prefetch_to_read(find(hash));
  } else {
    prefetch_to_read(checks.data() + first_row(hash, log2_rows));
  }
}

inline const int8_t* Embedding::ContextTable::find(uint64_t hash) const {
  const uint32_t row = checks.size() == 0 ? hashed(hash, log2_rows)
                                          : known_row(checks.data() + first_row(hash, log2_rows), hash, log2_rows);
  return rows.weight.data() + int64_t(row) * width;
}

void Embedding::start(const Kernel& kernel, Past* pasts, const uint8_t* const* bytes, int64_t position, int lanes,
                      int steps, int32_t* x) const {
  memset(x, 0, size_t(lanes) * size_t(steps) * size_t(d_model_) * sizeof(int32_t));
  uint64_t hash[BLOCK][MAX_TABLES];
  const int8_t* row[BLOCK][MAX_TABLES];
  int64_t token[BLOCK];
  const int count = lanes * steps;
  for (int first = 0; first < count; first += BLOCK) {
    const int block = std::min(count - first, BLOCK);
    for (int i = 0; i < block; ++i) {
      const int lane = (first + i) / steps;
      const int64_t t = position + (first + i) % steps;
      Past& past = pasts[lane];
      if (t > 0) past.take(bytes[lane][t - 1]);
      token[i] = t > 0 ? bytes[lane][t - 1] : START;
      uint64_t key[CONTEXT_COUNT];
      past.keys(bytes[lane], key);
      for (size_t n = 0; n < tables_.size(); ++n) {
        hash[i][n] = key[tables_[n].context] * GOLDEN;
        tables_[n].prefetch(hash[i][n]);
      }
    }
    for (int i = 0; i < block; ++i) {
      for (size_t n = 0; n < tables_.size(); ++n) {
        row[i][n] = tables_[n].find(hash[i][n]);
        prefetch_to_read(row[i][n]);
      }
    }
    for (int i = 0; i < block; ++i, x += d_model_) {
      kernel.add_row(bytes_.weight.data() + token[i] * d_model_, d_model_, bytes_.m, x);
      for (size_t n = 0; n < tables_.size(); ++n) {
        kernel.add_row(row[i][n], tables_[n].width, tables_[n].rows.m, x + tables_[n].first);
      }
    }
  }
}

}  // namespace nncomp
