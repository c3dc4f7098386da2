// Which kernels this build has and this CPU can run.
#include <cstring>

#include "kernels/kernel.hpp"

#if defined(NNCOMP_X86)
#include <cpuid.h>
#endif

namespace nncomp {
namespace {

#if defined(NNCOMP_X86)
// AVX-VNNI is in leaf 7, subleaf 1, which compilers' own checks do not all know.
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

struct Entry {
  const Kernel& kernel;
  bool (*runs)();
};
// Fastest first.
const Entry entries[] = {
#if defined(NNCOMP_X86)
    {kernel_avx512, has_avx512},
    {kernel_avxvnni, has_avxvnni},
    {kernel_avx2, [] { return bool(__builtin_cpu_supports("avx2")); }},
#endif
    {kernel_portable, [] { return true; }},
};

}  // namespace

const Kernel* find_kernel(const char* name) {
  for (const Entry& entry : entries) {
    if ((strcmp(name, "auto") == 0 || strcmp(name, entry.kernel.name) == 0) && entry.runs()) {
      return &entry.kernel;
    }
  }
  return nullptr;
}

}  // namespace nncomp
