// The kernel for CPUs with AVX2.
#include "simd_avx2.hpp"
#include "simd_mix_x86.hpp"
// after the vectors it is written on
#include "kernel_body.hpp"

namespace nncomp {
const Kernel kernel_avx2 = kernel("avx2");
}
