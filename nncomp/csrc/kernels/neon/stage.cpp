// The adaptive stage for every ARM64 CPU.
#include "kernels/neon/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/stage_body.hpp"

namespace nncomp {
extern const StageKernel stage_neon = stage_kernel();
}
