// Asks the processor, and the operating system, for each feature that register.cmake names.
#include "kernels/cpu.hpp"

#include <cstdint>
#include <string_view>

#include "compiler.hpp"

#if defined(NNCOMP_X86) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(NNCOMP_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(NNCOMP_ARM64) && defined(__APPLE__)
#include <sys/sysctl.h>

#include <cstddef>
#elif defined(NNCOMP_ARM64) && defined(_WIN32)
#include <windows.h>
#endif

namespace nncomp {
namespace {

struct Feature {
  std::string_view name;
  bool (*has)();
};

#if defined(NNCOMP_X86)
// From the instruction CPUID, not __builtin_cpu_supports: MSVC lacks that, and no compiler's knows every feature.
struct Registers {
  uint32_t a, b, c, d;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
#if defined(_MSC_VER) && !defined(__clang__)
  int r[4];
  __cpuidex(r, int(leaf), int(subleaf));
  return {uint32_t(r[0]), uint32_t(r[1]), uint32_t(r[2]), uint32_t(r[3])};
#else
  Registers r;
  asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
  return r;
#endif
}

// XCR0: a bit for each kind of registers that the system saves. Only where bit 27 of leaf 1 says that it can be read.
uint32_t xcr0() {
#if defined(_MSC_VER) && !defined(__clang__)
  return uint32_t(_xgetbv(0));
#else
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
#endif
}

// Asks Linux for leave to use tiles, for this process and those that it forks, and returns whether it is given. On
// other systems tiles are not used.
bool may_use_tiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr int ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
#else
  return false;
#endif
}

struct Cpu {
  Registers basic{}, extended{}, more{};  // CPUID leaf 1, and subleaves 0 and 1 of leaf 7
  bool keeps_ymm = false, keeps_zmm = false, keeps_tiles = false;  // which registers the system saves

  Cpu() {
    basic = cpuid(1, 0);
    if (cpuid(0, 0).a < 7 || !(basic.c >> 27 & 1)) return;
    extended = cpuid(7, 0);
    if (extended.a >= 1) more = cpuid(7, 1);
    const uint32_t kept = xcr0();
    keeps_ymm = (kept & 0x06) == 0x06;  // xmm, and the upper halves of ymm
#if defined(__APPLE__)
    keeps_zmm = keeps_ymm;  // macOS saves them from a thread's first use of them on
#else
    keeps_zmm = (kept & 0xE6) == 0xE6;  // these, masks, and both parts of zmm
#endif
    const bool has_tiles = (extended.d >> 24 & 1) != 0;
    keeps_tiles = has_tiles && (kept & 0x60000) == 0x60000 && may_use_tiles();  // their shapes and data
  }
};

const Cpu& cpu() {
  static const Cpu cpu;
  return cpu;
}

const Feature FEATURES[] = {
    {"sse4.1", [] { return (cpu().basic.c >> 19 & 1) != 0; }},
    {"avx2", [] { return cpu().keeps_ymm && cpu().extended.b >> 5 & 1; }},
    {"avxvnni", [] { return cpu().keeps_ymm && cpu().more.a >> 4 & 1; }},
    {"avx512f", [] { return cpu().keeps_zmm && cpu().extended.b >> 16 & 1; }},
    {"avx512bw", [] { return cpu().keeps_zmm && cpu().extended.b >> 30 & 1; }},
    {"avx512dq", [] { return cpu().keeps_zmm && cpu().extended.b >> 17 & 1; }},
    {"avx512vl", [] { return cpu().keeps_zmm && cpu().extended.b >> 31 & 1; }},
    {"avx512vnni", [] { return cpu().keeps_zmm && cpu().extended.c >> 11 & 1; }},
    {"amx-tile", [] { return cpu().keeps_tiles; }},
    {"amx-int8", [] { return cpu().keeps_tiles && cpu().extended.d >> 25 & 1; }},
};
#elif defined(NNCOMP_ARM64) && defined(__linux__)
const Feature FEATURES[] = {
    {"dotprod", [] { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }},  // HWCAP_ASIMDDP
};
#elif defined(NNCOMP_ARM64) && defined(__APPLE__)
bool says_yes(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

const Feature FEATURES[] = {
    {"dotprod", [] { return says_yes("hw.optional.arm.FEAT_DotProd"); }},
};
#elif defined(NNCOMP_ARM64) && defined(_WIN32)
const Feature FEATURES[] = {
    {"dotprod", [] { return IsProcessorFeaturePresent(43) != 0; }},  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
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
