#include "models.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "built_in.hpp"
#include "files.hpp"

namespace nncomp::unnnc {
namespace {

// The paths of the model files in a folder, in the order of their names; empty if the folder cannot be read.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors" && entry.is_regular_file(error)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The bytes of a file; none if it cannot be read.
std::optional<Bytes> readable(const std::string& path) {
  try {
    return read_file(path, MAX_FILE_SIZE);
  } catch (const Refusal&) {
    return std::nullopt;
  }
}

// The header of a model file; none if it is not one.
std::optional<ModelFile> opened(View data) {
  try {
    return ModelFile(data);
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

}  // namespace

std::shared_ptr<const Network> Models::find(const ModelRef& ref, uint64_t memory_limit) {
  if (last_ && last_id_ == ref.id && !ref.packed) return last_;
  last_.reset();
  if (ref.packed) return embedded(ref, memory_limit);  // of this frame alone, so it is not kept
  last_ = find_id(ref.id, ref.name).network(*find_kernel("auto"));
  last_id_ = ref.id;
  return last_;
}

// The network of the model that a frame embeds.
std::shared_ptr<const Network> Models::embedded(const ModelRef& ref, uint64_t memory_limit) const {
  try {
    const std::optional<Id> base_id = base_of(*ref.packed);
    const std::optional<Model> base = base_id ? std::optional(find_id(*base_id, "base of " + ref.name)) : std::nullopt;
    const Model model = unpack(*ref.packed, base ? &*base : nullptr, memory_limit);
    std::shared_ptr<const Network> network = model.network(*find_kernel("auto"));
    const bool is_named = std::ranges::equal(model.id(), ref.id);
    if (is_named || !CHECKED) return network;
  } catch (const FormatError& error) {
    throw FormatError(std::string("the embedded model is malformed: ") + error.what());
  }
  throw FormatError("the embedded model is not the one that the frame names");
}

Model Models::find_id(View id, const std::string& name) const {
  const std::string wanted = hex(id);
  std::string damage;  // of the first model that was found, and could not be read
  std::string places = BUILT_IN.empty() ? "" : "the program";
  for (const View data : BUILT_IN) {
    const ModelFile file(data);
    if (file.id().starts_with(wanted)) return file.read();
  }
  for (const std::string& folder : folders_) {
    places += (places.empty() ? "" : ", ") + folder;
    for (const std::string& path : files_in(folder)) {
      const std::optional<Bytes> data = readable(path);
      if (!data) continue;
      const std::optional<ModelFile> file = opened(*data);
      if (!file || !file->id().starts_with(wanted)) continue;
      try {
        return file->read();
      } catch (const FormatError& error) {
        if (damage.empty()) damage = path + ": " + error.what();
      }
    }
  }
  if (!damage.empty()) throw Refusal(damage);
  const std::string what =
      name.empty() ? "a model whose id begins with " + wanted : "model '" + name + "' (id " + wanted + ")";
  throw Refusal(what + " was not found in " + places);
}

}  // namespace nncomp::unnnc
