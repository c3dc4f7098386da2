// The kernel for CPUs with AVX2 and AVX-VNNI.
#include "kernels/avx2/wide.hpp"
// after the vectors that they are written on
#include "kernels/avxvnni/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avxvnni = kernel<AvxVnni>("avxvnni", 200);
}
