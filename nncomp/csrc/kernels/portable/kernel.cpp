// The kernel for any machine.
#include "kernels/portable/simd.hpp"
#include "kernels/portable/simd_mix.hpp"
// has to follow the vectors that it uses
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_portable = kernel<Portable>("portable");
}
