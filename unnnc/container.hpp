// Reads frames and blocks, front to back: docs/format.md, sections 2 to 4 and 8. A block is handed out once its check
// matches; of a small frame, only Block::matches can tell. Plans and payloads are not interpreted here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "blake2b.hpp"
#include "bytes.hpp"

namespace nncomp::unnnc {

constexpr uint64_t LEAD_SIZE = 1 << 16;  // bytes of a block's lead

// Fills the span with the next bytes of the file and returns its size, or at the end of the file how many there were.
using Source = std::function<size_t(std::span<uint8_t>)>;

using Id = std::array<uint8_t, 16>;

// The parameters of a frame.
struct Header {
  uint64_t block_size;  // most bytes of content of a block; a power of two, 2^10 … 2^26
  uint64_t lanes;       // lanes of a stream of so many bytes that the network codes; a power of two, 1 … 128
  int arithmetic;       // version of docs/numerics.md, 1 … 15
  int profile;          // nncomp::Profile of the adaptive stage
  uint64_t reach;       // bytes of literals that blocks may copy from; 0: they copy nothing
  Bytes prime;          // digest of the prime, of a small frame its first bytes; empty: not primed
  bool small;           // whether it is a small frame

  // Number of lanes of a stream of `size` bytes that the network codes, 1 … 128.
  int lanes_of(uint64_t size) const;
};

// The model that a frame's network blocks need.
struct ModelRef {
  Bytes id;          // 16 bytes; in a small frame the first 4 of them
  std::string name;  // for people; empty in a small frame
  std::optional<Bytes> packed;  // the model itself, if it is embedded
};

// A block as it is stored.
struct Block {
  uint64_t size;   // bytes of content, 1 … block_size
  bool network;    // whether it needs the frame's model
  std::optional<ModelRef> model;  // only of the frame's first network block
  Bytes plan;
  Bytes payload;
  uint32_t lead_checksum;     // CRC-32 of the content's lead; 0 if the content is not longer
  uint32_t content_checksum;  // CRC-32 of the content; of a small frame its check, which also covers `before`
  struct Before {
    uint32_t crc;
    uint64_t size;
  };
  std::optional<Before> before;  // only of a small frame: CRC-32 and size of its bytes before the check

  // Whether `content` has the block's size and checksums.
  bool matches(View content) const;
};

// Reads a file: frame(), then block() until there is none, then frame() again. Throws FormatError, and Refusal before
// it would hold more than `memory_limit` bytes.
class Reader {
 public:
  Reader(Source source, uint64_t memory_limit) : source_(std::move(source)), memory_limit_(memory_limit) {}

  // Reads the next frame's header; none at the end of the file.
  std::optional<Header> frame();

  // Reads the frame's next block; none at the end of the frame, after its index and last check.
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
  uint64_t position_ = 0;  // bytes of the file that have been read
  uint64_t start_ = 0;     // where the frame begins
  int form_ = 0;           // a Form, of a small frame's block
  uint32_t crc_ = 0;       // CRC-32 of the bytes read since the last check, that one included
  Header header_{};
  bool has_network_ = false;  // whether the frame had a network block so far
  uint64_t count_ = 0;        // blocks of the frame so far
  uint64_t index_size_ = 0;   // bytes of the index entries that these blocks require
  Blake2b index_;             // their digest: there may be more of them than there is memory
};

// Throws a Refusal that says that `what` needs `need` bytes of memory.
[[noreturn]] void refuse_memory(const std::string& what, uint64_t need, uint64_t limit);

}  // namespace nncomp::unnnc
