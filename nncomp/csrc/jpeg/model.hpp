// Coefficients as binary decisions (docs/jpeg.md).
#pragma once

#include <memory>

#include "coder/side.hpp"
#include "jpeg/scan.hpp"
#include "kernels/kernel.hpp"

namespace nncomp::jpeg {

// What has been learnt of coefficients so far.
class Model {
 public:
  Model();
  ~Model();

  // Codes all blocks of `planes`: writes them to the side, or reads them from there.
  void code(const Kernel& kernel, Side& side, const Header& header, Planes& planes);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nncomp::jpeg
