// Where models are found: in the file itself, in the program, in folders.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model.hpp"

namespace nncomp::unnnc {

class Models {
 public:
  explicit Models(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  // The network that a frame needs, whatever the file is called that has it. Throws FormatError for what is embedded,
  // Refusal where there is no such model or memory does not suffice.
  std::shared_ptr<const Network> find(const ModelRef& ref, uint64_t memory_limit);

 private:
  Model find_id(View id, const std::string& name) const;

  std::vector<std::string> folders_;
  Bytes last_id_;  // of the last one, because files are often read in a row
  std::shared_ptr<const Network> last_;
};

}  // namespace nncomp::unnnc
