// The filter hex: encodes bytes as hexadecimal text again (nncomp/csrc/filters/hex.hpp).
#include "filters/hex.hpp"

#include "filters/runs.hpp"

namespace nncomp::unnnc {
namespace {

// Consecutive lines of one form.
struct Run {
  uint64_t count;  // lines, 1 … 2^32 - 1
  uint64_t size;   // decoded bytes, 1 … 2^40
  hex::Form form;

  // Bytes of the text.
  uint64_t length() const { return count * form.line.size(); }
  uint8_t* write(View payload, uint8_t* out) const { return hex::write(form, payload, out); }
};

Run read_run(Fields& places) {
  Run run{};
  run.count = places.varint();
  const uint64_t width = places.varint();
  run.form.line = places.take(width);
  const size_t size = hex::bytes_of(run.form.line);
  require(run.count > 0 && run.count <= UINT32_MAX && size > 0, "damaged hex: it is of no form that is supported");
  run.size = run.count * size;
  if (hex::has_address(run.form.line)) run.form.address = places.varint();
  if (hex::has_check(run.form.line)) run.form.check = places.byte();
  return run;
}

void check(const std::vector<uint64_t>& sizes, View side, uint64_t size) {
  require_streams("hex", 3, sizes, side, size);
}

Bytes join(std::vector<Bytes>&& streams, View, uint64_t size) { return runs::join("hex", streams, size, read_run); }

}  // namespace

Filter hex_filter() { return {check, runs::memory, join}; }

}  // namespace nncomp::unnnc
