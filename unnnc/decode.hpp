// Decodes a file to its content: docs/format.md, sections 6 and 9.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bytes.hpp"
#include "container.hpp"
#include "models.hpp"
#include "prime.hpp"

namespace nncomp::unnnc {

struct Limits {
  uint64_t memory = uint64_t(1) << 30;  // bytes that decoding may take at most
  int threads = 1;                      // 1 or more; the content does not depend on it
  std::shared_ptr<const Prime> prime = nullptr;  // for primed frames; null: these are refused
};

// Decodes all frames of `source` and calls `sink` with the content of each block, in order, once its checksums match.
// Returns once the last check matches and the file ends there. Throws FormatError, Refusal, and what source and sink
// throw; blocks before the error have been handed out by then.
void decode(Source source, Models& models, const Limits& limits, const std::function<void(View)>& sink);

}  // namespace nncomp::unnnc
