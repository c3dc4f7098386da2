// Models: dimensions, tensors and ids (docs/numerics.md, sections 1 and 9), read from a model file, or from the packed
// form in which files embed them (docs/format.md, section 5). Values are not checked here: the engine's Network does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bytes.hpp"
#include "container.hpp"
#include "network/network.hpp"

namespace nncomp::unnnc {

constexpr int ARITHMETIC = 1;                 // version of docs/numerics.md
constexpr uint64_t MAX_FILE_SIZE = 64 << 20;  // bytes of a model file, and so of a model's tensors, at most

// The elements of a tensor, row by row, of the type that its dtype names.
using Numbers = std::variant<std::vector<int8_t>, std::vector<uint8_t>, std::vector<int16_t>, std::vector<int32_t>,
                             std::vector<int64_t>>;

// The description of a tensor: a row of the table in docs/numerics.md, section 9.
struct TensorRow {
  std::string name;
  std::string dtype;  // as in safetensors: U8, I8, I16, I32, I64
  std::vector<int64_t> shape;
  int statistics;  // in a packed model: tensors with the same number share their adaptive probabilities

  uint64_t count() const;        // elements
  uint64_t stored_size() const;  // bytes
  Numbers zeros() const;         // a tensor of zeros
};

// All tensors of a model of these dimensions, in the order of their names.
std::vector<TensorRow> tensors_of(const Config& config);

// Bytes of all tensors of a model of these dimensions. Throws FormatError if that is more than 64 MiB, or there is no
// layer.
uint64_t stored_size(const Config& config);

// Upper bound in bytes of what the network needs for a block in `lanes` lanes, beside the block's data.
uint64_t memory_of(const Config& config, int lanes);

// A model with all its tensors.
struct Model {
  Config config;
  std::map<std::string, Numbers> tensors;  // by name: those of tensors_of(config)

  Id id() const;  // BLAKE2b-128 of dimensions and tensors

  // Makes the network that the engine runs. Throws FormatError if dimensions or tensors are beyond the limits.
  std::unique_ptr<const Network> network(const Kernel& kernel) const;
};

// The header of a model file: id, dimensions, and where the tensors are.
class ModelFile {
 public:
  // Throws FormatError for what is not a model file. `data` has to outlive the object.
  explicit ModelFile(View data);

  const std::string& id() const { return id_; }  // as stored, in hexadecimal; only `read` verifies it
  Model read() const;  // throws FormatError unless the content has the stored id

 private:
  std::string id_;
  Config config_;
  std::map<std::string, View> tensors_;
};

// The id of the base of a packed model; none if it is packed in full. `packed` is not empty. Throws FormatError.
std::optional<Id> base_of(View packed);

// Unpacks a model; `base` is the one that base_of names, or null. Throws FormatError, and Refusal before it would hold
// more than `memory_limit` bytes.
Model unpack(View packed, const Model* base, uint64_t memory_limit);

// Bytes as hexadecimal digits in lower case.
std::string hex(View id);

}  // namespace nncomp::unnnc
