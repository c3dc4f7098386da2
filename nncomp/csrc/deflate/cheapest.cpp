#include "deflate/cheapest.hpp"

#include <algorithm>

namespace nncomp::deflate {
namespace {

constexpr uint8_t NO_CODE = 64;  // bits of a symbol that has no code: more than any real token takes

// What a symbol costs, with its `extra` bits.
uint8_t bits_of(std::span<const uint8_t> lengths, size_t symbol, uint8_t extra) {
  return symbol < lengths.size() && lengths[symbol] != 0 ? uint8_t(lengths[symbol] + extra) : NO_CODE;
}

}  // namespace

Cheapest::Cheapest(std::span<const uint8_t> plain) : plain_(plain), nearest_(plain) {
  matches_.reserve(SECTION_MATCHES + MAX_MATCH);
}

void Cheapest::begin(uint32_t at, uint32_t end, std::span<const uint8_t> literals, std::span<const uint8_t> distances) {
  for (size_t i = 0; i < literal_.size(); ++i) literal_[i] = bits_of(literals, i, 0);
  for (size_t i = MIN_MATCH; i < length_.size(); ++i) {
    length_[i] = bits_of(literals, size_t(END) + 1 + LENGTH_CODE[i], LENGTH_CODES[LENGTH_CODE[i]].extra);
  }
  for (size_t i = 0; i < distance_.size(); ++i) distance_[i] = bits_of(distances, i, DISTANCE_CODES[i].extra);
  section_ = section_end_ = at;
  end_ = end;
}

// Calls visit(bits, token) for each token that may be chosen: the literal, then for each possible match length, in
// ascending order, the match with the least distance. `bits` are those from `place` to the end of the section.
template <class Visit>
void Cheapest::visit(uint32_t place, Visit visit) const {
  const uint32_t i = place - section_;
  visit(literal_[plain_[place]] + bits_[i + 1], Token{});
  const uint32_t most = section_end_ - place;
  uint32_t length = MIN_MATCH;
  for (uint32_t k = first_[i]; k < first_[i + 1]; ++k) {
    const uint16_t distance = matches_[k].distance;
    const uint32_t there = distance_[size_t(distance_code(distance))],
                   longest = std::min<uint32_t>(matches_[k].length, most);
    for (; length <= longest; ++length) {
      visit(there + length_[length] + bits_[i + length], Token{uint16_t(length), distance});
    }
  }
}

// Finds the matches of the section that begins at `at`, then the cheapest tokens from its end back to its beginning.
void Cheapest::begin_section(uint32_t at) {
  section_ = at;
  matches_.clear();
  first_.clear();
  while (nearest_.at() < at) {
    nearest_.next(matches_);
    matches_.clear();
  }
  while (nearest_.at() < end_ && nearest_.at() - at < SECTION && matches_.size() < SECTION_MATCHES) {
    first_.push_back(uint32_t(matches_.size()));
    nearest_.next(matches_);
  }
  section_end_ = nearest_.at();
  const size_t size = first_.size();
  first_.push_back(uint32_t(matches_.size()));
  bits_.assign(size + 1, 0);
  best_.resize(size);
  ahead_.resize(size);
  for (size_t i = size; i-- > 0;) {
    uint32_t least = UINT32_MAX, second = UINT32_MAX;
    Token best;
    visit(at + uint32_t(i), [&](uint32_t bits, Token token) {
      if (bits < least) {
        second = least;
        least = bits;
        best = token;
      } else {
        second = std::min(second, bits);
      }
    });
    bits_[i] = least;
    best_[i] = best;
    ahead_[i] = uint8_t(std::min(second - least, MOST_AHEAD));
  }
}

Token Cheapest::at(uint32_t place, uint32_t& ahead) {
  if (place >= section_end_) begin_section(place);
  ahead = ahead_[place - section_];
  return best_[place - section_];
}

std::vector<Cheapest::Choice> Cheapest::choices(uint32_t place) const {
  std::vector<Choice> found;
  visit(place, [&](uint32_t bits, Token token) { found.push_back({bits, token}); });
  std::stable_sort(found.begin(), found.end(), [](const Choice& a, const Choice& b) { return a.bits < b.bits; });
  return found;
}

}  // namespace nncomp::deflate
