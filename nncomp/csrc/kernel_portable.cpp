// The kernel for any machine.
#include "simd_portable.hpp"
#include "simd_mix_portable.hpp"
// after the vectors it is written on
#include "kernel_body.hpp"

namespace nncomp {
const Kernel kernel_portable = kernel("portable");
}
