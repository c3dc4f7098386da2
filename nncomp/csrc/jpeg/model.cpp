#include "jpeg/model.hpp"

#include "jpeg/block.hpp"
#include "stage/stage.hpp"

namespace nncomp::jpeg {

struct Model::Parts {
  Kinds kinds[2];
};

Model::Model() : parts_(std::make_unique<Parts>()) {}
Model::~Model() = default;

void Model::code(const Kernel& kernel, Side& side, const Header& header, Planes& planes) {
  Coder coder({kernel, mixing_tables(), side}, parts_->kinds, header, planes);
  for (uint32_t unit = 0; unit < planes.rows(); ++unit) {
    for (size_t c = 0; c < size_t(header.count); ++c) {
      const uint32_t down = header.component[c].down;
      for (uint32_t row = unit * down; row < (unit + 1) * down; ++row) coder.row(c, row);
    }
  }
}

}  // namespace nncomp::jpeg
