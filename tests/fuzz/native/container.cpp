// Fuzzes the decoding of whole files, without checksums: frames, blocks, plans, nested filters, copies, embedded
// models.
#include "container.hpp"

#include <algorithm>
#include <optional>

#include "built_in.hpp"
#include "decode.hpp"
#include "harness.hpp"

const std::vector<nncomp::unnnc::View> nncomp::unnnc::BUILT_IN;

namespace fuzz {

constexpr uint64_t LARGEST = 1 << 17;  // bytes of a block's content at most: larger ones only take longer
constexpr char PRIME[] = "the first fox, and the other ones: 1, 22, 333";  // frames of the corpus name it
const auto PRIMED = std::make_shared<const unnnc::Prime>(Bytes(std::begin(PRIME), std::end(PRIME) - 1));
const unnnc::Limits LIMITS{64 << 20, 1, PRIMED};

unnnc::Source source_of(View data) {
  return [data](std::span<uint8_t> to) mutable {
    const size_t count = std::min(to.size(), data.size());
    std::copy_n(data.begin(), count, to.begin());
    data = data.subspan(count);
    return count;
  };
}

// Whether no block is large, as far as blocks can be read.
bool is_small(View data) {
  unnnc::Reader reader(source_of(data), LIMITS.memory);
  try {
    while (reader.frame()) {
      while (const std::optional<unnnc::Block> block = reader.block()) {
        if (block->size > LARGEST) return false;
      }
    }
  } catch (const FormatError&) {
  } catch (const unnnc::Refusal&) {
  }
  return true;
}

// The content up to the end of the file, or to where it is refused.
Bytes decoded(View data, const unnnc::Limits& limits) {
  Bytes content;
  unnnc::Models models({});
  try {
    unnnc::decode(source_of(data), models, limits,
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
