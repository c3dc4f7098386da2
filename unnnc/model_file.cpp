// Reads model files: safetensors with the dimensions and the id in the metadata (docs/numerics.md, section 9). As the
// id is verified, it is enough to check that all tensors are there.
#include <cstddef>

#include "json.hpp"
#include "model.hpp"

namespace nncomp::unnnc {
namespace {

constexpr uint64_t MAX_HEADER_SIZE = 1 << 20;  // bytes of the JSON header

// A number as a dimension, less than 2^20.
int small(const Json& number) {
  require(number.number() < 1 << 20, "model has a dimension out of range");
  return int(number.number());
}

Config read_config(const Json& json) {
  require(json.at("arithmetic").number() == ARITHMETIC, "model is for another arithmetic");
  Config config{small(json.at("d_model")), {}, {}};
  for (const Json& layer : json.at("layers").list()) {
    const std::vector<Json>& entry = layer.list();
    require(!entry.empty(), "a layer is of an unknown kind");
    LayerConfig found{entry[0].text(), {}};
    for (size_t i = 1; i < entry.size(); ++i) found.numbers.push_back(small(entry[i]));
    const size_t wanted = found.kind == "attention" ? 3 : found.kind == "feed_forward" ? 1 : 0;
    require(wanted > 0 && found.numbers.size() == wanted, "a layer is of an unknown kind");
    config.layers.push_back(std::move(found));
  }
  for (const Json& table : json.at("tables").list()) {
    const std::vector<Json>& e = table.list();
    require(e.size() == 5 && small(e[1]) <= 20, "a table is malformed");
    config.tables.push_back({e[0].text(), small(e[1]), small(e[2]), small(e[3]), small(e[4])});
  }
  return config;
}

}  // namespace

ModelFile::ModelFile(View data) {
  Fields fields(data, "not a model file: too short");
  const View size = fields.take(8);
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= uint64_t(size[i]) << 8 * i;
  require(length <= MAX_HEADER_SIZE, "not a model file: a header that is too long");
  const View header = fields.take(length);
  const Json json = parse_json({reinterpret_cast<const char*>(header.data()), header.size()});
  const Json& metadata = json.at("__metadata__");
  id_ = metadata.at("nncomp.id").text();
  config_ = read_config(parse_json(metadata.at("nncomp.config").text()));
  stored_size(config_);  // throws if the tensors are too large
  const View values = fields.take(fields.left());
  for (const TensorRow& row : tensors_of(config_)) {
    const std::vector<Json>& offsets = json.at(row.name).at("data_offsets").list();
    require(offsets.size() == 2, "tensor " + row.name + " is malformed");
    const uint64_t start = offsets[0].number(), stop = offsets[1].number();
    require(start <= stop && stop <= values.size() && stop - start == row.stored_size(),
            "tensor " + row.name + " has a wrong size");
    tensors_[row.name] = values.subspan(start, stop - start);
  }
}

Model ModelFile::read() const {
  Model model{config_, {}};
  for (const TensorRow& row : tensors_of(config_)) {
    Numbers& numbers = model.tensors[row.name] = row.zeros();
    const View bytes = tensors_.at(row.name);
    std::visit(
        [&]<class T>(std::vector<T>& values) {
          for (size_t i = 0; i < values.size(); ++i) {
            uint64_t bits = 0;
            for (size_t k = 0; k < sizeof(T); ++k) bits |= uint64_t(bytes[i * sizeof(T) + k]) << 8 * k;
            values[i] = T(bits);
          }
        },
        numbers);
  }
  require(hex(model.id()) == id_ || !CHECKED, "model content does not have the stored id");
  return model;
}

}  // namespace nncomp::unnnc
