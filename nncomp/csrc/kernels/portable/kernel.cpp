// The kernel for any machine.
#include "kernels/portable/simd.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const StageKernel stage_portable;
extern const Kernel kernel_portable = kernel<Portable>("portable", stage_portable);
}  // namespace nncomp
