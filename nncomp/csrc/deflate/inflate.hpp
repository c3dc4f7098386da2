// Takes a deflate stream apart: RFC 1951, strictly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deflate/format.hpp"

namespace nncomp::deflate {

struct Limits {
  uint64_t plain = 0;         // bytes of content of a stream
  uint32_t block_tokens = 0;  // of a block
  uint32_t blocks = 0;
};

// Where one stands in a stream at the end of some bytes, if it goes on behind them.
struct Inside {
  std::vector<uint8_t> window;   // the content's last bytes, MAX_DISTANCE at most
  std::vector<uint8_t> pending;  // the bytes from the one in which begins what is not there entirely
  uint8_t offset = 0;            // bits of the first of them that come before
  bool in_block = false;         // else a block's header is next
  Block block;                   // and how many tokens it has had
};

// The stream that begins with `bytes` and ends anywhere in them. If it ends behind them, or is over the limit of its
// content, what there is of it, which may be nothing. None where there is no such stream, it is over another limit, or
// it holds what redoing has no means for: a length of 258 that is written as 227 + 31. `tried` becomes the bytes of
// content that were found, in any case.
std::optional<Stream> take_apart(std::span<const uint8_t> bytes, const Limits& limits, uint64_t& tried);

// The same for the rest of a stream inside of which `data` begins: behind its first match in `data`. `start` becomes
// the place of that.
std::optional<Stream> take_up(std::span<const uint8_t> data, const Inside& inside, const Limits& limits, size_t& start);

// Where a stream ends that begins with `bytes`, or inside of which they begin, in front of them or behind.
struct Followed {
  size_t end = 0;                // if it does not go on
  std::optional<Inside> inside;  // if it goes on
};
std::optional<Followed> follow(std::span<const uint8_t> bytes, const Inside* inside, uint64_t& tried);

// Whether a dynamic block begins with `bytes`, 16 at least: its codes are complete. Fast where none does.
bool begins_dynamic(std::span<const uint8_t> bytes);

}  // namespace nncomp::deflate
