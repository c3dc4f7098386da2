// From a file to its content: docs/format.md, sections 6 and 9.
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
  uint64_t memory = uint64_t(1) << 30;  // bytes that decoding may take
  int threads = 1;                      // for speed alone
  std::shared_ptr<const Prime> prime = nullptr;  // for frames that name it
};

// Hands the content of all frames of `source` to `sink`, a block at a time, once it is confirmed. Returns when the last
// check has been, and the end of the file been found. Throws FormatError, Refusal, and what source and sink throw.
void decode(Source source, Models& models, const Limits& limits, const std::function<void(View)>& sink);

}  // namespace nncomp::unnnc
