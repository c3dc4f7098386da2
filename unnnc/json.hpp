// Parses the part of JSON that model files use: objects, arrays, strings, and integers of up to 15 digits that are not
// negative.
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

  // The value, if it is of this type. Throw FormatError otherwise.
  uint64_t number() const { return get<uint64_t>(); }
  const std::string& text() const { return get<std::string>(); }
  const std::vector<Json>& list() const { return get<std::vector<Json>>(); }
  const Object& object() const { return get<Object>(); }

  // The member of an object. Throws FormatError if there is none.
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

// Throws FormatError for other text, and for values nested in more than 8 levels.
Json parse_json(std::string_view text);

}  // namespace nncomp::unnnc
