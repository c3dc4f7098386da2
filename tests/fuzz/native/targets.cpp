#include "targets.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "block/block.hpp"
#include "coder/error.hpp"
#include "coder/integers.hpp"
#include "deflate/checksum.hpp"
#include "deflate/find.hpp"
#include "deflate/split.hpp"
#include "far/find.hpp"
#include "far/join.hpp"
#include "filters/x86.hpp"
#include "jpeg/split.hpp"
#include "kernels/kernel.hpp"

namespace fuzz {
namespace {

std::vector<View> views(const std::vector<Bytes>& some) { return {some.begin(), some.end()}; }

// What has been joined from damaged parts, beside the content that they were of: what a file's checksum tells apart.
Outcome judged(View joined, View content, uint64_t size) {
  expect(joined.size() == size, "joined to another size");
  if (std::ranges::equal(joined, content)) return KEPT;
  const bool same_check = joined.size() == content.size() && deflate::crc32(joined) == deflate::crc32(content);
  expect(!same_check, "wrong content accepted");
  return CAUGHT;
}

// join(), which may refuse.
template <class Join>
Outcome outcome(Join join, View content, uint64_t size) {
  try {
    return judged(join(), content, size);
  } catch (const FormatError&) {
    return REFUSED;
  }
}

uint64_t changed_size(Draw& draw, uint64_t size) {
  if (!draw.one_in(8)) return size;
  const std::vector<uint64_t> some{
      0, 1, size + 1, size - std::min<uint64_t>(size, 1), size + 4000, draw.below(1 << 16)};
  return draw.of(some);
}

const Kernel& some_kernel(Draw& draw) {
  std::vector<const char*> names;
  for (const auto& [name, runs] : kernels()) {
    if (runs) names.push_back(name);
  }
  return *find_kernel(draw.of(names));
}

// Pictures that are damaged, or cut, are joined again.
Outcome split_jpeg(Draw& draw, const Seeds& seeds) {
  const Bytes data = draw.damaged(draw.of(seeds.pictures).data);
  const auto parts = jpeg::split(some_kernel(draw), data, MOST_BLOCKS);
  if (!parts) return ALONE;
  const Kernel& other = some_kernel(draw);
  const Bytes joined = jpeg::join(other, parts->rest, parts->coded, data.size(), parts->blocks, MOST_BLOCKS);
  expect(joined == data, "a picture is not the same again");
  return KEPT;
}

Outcome join_jpeg(Draw& draw, const Seeds& seeds) {
  const Picture& picture = draw.of(seeds.pictures);
  const uint64_t which = draw.below(3), size = changed_size(draw, picture.data.size());
  const Bytes rest = which != 0 ? draw.damaged(picture.parts.rest) : picture.parts.rest;
  const Bytes coded = which != 1 ? draw.damaged(picture.parts.coded) : picture.parts.coded;
  const uint64_t blocks = draw.below(2) ? picture.parts.blocks : MOST_BLOCKS;
  return outcome([&] { return jpeg::join(some_kernel(draw), rest, coded, size, blocks, MOST_BLOCKS); }, picture.data,
                 size);
}

// Streams that are damaged, in data that may begin inside of one, are joined again.
Outcome split_deflate(Draw& draw, const Seeds& seeds) {
  const Packed& packed = draw.of(seeds.packed);
  Bytes data = draw.damaged(packed.data);
  std::optional<deflate::Inside> inside;
  if (packed.inside && !draw.one_in(8)) {
    inside = packed.inside;
  } else if (draw.one_in(4)) {
    const size_t cut = draw.below(data.size() + 1);
    inside = deflate::follow(View(data).first(cut), nullptr);
    data.erase(data.begin(), data.begin() + ptrdiff_t(cut));
  }
  const auto parts = deflate::split(data, inside ? &*inside : nullptr, MOST_CONTENTS);
  if (!parts) return ALONE;
  expect(deflate::join(parts->rest, parts->side, views(parts->contents), data.size()) == data,
         "deflate streams are not the same again");
  return KEPT;
}

Outcome join_deflate(Draw& draw, const Seeds& seeds) {
  const Packed& packed = draw.of(seeds.packed);
  Bytes rest = packed.parts.rest, side = packed.parts.side;
  std::vector<Bytes> contents = packed.parts.contents;
  for (uint64_t damages = 1 + draw.below(2); damages-- > 0;) {
    const uint64_t which = draw.below(6);
    Bytes& part = which == 0 ? rest : which == 1 ? contents[draw.below(contents.size())] : side;
    part = draw.damaged(part);
  }
  const uint64_t size = changed_size(draw, packed.data.size());
  return outcome([&] { return deflate::join(rest, side, views(contents), size); }, packed.data, size);
}

// Blocks with something of others in them.
Outcome split_far(Draw& draw, const Seeds& seeds) {
  std::vector<Bytes> blocks{draw.of(seeds.others), draw.bytes(draw.below(3000)), draw.of(seeds.others)};
  far::Finder finder({.reach = uint64_t(1) << (6 + draw.below(15)),
                      .least = 1 + draw.below(100),
                      .share = uint64_t(1) << draw.below(20),
                      .sources = 1 + draw.below(4)});
  size_t held = 0;
  for (const Bytes& block : blocks) held = finder.add(block);
  Bytes content;
  for (uint64_t pieces = 1 + draw.below(6); pieces-- > 0;) {
    const Bytes piece = draw.one_in(4) ? draw.bytes(draw.below(300)) : draw.of(blocks);
    const size_t from = draw.below(piece.size() + 1), size = std::min<size_t>(piece.size() - from, draw.below(1000));
    content.insert(content.end(), piece.begin() + ptrdiff_t(from), piece.begin() + ptrdiff_t(from + size));
  }
  const auto split = finder.split(content);
  if (!split) return ALONE;
  std::vector<View> sources;
  for (const uint32_t back : split->sources) {
    expect(back >= 1 && back <= held, "a source is not held");
    sources.push_back(blocks[blocks.size() - back]);
  }
  Bytes joined(content.size());
  far::join(split->literals, split->copies, sources, joined);
  expect(joined == content, "copies are not the same again");
  return KEPT;
}

Outcome join_far(Draw& draw, const Seeds& seeds) {
  const Copied& copied = draw.of(seeds.copied);
  std::vector<Bytes> sources = copied.sources;
  const uint64_t which = draw.below(8);
  if (which == 1) sources.pop_back();
  const Bytes literals = which == 0 ? draw.damaged(copied.literals) : copied.literals;
  const Bytes copies = draw.damaged(copied.copies);
  const uint64_t size = changed_size(draw, copied.data.size());
  Bytes joined(size);
  return outcome(
      [&] {
        far::join(literals, copies, views(sources), joined);
        return View(joined);
      },
      copied.data, size);
}

Outcome x86(Draw& draw, const Seeds& seeds) {
  Bytes code = draw.damaged(View(draw.of(seeds.others)).first(60));
  for (size_t at = 0; at < code.size(); at += 1 + draw.below(9))
    code[at] = draw.of(std::vector<uint8_t>{0xE8, 0, 0xFF});
  Bytes moved = code;
  distances_to_targets(moved);
  targets_to_distances(moved);
  expect(moved == code, "code is not the same again");
  return KEPT;
}

// The adaptive stage alone: what is coded comes back, and every payload is one of a content or refused.
Outcome decode_payload(Draw& draw, const Seeds& seeds) {
  const View other = draw.of(seeds.others);
  const size_t size = 1 + draw.below(200);
  const View content = other.subspan(draw.below(other.size() - size), size);
  const int contexts = int(draw.below(8));
  const int profile = 1 + int(draw.below(nncomp::PROFILE_MAX));
  Mixing mixing{profile, contexts, draw.one_in(2) ? int(2 + draw.below(100)) : 0, 1 + int(draw.below(8))};
  try {
    mixing.check();
  } catch (const std::invalid_argument&) {
    mixing = {profile, 0, 0, 1};
  }
  const Predictor predictor{nullptr, mixing, &some_kernel(draw)};
  const std::vector<Payload> payloads = encode_block(predictor, content, 1, 1, [](uint64_t) {});
  const Payload payload = draw.one_in(4) ? payloads[0] : draw.damaged(payloads[0]);
  const Predictor another{nullptr, mixing, &some_kernel(draw)};
  Bytes decoded(size);
  return outcome(
      [&] {
        decode_block(another, {payload}, decoded, 1, [](uint64_t) {});
        expect(payload != payloads[0] || std::ranges::equal(decoded, content), "a block is not the same again");
        return View(decoded);
      },
      content, size);
}

template <class T>
Outcome integers_of(Draw& draw) {
  const size_t rows = 1 + draw.below(6), columns = 1 + draw.below(9);
  const int kind = int(draw.below(INTEGER_KINDS)), shift = int(draw.below(8 * sizeof(T)));
  std::vector<T> values(rows * columns), decoded(rows * columns);
  for (T& value : values) value = T(T(draw.below(uint64_t(1) << 60)) >> shift);
  IntegerEncoder encoder;
  encoder.put(kind, values.data(), decoded.data(), rows, columns);
  const View payload = encoder.finish();
  const Bytes read = draw.one_in(8) ? draw.bytes(draw.below(60)) : draw.damaged(payload);
  try {
    IntegerDecoder decoder(read);
    decoder.add(kind, decoded.data(), rows, columns);
    decoder.finish();
  } catch (const FormatError&) {
    return REFUSED;
  }
  return decoded == values ? KEPT : CAUGHT;
}

Outcome decode_integers(Draw& draw, const Seeds&) {
  switch (draw.below(4)) {
    case 0: return integers_of<int8_t>(draw);
    case 1: return integers_of<int16_t>(draw);
    case 2: return integers_of<int32_t>(draw);
    default: return integers_of<int64_t>(draw);
  }
}

}  // namespace

const std::vector<Target> TARGETS{
    {"deflate-join", join_deflate, 40},
    {"deflate-split", split_deflate, 10},
    {"jpeg-join", join_jpeg, 15},
    {"jpeg-split", split_jpeg, 5},
    {"far-join", join_far, 11},
    {"far-split", split_far, 5},
    {"x86", x86, 5},
    {"payload", decode_payload, 1},
    {"integers", decode_integers, 8},
};

}  // namespace fuzz
