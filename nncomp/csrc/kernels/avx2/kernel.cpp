// The kernel for CPUs with AVX2.
#include "kernels/avx2/wide.hpp"
// after the vectors that they are written on
#include "kernels/x86/products.hpp"
#include "kernels/x86/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avx2 = kernel<X86, X86Products>("avx2");
}
