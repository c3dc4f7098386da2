// The adaptive stage for any machine.
#include "kernels/portable/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/stage_body.hpp"

namespace nncomp {
extern const StageKernel stage_portable = stage_kernel();
}
