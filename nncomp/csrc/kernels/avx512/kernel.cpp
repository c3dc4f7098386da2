// The kernel for CPUs with AVX-512 and VNNI.
#include "kernels/avx512/products.hpp"
#include "kernels/avx512/simd.hpp"
// has to follow the header where GCC is told not to warn of intrinsics
#include "kernels/avx2/wide.hpp"
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_avx512 = kernel<Avx512, Avx512Products>("avx512", 144);
}
