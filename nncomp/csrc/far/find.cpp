#include "far/find.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "equal.hpp"
#include "far/samples.hpp"
#include "varint.hpp"

namespace nncomp::far {
namespace {

constexpr int LOG2_MIN_SLOTS = 16;  // log2 of the least number of slots of the table

}  // namespace

Finder::Finder(const Limits& limits)
    : limits_(limits),
      table_(std::max<uint64_t>(std::bit_floor(limits.reach) >> LOG2_SPACING, uint64_t(1) << LOG2_MIN_SLOTS)) {}

std::optional<Split> Finder::split(std::span<const uint8_t> content, std::span<const Head> heads) const {
  std::vector<Copy> copies = find(content);
  spare(copies, heads);
  keep_the_best(copies);
  size_t copied = 0;
  for (const Copy& copy : copies) copied += copy.size;
  if (copied == 0 || copied < content.size() / limits_.share) return std::nullopt;

  std::map<uint64_t, uint32_t> back;  // by number of a source: how many blocks back it is
  for (const Copy& copy : copies) back[copy.block] = uint32_t(count_ - copy.block);
  Split split;
  for (const auto& [block, distance] : back) split.sources.push_back(distance);
  std::ranges::reverse(split.sources);
  std::vector<int64_t> expected(split.sources.size());  // by source: where the last copy from it ended
  split.literals.reserve(content.size() - copied);
  size_t position = 0;
  for (const Copy& copy : copies) {
    const auto source = size_t(std::ranges::lower_bound(split.sources, back[copy.block]) - split.sources.begin());
    const int64_t jump = int64_t(copy.from) - expected[source];
    put_varint(split.copies, copy.at - position);
    put_varint(split.copies, copy.size);
    put_varint(split.copies, source);
    put_varint(split.copies, uint64_t(jump) << 1 ^ uint64_t(jump >> 63));
    split.literals.insert(split.literals.end(), &content[0] + position, &content[0] + copy.at);
    position = copy.at + copy.size;
    expected[source] = int64_t(copy.from + copy.size);
  }
  split.literals.insert(split.literals.end(), content.begin() + ptrdiff_t(position), content.end());
  return split;
}

size_t Finder::add(std::span<const uint8_t> literals) {
  for_samples(literals, [&](size_t end, uint64_t hash) {
    if (!is_run(&literals[end - WINDOW])) table_[slot_of(hash, table_.size())] = uint32_t(end_ + end);
    return end;
  });
  held_.push_back({count_++, end_, literals});
  end_ += literals.size();
  while (held_.size() > limits_.blocks) held_.pop_front();
  while (!held_.empty() && end_ - held_.front().start > limits_.reach) held_.pop_front();
  return held_.size();
}

std::vector<Finder::Copy> Finder::find(std::span<const uint8_t> content) const {
  std::vector<Copy> copies;
  size_t first = 0;  // end of the last copy
  for_samples(content, [&](size_t end, uint64_t hash) {
    const std::optional<Copy> copy = longest(content, first, end, hash);
    if (!copy) return end;
    copies.push_back(*copy);
    first = copy->at + copy->size;
    return std::max(first, end);
  });
  return copies;
}

// The longest copy that contains the window before `end` and begins at `first` or later; none if it is too short.
std::optional<Finder::Copy> Finder::longest(std::span<const uint8_t> content, size_t first, size_t end,
                                            uint64_t hash) const {
  const uint32_t distance = uint32_t(end_) - table_[slot_of(hash, table_.size())];
  if (distance > end_ || is_run(&content[end - WINDOW])) return std::nullopt;
  const uint64_t address = end_ - distance;
  const Held* held = address == 0 ? nullptr : held_at(address - 1);
  if (!held) return std::nullopt;
  const size_t place = address - held->start;
  const size_t before = equal_behind(&content[0] + end, &held->literals[0] + place, std::min(end - first, place));
  const size_t after = equal_bytes(&content[0] + end, &held->literals[0] + place,
                                   std::min(content.size() - end, held->literals.size() - place));
  if (before + after < limits_.least) return std::nullopt;
  return Copy{end - before, before + after, held->number, place - before};
}

// Ends copies that would end in a head where that begins, and drops what becomes too short.
void Finder::spare(std::vector<Copy>& copies, std::span<const Head> heads) const {
  if (heads.empty()) return;
  for (Copy& copy : copies) {
    const size_t end = copy.at + copy.size;
    const auto head = std::ranges::lower_bound(heads, end, {}, &Head::end);  // the first that does not end before
    if (head != heads.end() && head->start < end) copy.size = std::max(head->start, copy.at) - copy.at;
  }
  std::erase_if(copies, [&](const Copy& copy) { return copy.size < limits_.least; });
}

// Keeps only copies from the limits_.sources blocks that most bytes are copied from.
void Finder::keep_the_best(std::vector<Copy>& copies) const {
  std::map<uint64_t, size_t> gains;
  for (const Copy& copy : copies) gains[copy.block] += copy.size;
  if (gains.size() <= limits_.sources) return;
  std::vector<std::pair<size_t, uint64_t>> best;
  for (const auto& [block, gain] : gains) best.emplace_back(gain, block);
  std::ranges::sort(best, std::greater());
  const auto worst = best[limits_.sources];
  std::erase_if(copies, [&](const Copy& copy) { return std::pair(gains[copy.block], copy.block) <= worst; });
}

// The held block with the literal at `address`, or null. `address` < end_.
const Finder::Held* Finder::held_at(uint64_t address) const {
  auto next = std::ranges::upper_bound(held_, address, {}, &Held::start);
  return next == held_.begin() ? nullptr : &*--next;
}

}  // namespace nncomp::far
