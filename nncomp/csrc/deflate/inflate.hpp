// Takes a deflate stream apart: RFC 1951, strictly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "deflate/format.hpp"

namespace nncomp::deflate {

struct Limits {
  uint64_t plain = 0;         // bytes of content of a stream
  uint32_t block_tokens = 0;  // of a block
  uint32_t blocks = 0;
};

// The stream that begins with `bytes` and ends anywhere in them. None where there is no such stream, it is over a
// limit, or it holds what redoing has no means for: a length of 258 that is written as 227 + 31. `tried` becomes the
// bytes of content that were found, in either case.
std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried);

// Whether a dynamic block begins with `bytes`, 16 at least: its codes are complete. Fast where none does.
bool begins_dynamic(std::span<const uint8_t> bytes);

}  // namespace nncomp::deflate
