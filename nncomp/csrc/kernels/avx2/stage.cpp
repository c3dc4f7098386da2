// The adaptive stage for CPUs with AVX2.
#include "kernels/avx2/wide.hpp"
// has to follow the vectors that it uses
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/stage_body.hpp"

namespace nncomp {
extern const StageKernel stage_avx2 = stage_kernel();
}
