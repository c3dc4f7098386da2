// The kernel for CPUs with SSE4.1.
#include "kernels/sse41/wide.hpp"
// have to follow the vectors that they use
#include "kernels/x86/products.hpp"
#include "kernels/x86/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_sse41;
extern const Kernel kernel_sse41 = kernel<X86, X86Products>("sse41", stage_sse41);
}  // namespace nncomp
