// Finds models: in the compressed file, in the program, and in folders.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model.hpp"

namespace nncomp::unnnc {

class Models {
 public:
  // `folders` are searched after the program, in this order.
  explicit Models(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  // The network that a frame needs. Model files are known by their ids, not by their names. Throws FormatError for a
  // malformed embedded model, Refusal if there is no such model or the memory does not suffice.
  std::shared_ptr<const Network> find(const ModelRef& ref, uint64_t memory_limit);

 private:
  std::shared_ptr<const Network> embedded(const ModelRef& ref, uint64_t memory_limit) const;
  // The model whose id begins with `id`. `name` is for messages only.
  Model find_id(View id, const std::string& name) const;

  std::vector<std::string> folders_;
  Bytes last_id_;                        // as the last frame gave it that only names its model
  std::shared_ptr<const Network> last_;  // its network, because the next frame often needs the same; or null
};

}  // namespace nncomp::unnnc
