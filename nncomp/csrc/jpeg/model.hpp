// Codes the coefficients of pictures, predicted from neighbouring blocks and components (docs/jpeg.md, section 3).
#pragma once

#include <memory>

#include "coder/side.hpp"
#include "jpeg/scan.hpp"
#include "kernels/kernel.hpp"

namespace nncomp::jpeg {

// What has been learnt from coefficients so far. All pictures of a nncomp block share it, in order.
class Model {
 public:
  Model();
  ~Model();

  // Codes all blocks of `planes`: writes them to the side, or reads them from it. Throws FormatError if what is read
  // is damaged.
  void code(const Kernel& kernel, Side& side, const Header& header, Planes& planes);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nncomp::jpeg
