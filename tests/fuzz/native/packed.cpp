// Fuzzes packed models, and payloads coded with them: a model is refused, or all kernels agree about it.
#include "model.hpp"

#include <memory>

#include "payload.hpp"

namespace fuzz {

constexpr uint64_t MEMORY = 16 << 20;  // bytes of memory that a model may take

// The model of the previous case: most cases have the same.
struct Kept {
  Bytes data;
  std::unique_ptr<const Network> fast, plain;
};

// Reads the model in `data`, unless `kept` is the same. Throws FormatError and Refusal.
void read(View data, Kept& kept) {
  if (kept.fast && std::ranges::equal(kept.data, data)) return;
  kept = {};
  if (data.empty() || unnnc::base_of(data)) throw FormatError("a change of a model that is not there");
  const unnnc::Model model = unnnc::unpack(data, nullptr, MEMORY);
  model.id();
  kept.plain = model.network(*find_kernel("portable"));
  kept.fast = model.network(*find_kernel("auto"));
  kept.data.assign(data.begin(), data.end());
}

void check(View data) {
  const std::vector<View> parts = parts_of(data, 3);
  Numbers numbers(parts[0]);
  const size_t size = numbers.below(64), lanes = std::min<size_t>(parts.size() - 2, 4);
  const Mixing mixing = mixing_of(numbers);
  static Kept kept;
  try {
    read(parts[1], kept);
  } catch (const unnnc::Refusal&) {
    return;
  }
  check_payloads({kept.fast.get(), mixing, &kept.fast->kernel()}, {kept.plain.get(), mixing, &kept.plain->kernel()},
                 {parts.begin() + 2, parts.begin() + 2 + ptrdiff_t(lanes)}, size);
}

}  // namespace fuzz
