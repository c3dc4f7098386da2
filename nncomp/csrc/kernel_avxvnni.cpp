// The kernel for CPUs with AVX2 and AVX-VNNI: the flags it is compiled with make the difference.
#include "simd_avx2.hpp"
#include "simd_mix_x86.hpp"
// after the vectors it is written on
#include "kernel_body.hpp"

namespace nncomp {
const Kernel kernel_avxvnni = kernel("avxvnni");
}
