// What this CPU has.
#pragma once

namespace nncomp {

// Whether the CPU has the feature, by the name that compilers' -m or -march flags give it, and the system keeps its
// registers.
// False for a name that has no row in cpu.cpp.
bool cpu_has(const char* feature);

}  // namespace nncomp
