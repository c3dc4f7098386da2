// The kernel for CPUs with AVX2 and AVX-VNNI.
#include "kernels/avx2/wide.hpp"
// has to follow the vectors that it uses
#include "kernels/avxvnni/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_avx2;
extern const Kernel kernel_avxvnni = kernel<AvxVnni>("avxvnni", stage_avx2, 200);
}  // namespace nncomp
