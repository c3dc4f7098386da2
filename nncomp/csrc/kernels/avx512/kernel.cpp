// The kernel for CPUs with AVX-512 and VNNI.
#include "kernels/avx512/products.hpp"
#include "kernels/avx512/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_avx512;
extern const Kernel kernel_avx512 = kernel<Avx512, Avx512Products>("avx512", stage_avx512, 144);
}  // namespace nncomp
