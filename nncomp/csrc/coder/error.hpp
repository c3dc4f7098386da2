#pragma once

#include <stdexcept>

namespace nncomp {

// A payload that no encoder wrote. The text is for the user.
class FormatError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nncomp
