// Splits cases into parts, and mutates and crosses them for libFuzzer.
#include <algorithm>
#include <random>

#include "harness.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace fuzz {
namespace {

constexpr size_t HEAD = 2;  // bytes of a part's size
constexpr size_t MAX_PART = (1 << 8 * HEAD) - 1;

std::vector<Bytes> copied(View data) {
  std::vector<Bytes> parts;
  for (const View part : parts_of(data, 1)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

size_t packed_size(const std::vector<Bytes>& parts) {
  size_t size = 0;
  for (const Bytes& part : parts) size += HEAD + part.size();
  return size;
}

// Writes parts to `out` and returns the number of bytes; what is beyond `most` bytes is left out.
size_t pack(const std::vector<Bytes>& parts, uint8_t* out, size_t most) {
  size_t at = 0;
  for (const Bytes& part : parts) {
    if (most - at < HEAD) break;
    const size_t size = std::min({part.size(), most - at - HEAD, MAX_PART});
    out[at] = uint8_t(size);
    out[at + 1] = uint8_t(size >> 8);
    std::copy_n(part.begin(), size, out + at + HEAD);
    at += HEAD + size;
  }
  return at;
}

}  // namespace

std::vector<View> parts_of(View data, size_t least) {
  std::vector<View> parts;
  while (data.size() >= HEAD) {
    const size_t size = std::min<size_t>(data[0] | data[1] << 8, data.size() - HEAD);
    parts.push_back(data.subspan(HEAD, size));
    data = data.subspan(HEAD + size);
  }
  parts.resize(std::max(parts.size(), least));
  return parts;
}

}  // namespace fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::minstd_rand draw(seed);
  std::vector<fuzz::Bytes> parts = fuzz::copied({data, size});
  const auto some = parts.begin() + ptrdiff_t(draw() % parts.size());
  switch (draw() % 32) {
    case 0: parts.erase(some); break;
    case 1: parts.push_back(fuzz::Bytes(*some)); break;
    default: {
      const size_t taken = fuzz::packed_size(parts), old = some->size();
      some->resize(old + (max_size > taken ? max_size - taken : 0));
      some->resize(some->empty() ? 0 : LLVMFuzzerMutate(some->data(), old, some->size()));
    }
  }
  return fuzz::pack(parts, data, max_size);
}

// The first case with one part of the second.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size, const uint8_t* second,
                                            size_t second_size, uint8_t* out, size_t most, unsigned seed) {
  std::minstd_rand draw(seed);
  std::vector<fuzz::Bytes> parts = fuzz::copied({first, first_size}), others = fuzz::copied({second, second_size});
  const size_t which = draw() % std::min(parts.size(), others.size());
  parts[which].swap(others[which]);
  return fuzz::pack(parts, out, most);
}
