// The kernel for every ARM64 CPU.
#include "kernels/neon/products.hpp"
#include "kernels/neon/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_neon;
extern const Kernel kernel_neon = kernel<Neon<LongProducts>, NeonProducts<LongProducts>>("neon", stage_neon);
}  // namespace nncomp
