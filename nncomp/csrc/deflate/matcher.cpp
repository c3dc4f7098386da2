#include "deflate/matcher.hpp"

#include <algorithm>

#include "deflate/budget.hpp"
#include "deflate/checksum.hpp"
#include "equal.hpp"

namespace nncomp::deflate {
namespace {

constexpr uint32_t TOO_FAR = 4096;         // zlib takes no match of 3 bytes with a longer distance
constexpr uint32_t MAX_HOPS = 1 << 12;     // places of a chain that are looked at to name a distance
constexpr uint32_t LONG_CHAIN = 256;       // chains with this limit or a higher one have the shortcut
constexpr int PREFIX_BITS = 15;            // of the hash of a prefix

}  // namespace

Matcher::Matcher(std::span<const uint8_t> plain, const Parameters& parameters, uint32_t at)
    : plain_(plain),
      preset_(PRESETS[parameters.preset]),
      filtered_(parameters.filtered),
      farthest_((1u << parameters.window_bits) - LOOK_AHEAD),
      shift_((parameters.hash_bits + 2) / 3),
      hash_mask_((1u << parameters.hash_bits) - 1),
      window_mask_((1u << parameters.window_bits) - 1),
      at_(at),
      budget_(steps_for(plain.size())) {
  if (preset_.method < Method::GREEDY || plain.size() < MIN_MATCH) return;
  // A short content has no more places than bytes, and no long chains: tables of full size would take longer to clear
  // than it takes to redo the stream.
  const size_t places = std::min<size_t>(window_mask_ + 1, plain.size());
  head_.resize(hash_mask_ + 1);
  previous_.resize(places);
  if (preset_.chain < LONG_CHAIN || plain.size() <= LONG_CHAIN) return;
  prefix_head_.resize(1 << PREFIX_BITS);
  prefix_gap_.resize(places);
  number_.resize(places);
}

uint32_t Matcher::hash(uint32_t at) const {
  const uint8_t* b = &plain_[at];
  return (uint32_t(b[0]) << (2 * shift_) ^ uint32_t(b[1]) << shift_ ^ b[2]) & hash_mask_;
}

// Inserts `at` into its chain, and returns the place before it there, or 0.
uint32_t Matcher::link(uint32_t at) {
  uint32_t& head = head_[hash(at)];
  const uint32_t found = head;
  previous_[at & window_mask_] = found;
  head = at;
  if (has_prefixes()) link_prefix(at, found);
  return found;
}

// Numbers `at` in its chain, where `found` comes before it, and inserts it into the chain of its prefix.
void Matcher::link_prefix(uint32_t at, uint32_t found) {
  const auto is_near = [&](uint32_t place) { return place != 0 && at - place <= window_mask_; };
  number_[at & window_mask_] = is_near(found) ? uint16_t(number_[found & window_mask_] + 1) : uint16_t(0);
  uint16_t& gap = prefix_gap_[at & window_mask_];
  gap = 0;
  if (plain_.size() - at < PREFIX) return;
  const uint32_t bytes = little32(&plain_[at]) * HASH_FACTOR + little32(&plain_[at + PREFIX - 4]);
  uint32_t& head = prefix_head_[bytes * HASH_FACTOR >> (32 - PREFIX_BITS)];
  if (is_near(head)) gap = uint16_t(at - head);
  head = at;
}

// The place before `place` in the chain of its prefix's hash, or 0.
uint32_t Matcher::prefix_before(uint32_t place) const {
  const uint32_t gap = prefix_gap_[place & window_mask_];
  return gap == 0 ? 0 : place - gap;
}

// How many steps it takes from `at` to `place` in their chain.
uint32_t Matcher::turn(uint32_t at, uint32_t place) const {
  return uint16_t(number_[at & window_mask_] - number_[place & window_mask_]);
}

// Inserts all places before `at` that are not inserted or skipped. The content's last two have no hash.
void Matcher::insert_before(uint32_t at) {
  const uint32_t end = std::min(at, uint32_t(std::max<size_t>(plain_.size(), 2)) - 2);
  for (; inserted_ < end; ++inserted_) link(inserted_);
  inserted_ = std::max(inserted_, at);
}

// zlib's search: the nearest of the longest matches at `at` that its limits let it find and that are longer than
// `than`. Inserts `at`.
Match Matcher::search(uint32_t at, uint32_t than) {
  insert_before(at);
  const uint32_t left = uint32_t(plain_.size()) - at;
  if (left < MIN_MATCH) return {};
  const uint32_t place = inserted_ > at ? previous_[at & window_mask_] : link(at);
  inserted_ = std::max(inserted_, at + 1);
  if (place == 0 || than >= preset_.lazy || at - place > farthest_ || than >= left) return {};
  const Match found = longest(at, place, std::max(than, MIN_MATCH - 1), left);
  if (preset_.method == Method::LAZY && found.length <= 5) {
    if (filtered_ || (found.length == MIN_MATCH && found.distance > TOO_FAR)) return {};
  }
  return found;
}

// Calls visit(place) with the first `chain` places of the chain of `at`, from `place` on, until it returns true. Those
// that cannot match more than `same` bytes may be left out, though they count; visit() may let `same` grow.
template <class Visit>
void Matcher::walk(uint32_t at, uint32_t place, const uint32_t& same, uint32_t chain, Visit visit) {
  const uint32_t limit = at > farthest_ ? at - farthest_ : 0, first = place;
  uint64_t steps = 0;
  if (!has_prefixes() || same + 1 < PREFIX) {
    for (uint32_t left = chain;;) {
      ++steps;
      if (visit(place)) return spend(budget_, steps);
      if (has_prefixes() && same >= PREFIX) break;  // this place has the same prefix, so its chain is the right one
      place = previous_[place & window_mask_];
      if (place <= limit || --left == 0) return spend(budget_, steps);
    }
  } else {
    place = at;
  }
  while ((place = prefix_before(place)) > limit || (place == first && place != 0)) {
    ++steps;
    if (little32(&plain_[place]) != little32(&plain_[at])) continue;  // in another chain
    if (turn(at, place) > chain || visit(place)) break;
  }
  spend(budget_, steps);
}

// The longest match of more than `best` bytes in the chain of `at`, from `place` on; `left` bytes are there.
Match Matcher::longest(uint32_t at, uint32_t place, uint32_t best, uint32_t left) {
  const uint32_t most = std::min(MAX_MATCH, left), nice = std::min<uint32_t>(preset_.nice, left);
  const uint8_t* const here = &plain_[at];
  Match found;
  uint64_t steps = 0;
  if (best >= most) return found;
  walk(at, place, best, best >= preset_.good ? preset_.chain / 4 : preset_.chain, [&](uint32_t place) {
    const uint8_t* const there = &plain_[place];
    if (there[best] != here[best] || there[best - 1] != here[best - 1]) return false;
    const auto length = uint32_t(equal_bytes(here, there, most));
    steps += length / 16;
    if (length <= best) return false;
    found = {length, at - place};
    best = length;
    return length >= nice;
  });
  spend(budget_, steps);
  return found;
}

Token Matcher::predict() {
  deferred_ = false;
  if (preset_.method == Method::LITERALS || left() == 0) return {};
  if (preset_.method == Method::RUNS) {
    here_ = {};
    if (at_ > 0 && left() >= MIN_MATCH) {
      const auto length = uint32_t(equal_bytes(&plain_[at_], &plain_[at_ - 1], std::min(MAX_MATCH, left())));
      if (length >= MIN_MATCH) here_ = {length, 1};
    }
  } else if (!known_) {
    here_ = search(at_, before_);
    known_ = true;
  }
  if (here_.length < MIN_MATCH) return {};
  if (preset_.method == Method::LAZY && left() > MIN_MATCH) {
    after_ = search(at_ + 1, here_.length);
    if (after_.length > here_.length) {
      deferred_ = true;
      return {};
    }
  }
  return {uint16_t(here_.length), uint16_t(here_.distance)};
}

void Matcher::accept(Token token) {
  const uint32_t end = at_ + token.length;
  if (!token.is_match() && deferred_) {
    before_ = here_.length;
    here_ = after_;
  } else {
    before_ = 0;
    known_ = false;
    here_ = {};
    if (preset_.method == Method::GREEDY && token.is_match() && token.length > preset_.lazy) {
      inserted_ = std::max(inserted_, end);
    }
  }
  deferred_ = false;
  at_ = end;
}

// Calls visit(distance) for each earlier place that matches `length` bytes at at_, the nearest first, until it returns
// true.
template <class Visit>
void Matcher::visit(uint32_t length, Visit visit) {
  if (previous_.empty() || length > left() || left() < MIN_MATCH) return;
  const uint32_t place = previous_[at_ & window_mask_];
  if (place == 0 || at_ - place > farthest_) return;
  uint64_t steps = 0;
  const uint32_t less = length - 1;
  walk(at_, place, less, MAX_HOPS, [&](uint32_t place) {
    const auto same = uint32_t(equal_bytes(&plain_[at_], &plain_[place], length));
    steps += same / 16;
    return same == length && visit(at_ - place);
  });
  spend(budget_, steps);
}

int32_t Matcher::hops(Token token) {
  int32_t count = 0;
  bool found = false;
  visit(token.length, [&](uint32_t distance) {
    found = distance == token.distance;
    count += !found;
    return found;
  });
  return found ? count : -1;
}

uint32_t Matcher::distance(uint32_t length, uint32_t hops) {
  uint32_t found = 0;
  visit(length, [&](uint32_t distance) {
    if (hops-- > 0) return false;
    found = distance;
    return true;
  });
  return found;
}

}  // namespace nncomp::deflate
