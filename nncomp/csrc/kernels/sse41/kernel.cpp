// The kernel for CPUs with SSE4.1.
#include "kernels/sse41/wide.hpp"
// after the vectors that they are written on
#include "kernels/x86/products.hpp"
#include "kernels/x86/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_sse41 = kernel<X86, X86Products>("sse41");
}
