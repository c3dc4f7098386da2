// The adaptive stage for CPUs with SSE4.1.
#include "kernels/sse41/wide.hpp"
// has to follow the vectors that it uses
#include "kernels/x86/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/stage_body.hpp"

namespace nncomp {
extern const StageKernel stage_sse41 = stage_kernel();
}
