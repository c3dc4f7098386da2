// The kernel for CPUs that have the tiles of AMX beside AVX-512.
#include "kernels/amx/products.hpp"
#include "kernels/avx512/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_avx512;
extern const Kernel kernel_amx = kernel<Avx512, AmxProducts>("amx", stage_avx512, 144);
}  // namespace nncomp
