// The kernel for CPUs that have the tiles of AMX beside AVX-512.
#include "kernels/amx/products.hpp"
#include "kernels/avx512/simd.hpp"
// has to follow the header where GCC is told not to warn of intrinsics
#include "kernels/avx2/wide.hpp"
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_amx = kernel<Avx512, AmxProducts>("amx", 144);
}
