// Models: their dimensions, tensors and ids (docs/numerics.md, sections 1 and 9), and where they come from: a model
// file, or the packed form of docs/format.md, section 5. That tensors are within the limits is checked by the engine's
// Network.
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

constexpr int ARITHMETIC = 1;  // version of docs/numerics.md

// The numbers of a tensor, row by row.
using Numbers = std::variant<std::vector<int8_t>, std::vector<uint8_t>, std::vector<int16_t>, std::vector<int32_t>,
                             std::vector<int64_t>>;

// A row of the table of docs/numerics.md, section 9.
struct TensorRow {
  std::string name;
  std::string dtype;  // as in safetensors: U8, I8, I16, I32, I64
  std::vector<int64_t> shape;
  int statistics;  // of a packed model: tensors that learn together

  uint64_t count() const;   // of its numbers
  uint64_t stored_size() const;  // bytes
  Numbers zeros() const;
};

// All tensors of a model of these dimensions, in the order of their names.
std::vector<TensorRow> tensors_of(const Config& config);

// Bytes of them. Throws FormatError where that is more than any model has, or there is no layer.
uint64_t stored_size(const Config& config);

// Upper bound in bytes of what decoding a block of `lanes` lanes needs, its data aside.
uint64_t memory_of(const Config& config, int lanes);

struct Model {
  Config config;
  std::map<std::string, Numbers> tensors;  // those of tensors_of(config)

  Id id() const;

  // The engine's. Throws FormatError where dimensions or tensors are beyond the limits.
  std::unique_ptr<const Network> network(const Kernel& kernel) const;
};

// What a model file says of itself, and where in it tensors are.
class ModelFile {
 public:
  // Throws FormatError for what is no model file. The bytes have to outlive it.
  explicit ModelFile(View data);

  const std::string& id() const { return id_; }  // in hexadecimal, as stored
  Model read() const;  // throws FormatError, also where the content does not have the id

 private:
  std::string id_;
  Config config_;
  std::map<std::string, View> tensors_;
};

// The id of the model that a packed one is a change of, if it is one.
std::optional<Id> base_of(View packed);

// A packed model; `base` is the one that base_of names. Throws FormatError, and Refusal before more than `memory_limit`
// bytes would be held.
Model unpack(View packed, const Model* base, uint64_t memory_limit);

std::string hex(View id);

}  // namespace nncomp::unnnc
