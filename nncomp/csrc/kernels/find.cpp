// The kernels of this build, from register.cmake, and which of them this CPU can run.
#include <algorithm>
#include <string_view>

#include "kernels/cpu.hpp"
#include "kernels/kernel.hpp"

namespace nncomp {

#define KERNEL(name, ...) extern const Kernel kernel_##name;
#include <kernels/register.inc>  // CMakeLists.txt writes it
#undef KERNEL

namespace {

struct Entry {
  const Kernel& kernel;
  std::vector<const char*> features;

  bool runs() const { return std::all_of(features.begin(), features.end(), cpu_has); }
};

const std::vector<Entry>& entries() {  // fastest first
  static const std::vector<Entry> all = {
#define KERNEL(name, ...) {kernel_##name, {__VA_ARGS__}},
#include <kernels/register.inc>  // CMakeLists.txt writes it
#undef KERNEL
  };
  return all;
}

}  // namespace

std::vector<KernelName> kernels() {
  std::vector<KernelName> names;
  for (const Entry& entry : entries()) names.push_back({entry.kernel.name, entry.runs()});
  return names;
}

const Kernel* find_kernel(std::string_view name) {
  for (const Entry& entry : entries()) {
    if ((name == "auto" || name == entry.kernel.name) && entry.runs()) return &entry.kernel;
  }
  return nullptr;
}

}  // namespace nncomp
