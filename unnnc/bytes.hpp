// What all of unnnc shares: names for bytes, errors, and a reader of fields.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coder/error.hpp"
#include "varint.hpp"

namespace nncomp::unnnc {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

// An error that is not the file's fault: too little memory, a missing model, a file name. A malformed file is a
// FormatError instead. The text is for the user.
class Refusal : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Whether checksums and ids have to match. Not for a fuzzer, whose changes would hardly ever get past them.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr bool CHECKED = false;
#else
constexpr bool CHECKED = true;
#endif

inline void require(bool condition, const std::string& message) {
  if (!condition) throw FormatError(message);
}

// Reads fields from the front of `data`.
class Fields {
 public:
  // `too_short` is the text of the FormatError for reading beyond the end.
  Fields(View data, std::string too_short) : left_(data), too_short_(std::move(too_short)) {}

  View take(uint64_t size) {
    require(size <= left_.size(), too_short_);
    const View taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }

  uint8_t byte() { return take(1)[0]; }

  uint64_t varint() {
    return read_varint([this] { return byte(); });
  }

  uint64_t left() const { return left_.size(); }
  bool empty() const { return left_.empty(); }

 private:
  View left_;
  std::string too_short_;
};

}  // namespace nncomp::unnnc
