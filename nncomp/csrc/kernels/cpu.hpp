// Which features this CPU has.
#pragma once

namespace nncomp {

// Whether the CPU has a feature, and the operating system saves the registers that it uses. Its name is that of
// compilers' flags -m and -march. False for a name that has no row in cpu.cpp.
bool cpu_has(const char* feature);

}  // namespace nncomp
