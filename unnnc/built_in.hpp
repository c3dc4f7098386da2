// Model files inside the program, if it was built with some: CMakeLists.txt writes their source.
#pragma once

#include <vector>

#include "bytes.hpp"

namespace nncomp::unnnc {

extern const std::vector<View> BUILT_IN;

}  // namespace nncomp::unnnc
