// The kernel for CPUs with AVX2 and AVX-VNNI: the flags it is compiled with make the difference.
#include "kernels/avx2/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avxvnni = kernel("avxvnni");
}
