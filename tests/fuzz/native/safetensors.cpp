// Fuzzes model files: a damaged header, and tensors that repeat a few bytes. The file is refused, or id and network
// can be made.
#include "harness.hpp"
#include "model.hpp"

namespace fuzz {

constexpr size_t VALUES = 1 << 17;  // bytes of tensors: more than a small model has

void check(View data) {
  const std::vector<View> parts = parts_of(data, 2);
  const View header = parts[0], pattern = parts[1];
  Bytes file;
  for (int i = 0; i < 8; ++i) file.push_back(uint8_t(uint64_t(header.size()) >> 8 * i));
  file.insert(file.end(), header.begin(), header.end());
  file.resize(file.size() + VALUES);
  if (!pattern.empty()) {
    for (size_t i = 0; i < VALUES; ++i) file[8 + header.size() + i] = pattern[i % pattern.size()];
  }
  const unnnc::Model model = unnnc::ModelFile(file).read();
  model.id();
  model.network(*find_kernel("auto"));
}

}  // namespace fuzz
