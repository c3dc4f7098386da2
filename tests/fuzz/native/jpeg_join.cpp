// Fuzzes jpeg::join: damaged parts give as many bytes as asked for, the same ones with every kernel, or are refused.
#include "harness.hpp"
#include "jpeg/split.hpp"

namespace fuzz {

constexpr uint64_t MOST = 1 << 12;  // blocks of coefficients at most

void check(View data) {
  const std::vector<View> parts = parts_of(data, 3);
  Numbers numbers(parts[0]);
  const size_t size = numbers.below(1 << 16);
  const uint64_t blocks = numbers.below(MOST + 1);
  const Kernel& kernel = kernel_of(numbers);
  const Bytes joined = jpeg::join(kernel, parts[1], parts[2], size, blocks, MOST);
  expect(joined.size() == size, "joined to another size");
  expect(jpeg::join(*find_kernel("auto"), parts[1], parts[2], size, blocks, MOST) == joined, "kernels differ");
}

}  // namespace fuzz
