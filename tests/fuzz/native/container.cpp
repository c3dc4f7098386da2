// Fuzzes the decoding of whole files, without checksums: frames, blocks, plans, nested filters, copies, embedded
// models.
#include "container.hpp"

#include <algorithm>

#include "built_in.hpp"
#include "decode.hpp"
#include "harness.hpp"

const std::vector<nncomp::unnnc::View> nncomp::unnnc::BUILT_IN;

namespace fuzz {

constexpr uint8_t MAGIC[] = {0x89, 'N', 'N', 'C', '\r', '\n'};
constexpr size_t GEOMETRY = 7;  // the byte of a frame's head that has its block size
constexpr int LARGEST = 4;      // code of the largest block size, 16 KiB: larger blocks only take longer
constexpr char PRIME[] = "the first fox, and the other ones: 1, 22, 333";  // frames of the corpus name it
const auto PRIMED = std::make_shared<const unnnc::Prime>(Bytes(std::begin(PRIME), std::end(PRIME) - 1));
const unnnc::Limits LIMITS{64 << 20, 1, PRIMED};

// Whether no frame has large blocks, as far as its magic can be found.
bool is_small(View data) {
  for (auto at = data.begin();; ++at) {
    at = std::search(at, data.end(), std::begin(MAGIC), std::end(MAGIC));
    if (data.end() - at <= ptrdiff_t(GEOMETRY)) return true;
    if ((at[GEOMETRY] & 31) > LARGEST) return false;
  }
}

// The content up to the end of the file, or to where it is refused.
Bytes decoded(View data, const unnnc::Limits& limits) {
  Bytes content;
  unnnc::Models models({});
  const unnnc::Source source = [&](std::span<uint8_t> to) {
    const size_t count = std::min(to.size(), data.size());
    std::copy_n(data.begin(), count, to.begin());
    data = data.subspan(count);
    return count;
  };
  try {
    unnnc::decode(source, models, limits,
                  [&](View block) { content.insert(content.end(), block.begin(), block.end()); });
  } catch (const FormatError&) {
  } catch (const unnnc::Refusal&) {
  }
  return content;
}

void check(View data) {
  if (!is_small(data)) return;
  const Bytes content = decoded(data, LIMITS);
  if (data.size() % 8 != 0) return;  // only some cases, because starting threads is slow
  expect(decoded(data, {LIMITS.memory, 3, PRIMED}) == content, "threads differ");
}

}  // namespace fuzz
