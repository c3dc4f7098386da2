// Filters, the decoder's half: they join streams to content (docs/format.md, section 7). A filter knows nothing of
// files or of how streams are coded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.hpp"

namespace nncomp::unnnc {

constexpr uint64_t MAX_STREAM_SIZE = uint64_t(1) << 28;  // bytes of all streams of a block

struct Filter {
  // Throws FormatError if streams of these sizes cannot be joined to `size` bytes. Called before any is decoded, so
  // that a few bytes cannot ask for much work.
  void (*check)(const std::vector<uint64_t>& sizes, View side, uint64_t size);

  // Upper bound in bytes of what `join` needs beside the streams and the content.
  uint64_t (*memory)(const std::vector<uint64_t>& sizes, View side, uint64_t size);

  // Returns the `size` bytes of content. The streams have passed `check`; they may be overwritten. Throws FormatError.
  Bytes (*join)(std::vector<Bytes>&& streams, View side, uint64_t size);
};

extern const Filter FILTERS[];  // the index is the filter's number in files
extern const int FILTER_COUNT;

// The check of a filter without a side that has `count` streams, together smaller than the content.
void require_streams(const char* name, size_t count, const std::vector<uint64_t>& sizes, View side, uint64_t size);

// Limit of the bytes that streams may have beyond the `size` bytes of content that they are joined to.
uint64_t most_contents(uint64_t size);

// The filters that have files of their own.
Filter numbers_filter();
Filter base64_filter();
Filter hex_filter();

}  // namespace nncomp::unnnc
