// The kernel for any machine.
#include "kernels/portable/simd.hpp"
#include "kernels/portable/simd_mix.hpp"
// after the vectors it is written on
#include "kernels/body.hpp"

namespace nncomp {
extern const Kernel kernel_portable = kernel<Portable>("portable");
}
