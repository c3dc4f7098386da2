// As much of JSON as the header of a model file needs: objects, arrays, strings and integers that are not negative.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bytes.hpp"

namespace nncomp::unnnc {

struct Json {
  using Object = std::map<std::string, Json>;
  std::variant<uint64_t, std::string, std::vector<Json>, Object> value;

  // Throw FormatError where it is something else.
  uint64_t number() const { return get<uint64_t>(); }
  const std::string& text() const { return get<std::string>(); }
  const std::vector<Json>& list() const { return get<std::vector<Json>>(); }
  const Object& object() const { return get<Object>(); }

  const Json& at(const std::string& key) const {
    const auto found = object().find(key);
    require(found != object().end(), "model header has no " + key);
    return found->second;
  }

 private:
  template <class T>
  const T& get() const {
    const T* found = std::get_if<T>(&value);
    require(found != nullptr, "model header is malformed");
    return *found;
  }
};

// Throws FormatError for what is no JSON of these kinds.
Json parse_json(std::string_view text);

}  // namespace nncomp::unnnc
