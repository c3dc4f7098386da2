// Codes the blocks of a picture (docs/jpeg.md, section 3). What codes the inner coefficients of a block, its edges and
// its DC is in inner.cpp, edges.cpp and dc.cpp; block.cpp has what these share.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "coder/integers.hpp"
#include "jpeg/decisions.hpp"
#include "jpeg/forecast.hpp"
#include "jpeg/levels.hpp"
#include "jpeg/scan.hpp"

namespace nncomp::jpeg {

// What is remembered of a block for the ones to the right and below.
struct Trace {
  int32_t bottom[2][8]{}, right[2][8]{};     // samples in eighths: the last row (column), and the one before it
  int32_t error = 0;                         // DC minus its guess
  uint32_t inner = 0, rows = 0, columns = 0;  // how many are not 0: inner coefficients, of the first row, first column
};

// What is learnt from the first component, or from all others.
struct Kinds {
  Decisions inner_count{64}, inner{NODES}, edge_count{8}, edge{NODES}, dc{NODES};
  AdaptiveBit low[LONGEST + 1][LONGEST];
  // What is foretold of counts and of DC's errors: [0] of the first or second component, [1] of later ones; of counts
  // of edges then of rows, of columns. Of coefficients: by place.
  Forecast inner_counts[2], values[INNER], roots[INNER], edge_counts[2][2], edges[14], errors[2];
};

// Codes the blocks of a picture. Writer and reader run the same code: given_ is the block that is written, or where
// the one that is read goes; predictions use b_ and the blocks before it, which both know.
class Coder {
 public:
  Coder(const Coding& coding, Kinds* kinds, const Header& header, Planes& planes)
      : coding_(coding), kinds_(kinds), header_(header), planes_(planes) {
    for (size_t i = 0; i < size_t(header.count); ++i) {
      above_[i].resize(header.component[i].wide);
      here_[i].resize(header.component[i].wide);
      errors_[i].resize(size_t(MAX_DOWN) * header.component[i].wide);
    }
  }

  void row(size_t component, uint32_t row) {  // codes a row of blocks
    c_ = component;
    row_ = row;
    const Component& mine = header_.component[c_];
    k_ = &kinds_[c_ > 0];
    q_ = header_.quantised[mine.table].data();
    has_above_ = row > 0;
    for (column_ = 0; column_ < mine.wide; ++column_) {
      has_left_ = column_ > 0;
      meet(mine);
      std::fill(b_, b_ + BLOCK, int16_t(0));
      start_edges();
      inner();
      edge(false);
      edge(true);
      dc();
      std::copy(b_, b_ + BLOCK, given_);
    }
    std::swap(above_[c_], here_[c_]);
  }

 private:
  static constexpr uint32_t MAX_DOWN = 4;  // rows of blocks in a unit

  // How far the inner coefficients are. Of those from place z on, so many are not 0: of this block, of those above and
  // left; the last `zeros` before z are 0.
  struct Progress {
    uint32_t z, left, above, beside, zeros;
  };

  // The DCs that continue the samples across the two borders, at eight places each: at the top and at the left their
  // sums, and those of what slopes add; their mean, how far top and left are apart, and from the least to the greatest.
  struct Continued {
    int32_t sum[2]{}, slope[2]{}, mean = 0, apart = 0;
    uint32_t spread = 0;
  };

  void meet(const Component& mine);
  uint32_t number(Decisions& d, uint32_t v, int bits);
  int32_t value(Decisions& d, int32_t v);
  void start_edges();
  void know(int at, int32_t v);
  int32_t dequantised(const int16_t* b, int at) const { return clamp(b[at] * q_[at], LARGEST); }
  void inner();
  uint32_t inner_count_coded();
  void inner_contexts(const Progress& on);
  void edge(bool down);
  uint32_t edge_count_coded(bool down, const int32_t* guess, const int32_t* other_guess);
  Hints edge_hints(bool down, int i, int32_t guess, int32_t other_guess) const;
  void edge_contexts(bool down, int i, uint32_t left, int32_t guess, int32_t other_guess);
  int32_t by_samples(bool down, int at) const;
  int32_t error_of(size_t back) const;
  Continued continued(const int32_t (*sample)[8]) const;
  int32_t dc_contexts(const int32_t (*sample)[8]);
  void dc();

  Coding coding_;
  Kinds* kinds_;
  const Header& header_;
  Planes& planes_;
  std::array<std::vector<Trace>, MAX_COMPONENTS> above_, here_;  // of the rows of blocks above, and at hand
  // DC minus its guess: [row % MAX_DOWN][column], of the last such row, and at first 0.
  std::array<std::vector<int32_t>, MAX_COMPONENTS> errors_;
  const Trace none_{};

  // The block at hand.
  size_t c_ = 0;  // its component
  uint32_t row_ = 0, column_ = 0;
  Kinds* k_ = nullptr;
  const uint16_t* q_ = nullptr;  // its quantisation
  int16_t* given_ = nullptr;  // all of it if it is written
  int16_t b_[BLOCK];  // what is known of it; 0 if not yet
  const int16_t *a_, *l_, *al_, *ar_, *o_, *p_;  // above, left, above left, above right; one component before, two
  bool has_above_ = false, has_left_ = false;
  Trace* t_;
  const Trace *ta_, *tl_;  // of the blocks above and left
  int32_t top_[8], side_[8];  // at the upper and left border: what the neighbour expects, less what is known
};

}  // namespace nncomp::jpeg
