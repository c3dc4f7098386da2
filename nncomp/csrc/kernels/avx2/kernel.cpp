// The kernel for CPUs with AVX2.
#include "kernels/avx2/wide.hpp"
// have to follow the vectors that they use
#include "kernels/x86/products.hpp"
#include "kernels/x86/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_avx2;
extern const Kernel kernel_avx2 = kernel<X86, X86Products>("avx2", stage_avx2);
}  // namespace nncomp
