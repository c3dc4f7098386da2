// The kernel for CPUs with AVX2.
#include "kernels/avx2/products.hpp"
#include "kernels/avx2/simd.hpp"
#include "kernels/x86/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avx2 = kernel<Avx2, Avx2Products>("avx2");
}
