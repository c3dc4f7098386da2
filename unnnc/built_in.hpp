// The model files that the program was built with, if any. CMakeLists.txt generates the source.
#pragma once

#include <vector>

#include "bytes.hpp"

namespace nncomp::unnnc {

extern const std::vector<View> BUILT_IN;

}  // namespace nncomp::unnnc
