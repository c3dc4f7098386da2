// Frames and their blocks, as a file holds them: docs/format.md, sections 2 to 4 and 8. A file is read front to back;
// what is handed out has been confirmed by its check. What a plan and a payload say is not known here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "bytes.hpp"

namespace nncomp::unnnc {

constexpr uint64_t LEAD_SIZE = 1 << 16;  // bytes of a block's lead

// Fills what it is given with the next bytes of the file and returns how many: fewer only at the end.
using Source = std::function<size_t(std::span<uint8_t>)>;

using Id = std::array<uint8_t, 16>;

// What holds for a whole frame.
struct Header {
  uint64_t block_size;  // no block has more content
  uint64_t lanes;       // of so many bytes where the network codes them
  int arithmetic;       // version of docs/numerics.md
  int profile;          // nncomp::Profile of the adaptive stage
  uint64_t reach;       // bytes of literals that blocks may copy from; 0: each stands alone
  Bytes prime;          // digest of what blocks are primed with, or its beginning; empty: nothing
  bool small;           // whether it is a small frame

  // Lanes of a stream of `size` bytes that the network codes.
  int lanes_of(uint64_t size) const;
};

// Which model a frame's network blocks need.
struct ModelRef {
  Bytes id;          // of a small frame its beginning
  std::string name;  // empty of a small frame
  std::optional<Bytes> packed;  // the model itself, where it is embedded
};

struct Block {
  uint64_t size;   // bytes of content
  bool network;    // whether it needs the frame's model
  std::optional<ModelRef> model;  // that of the frame, in its first network block
  Bytes plan;
  Bytes payload;
  uint32_t lead_checksum;  // CRC-32 of the content's lead; 0 where there is no more than that
  uint32_t content_checksum;
  struct Before {
    uint32_t crc;
    uint64_t size;
  };
  std::optional<Before> before;  // of a small frame: what is before its check, which the checksum is

  // Whether that is what the checksums are of.
  bool matches(View content) const;
};

// Raises FormatError for what no encoder writes, and Refusal before more than `memory_limit` bytes would be held.
class Reader {
 public:
  Reader(Source source, uint64_t memory_limit) : source_(std::move(source)), memory_limit_(memory_limit) {}

  // The next frame's head, once the blocks before it have been read; none at the end of the file.
  std::optional<Header> frame();

  // The frame's next block; none where the frame ends, once its index is confirmed.
  std::optional<Block> block();

 private:
  size_t read(std::span<uint8_t> to);
  Bytes take(uint64_t size);
  uint8_t byte();
  uint64_t varint();
  uint32_t uint32();
  void check();
  ModelRef model();
  Header small_frame();
  Header usual_frame();
  Block small_block();
  Bytes plan();
  void end();

  Source source_;
  uint64_t memory_limit_;
  bool first_ = true;      // no frame has been read yet
  uint64_t position_ = 0;  // in the file
  uint64_t start_ = 0;     // of the frame
  int form_ = 0;           // of a small frame's block
  uint32_t crc_ = 0;       // of what the next check covers, as far as it has been read
  Header header_{};
  bool has_network_ = false;  // whether the frame had a network block
  uint64_t count_ = 0;        // of its blocks
  Bytes entries_;             // of its index, as they have to be
};

// "12.5 MiB", and a refusal to use so much memory.
[[noreturn]] void refuse_memory(const std::string& what, uint64_t need, uint64_t limit);

}  // namespace nncomp::unnnc
