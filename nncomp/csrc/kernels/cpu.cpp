#include "kernels/cpu.hpp"

#include <string_view>

#if defined(NNCOMP_X86)
#include <cpuid.h>
#endif

namespace nncomp {
namespace {

struct Feature {
  std::string_view name;
  bool (*has)();
};

#if defined(NNCOMP_X86)
// AVX-VNNI is in leaf 7, subleaf 1, which compilers' own checks do not all know.
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

const Feature FEATURES[] = {
    {"avx2", [] { return bool(__builtin_cpu_supports("avx2")); }},
    {"avxvnni", has_avxvnni},
    {"avx512f", [] { return bool(__builtin_cpu_supports("avx512f")); }},
    {"avx512bw", [] { return bool(__builtin_cpu_supports("avx512bw")); }},
    {"avx512dq", [] { return bool(__builtin_cpu_supports("avx512dq")); }},
    {"avx512vl", [] { return bool(__builtin_cpu_supports("avx512vl")); }},
    {"avx512vnni", [] { return bool(__builtin_cpu_supports("avx512vnni")); }},
};
#else
const Feature FEATURES[] = {{"none", [] { return false; }}};
#endif

}  // namespace

bool cpu_has(const char* feature) {
  for (const Feature& f : FEATURES) {
    if (f.name == feature) return f.has();
  }
  return false;
}

}  // namespace nncomp
