// What cases begin with: files, and what filters make of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "deflate/find.hpp"
#include "deflate/split.hpp"
#include "draw.hpp"
#include "far/find.hpp"
#include "jpeg/split.hpp"
#include "kernels/kernel.hpp"
#include "report.hpp"

namespace fuzz {

using namespace nncomp;

struct Picture {
  Bytes data;
  jpeg::Parts parts;
};

struct Packed {
  Bytes data;
  std::optional<deflate::Inside> inside;
  deflate::Parts parts;
};

struct Copied {
  Bytes data;
  Bytes literals, copies;
  std::vector<Bytes> sources;
};

struct Seeds {
  std::vector<Picture> pictures;
  std::vector<Packed> packed;
  std::vector<Copied> copied;
  std::vector<Bytes> others;
};

constexpr uint64_t MOST_BLOCKS = 1 << 12;     // of coefficients
constexpr uint64_t MOST_CONTENTS = 1 << 20;  // bytes

inline std::vector<Bytes> read_all(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> found;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    found.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  expect(!found.empty(), "a folder of seeds is empty");
  return found;
}

inline void add_packed(std::vector<Packed>& to, const Bytes& data, const std::optional<deflate::Inside>& inside) {
  auto parts = deflate::split(data, inside ? &*inside : nullptr, MOST_CONTENTS);
  if (parts) to.push_back({data, inside, std::move(*parts)});
}

inline std::vector<Copied> copies_of(const std::vector<Bytes>& blocks) {
  std::vector<Copied> found;
  for (size_t first = 0; first + 3 <= blocks.size(); ++first) {
    Bytes mixed;
    for (size_t at = 0; at < 6; ++at) {
      const View block = blocks[first + at % 3];
      const View some = block.subspan(block.size() / 7 * at, std::min<size_t>(block.size() / 7, 400));
      mixed.insert(mixed.end(), some.begin(), some.end());
    }
    far::Finder finder({.reach = 1 << 20, .least = 16, .share = 1 << 20, .sources = 4});
    for (size_t i = 0; i < 3; ++i) finder.add(blocks[first + i]);
    if (const auto split = finder.split(mixed)) {
      std::vector<Bytes> sources;
      for (const uint32_t back : split->sources) sources.push_back(blocks[first + 3 - back]);
      found.push_back({mixed, split->literals, split->copies, sources});
    }
  }
  return found;
}

inline Seeds read_seeds(const std::filesystem::path& folder) {
  Seeds seeds;
  for (Bytes& data : read_all(folder / "jpeg")) {
    auto parts = jpeg::split(*find_kernel("auto"), data, MOST_BLOCKS);
    if (parts) seeds.pictures.push_back({std::move(data), std::move(*parts)});
  }
  for (const Bytes& data : read_all(folder / "deflate")) {
    add_packed(seeds.packed, data, std::nullopt);
    const View half = View(data).first(data.size() / 2);
    if (const auto inside = deflate::follow(half, nullptr)) {
      add_packed(seeds.packed, Bytes(data.begin() + ptrdiff_t(half.size()), data.end()), inside);
    }
  }
  seeds.others = read_all(folder / "others");
  seeds.copied = copies_of(seeds.others);
  expect(!seeds.pictures.empty() && !seeds.packed.empty() && !seeds.copied.empty(), "seeds have nothing to split");
  return seeds;
}

}  // namespace fuzz
