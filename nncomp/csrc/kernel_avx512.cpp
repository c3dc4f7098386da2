// The kernel for CPUs with AVX-512 and VNNI.
#include "simd_avx512.hpp"
#include "simd_mix_x86.hpp"
// after the vectors it is written on
#include "kernel_body.hpp"

namespace nncomp {
const Kernel kernel_avx512 = kernel("avx512");
}
