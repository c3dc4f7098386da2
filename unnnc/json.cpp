#include "json.hpp"

#include <utility>

namespace nncomp::unnnc {
namespace {

constexpr int MAX_DEPTH = 8;  // levels of nested values

// A recursive descent parser. `left_` is the text that has not been read.
class Parser {
 public:
  explicit Parser(std::string_view text) : left_(text) {}

  Json all() {
    Json found = value(0);
    skip();
    good(left_.empty());
    return found;
  }

 private:
  static void good(bool condition) { require(condition, "model header is not valid JSON"); }

  void skip() {
    while (!left_.empty() && std::string_view(" \t\r\n").find(left_[0]) != std::string_view::npos) next();
  }

  char next() {
    good(!left_.empty());
    const char c = left_[0];
    left_.remove_prefix(1);
    return c;
  }

  // Skips white space. Takes `c` if it comes next, and returns whether it does.
  bool take(char c) {
    skip();
    if (left_.empty() || left_[0] != c) return false;
    next();
    return true;
  }

  Json value(int depth) {
    good(depth < MAX_DEPTH);
    if (take('{')) return {object(depth)};
    if (take('[')) return {list(depth)};
    if (take('"')) return {string()};
    return {number()};
  }

  Json::Object object(int depth) {
    Json::Object found;
    if (take('}')) return found;
    do {
      good(take('"'));
      std::string key = string();
      good(take(':') && found.emplace(std::move(key), value(depth + 1)).second);  // no key twice
    } while (take(','));
    good(take('}'));
    return found;
  }

  std::vector<Json> list(int depth) {
    std::vector<Json> found;
    if (take(']')) return found;
    do found.push_back(value(depth + 1));
    while (take(','));
    good(take(']'));
    return found;
  }

  // A string, after its opening quote.
  std::string string() {
    std::string found;
    for (char c; (c = next()) != '"';) found += c == '\\' ? escaped() : c;
    return found;
  }

  char escaped() {
    const char c = next();
    const std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const size_t at = letters.find(c); at != std::string_view::npos) return meanings[at];
    good(c == 'u');
    for (int i = 0; i < 4; ++i) next();
    return '?';  // a character beyond ASCII: only notes, which are not used here, have any
  }

  uint64_t number() {
    uint64_t found = 0;
    int digits = 0;
    for (; !left_.empty() && left_[0] >= '0' && left_[0] <= '9'; ++digits) found = 10 * found + uint64_t(next() - '0');
    good(digits >= 1 && digits <= 15);
    return found;
  }

  std::string_view left_;
};

}  // namespace

Json parse_json(std::string_view text) { return Parser(text).all(); }

}  // namespace nncomp::unnnc
