// What joins streams to content: docs/format.md, section 7. A filter knows nothing of files or of how streams are
// coded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.hpp"

namespace nncomp::unnnc {

struct Filter {
  // Throws FormatError where streams of these sizes cannot be joined to `size` bytes: asked before any is decoded.
  void (*check)(const std::vector<uint64_t>& sizes, View side, uint64_t size);

  // Bytes that `join` needs at most, beside streams of these sizes and the content.
  uint64_t (*memory)(const std::vector<uint64_t>& sizes, View side, uint64_t size);

  // The `size` bytes of content. Streams are those that were checked, and used up. Throws FormatError.
  Bytes (*join)(std::vector<Bytes>&& streams, View side, uint64_t size);
};

extern const Filter FILTERS[];  // by the number that a file holds
extern const int FILTER_COUNT;

// The check of a filter of so many streams, which are together less than the content.
void require_streams(const char* name, size_t count, const std::vector<uint64_t>& sizes, View side, uint64_t size);

// How many bytes the streams that a content of `size` bytes is made of may have beyond it.
uint64_t most_contents(uint64_t size);

// Each in the file of its name.
Filter numbers_filter();
Filter base64_filter();
Filter hex_filter();

}  // namespace nncomp::unnnc
