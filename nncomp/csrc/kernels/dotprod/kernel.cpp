// The kernel for ARM64 CPUs with dot products of signed bytes.
#include "kernels/dotprod/products.hpp"
#include "kernels/neon/products.hpp"
#include "kernels/neon/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_neon;
extern const Kernel kernel_dotprod =
    kernel<Neon<SignedDotProducts>, NeonProducts<SignedDotProducts>>("dotprod", stage_neon);
}  // namespace nncomp
