// The adaptive stage for CPUs with AVX-512, with vectors of AVX2.
#include "kernels/avx512/simd.hpp"
// has to follow the header where GCC is told not to warn of intrinsics
#include "kernels/avx2/wide.hpp"
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/stage_body.hpp"

namespace nncomp {
extern const StageKernel stage_avx512 = stage_kernel();
}
