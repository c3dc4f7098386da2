// The kernel for CPUs with AVX2 and AVX-VNNI.
#include "kernels/avx2/wide.hpp"
// have to follow the vectors that they use
#include "kernels/avxvnni/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avxvnni = kernel<AvxVnni>("avxvnni", 200);
}
