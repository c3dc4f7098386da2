// Limits of tables, and their tensors.
#include "network/table.hpp"

#include <algorithm>
#include <iterator>

namespace nncomp {
namespace {

int place_of(const std::string& context) { return int(std::find(std::begin(CONTEXTS), std::end(CONTEXTS), context) - CONTEXTS); }

}  // namespace

void TableConfig::check(int d_model) const {
  require(place_of(context) < CONTEXT_COUNT, "a table has an unknown context");
  require_range("log2 rows of a table", log2_rows, 8, 20, 1);
  require_range("width of a table", width, 16, d_model, 16);
  require_range("first channel of a table", first, 0, d_model - width, 16);
  require_range("ways of a table", ways, 0, 1 << LOG2_WAYS, 1 << LOG2_WAYS);
}

ContextTable::ContextTable(const TableConfig& config, const std::string& name, const Tensors& tensors)
    : context_(place_of(config.context)), log2_rows_(config.log2_rows), width_(config.width), first_(config.first) {
  const int rows = 1 << config.log2_rows;
  if (config.ways > 0) checks_ = tensors.checks(name, rows);
  rows_ = tensors.table(name, rows + (config.ways > 0), config.width);
}

}  // namespace nncomp
