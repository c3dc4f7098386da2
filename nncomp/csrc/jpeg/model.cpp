#include "jpeg/model.hpp"

#include <algorithm>
#include <climits>

#include "jpeg/bits.hpp"
#include "jpeg/decisions.hpp"
#include "jpeg/levels.hpp"
#include "jpeg/transform.hpp"
#include "stage/stage.hpp"

namespace nncomp::jpeg {
namespace {

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

  void meet(const Component& mine);
  uint32_t number(Decisions& d, uint32_t v, int bits);
  int32_t value(Decisions& d, int32_t v);
  void start_edges();
  void know(int at, int32_t v);
  int32_t dequantised(const int16_t* b, int at) const { return clamp(b[at] * q_[at], LARGEST); }
  void inner();
  uint32_t inner_count_coded();
  void inner_contexts(uint32_t z, uint32_t count, uint32_t left);
  void edge(bool down);
  uint32_t edge_count_coded(bool down, const int32_t* guess);
  void edge_contexts(bool down, int i, uint32_t left, int32_t guess, int32_t other_guess);
  int32_t by_samples(bool down, int at) const;
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

// Finds the block at hand and its neighbours.
void Coder::meet(const Component& mine) {
  const auto at = [&](bool there, uint32_t r, uint32_t x) { return there ? planes_.block(c_, r, x) : NOTHING; };
  const auto other = [&](size_t back) {
    if (c_ < back) return NOTHING;
    const Component& theirs = header_.component[c_ - back];
    const uint32_t row = row_ * theirs.down / mine.down, column = column_ * theirs.across / mine.across;
    return static_cast<const int16_t*>(planes_.block(c_ - back, row, column));
  };
  given_ = planes_.block(c_, row_, column_);
  a_ = at(has_above_, row_ - 1, column_);
  l_ = at(has_left_, row_, column_ - 1);
  al_ = at(has_above_ && has_left_, row_ - 1, column_ - 1);
  ar_ = at(has_above_ && column_ + 1 < mine.wide, row_ - 1, column_ + 1);
  o_ = other(1);
  p_ = other(2);
  t_ = &here_[c_][column_];
  ta_ = has_above_ ? &above_[c_][column_] : &none_;
  tl_ = has_left_ ? &here_[c_][column_ - 1] : &none_;
}

// Codes a number of so many bits, the highest first; node is the bits so far with a 1 before them.
uint32_t Coder::number(Decisions& d, uint32_t v, int bits) {
  uint32_t node = 1;
  for (int i = bits - 1; i >= 0; --i) node = 2 * node + d.code(coding_, node, v >> i & 1);
  return node - (1u << bits);
}

int32_t Coder::value(Decisions& d, int32_t v) {  // codes a coefficient or an error: length, sign, lower bits
  const uint32_t bits = length_of(v), m = magnitude(v);
  uint32_t length = 0;
  while (length < LONGEST && d.code(coding_, LENGTH + std::min(length, SIGN - 1), bits > length)) ++length;
  if (length == 0) return 0;
  const bool negative = d.code(coding_, SIGN, v < 0);
  uint32_t found = 1;
  for (uint32_t place = length - 1; place-- > 0;) {
    const bool bit = m >> place & 1;
    if (found < 4) {
      const uint32_t node = length == 2 ? 0 : 3 * std::min(length - 3, 3u) + found;
      found = 2 * found + d.code(coding_, BITS + node, bit);
    } else {
      found = 2 * found + coding_.side.flag(k_->low[length][place], bit);
    }
  }
  return negative ? -int32_t(found) : int32_t(found);
}

// ---- Borders ----

// On the border half a sample behind a block's last row, the picture is, but for a factor, the sum of coefficients
// with alternating signs; half a sample before its first row, their plain sum. In a continuous picture both are equal.
void Coder::start_edges() {
  std::fill(top_, top_ + 8, 0);
  std::fill(side_, side_ + 8, 0);
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      const int32_t factor = j == 0 ? BORDER_FIRST : j % 2 ? -BORDER : BORDER;
      top_[i] += dequantised(a_, 8 * j + i) * factor;
      side_[i] += dequantised(l_, 8 * i + j) * factor;
    }
  }
}

// Stores a coefficient, and subtracts its part from the borders.
void Coder::know(int at, int32_t v) {
  b_[at] = int16_t(v);
  if (v == 0) return;
  const int32_t f = dequantised(b_, at);
  if (has_above_) top_[at % 8] -= f * (at < 8 ? BORDER_FIRST : BORDER);
  if (has_left_) side_[at / 8] -= f * (at % 8 == 0 ? BORDER_FIRST : BORDER);
}

// ---- Inner coefficients ----

uint32_t Coder::inner_count_coded() {
  const uint32_t na = ta_->inner, nl = tl_->inner, no = inner_count(o_);
  const uint32_t nal = inner_count(al_), nar = inner_count(ar_);
  const uint32_t mean = has_above_ && has_left_ ? (na + nl + 1) / 2 : na + nl;
  const uint32_t la = level(na, 11), ll = level(nl, 11), lo = level(no, 11), lm = level(mean, 11);
  k_->inner_count.at(coding_,
                     {{mean, 50},
                      {la * 11 + ll, 121},
                      {lm * 11 + lo, 121},
                      {no, 50},
                      {na, 50},
                      {nl, 50},
                      {(la * 11 + ll) * 11 + lo, 1331},
                      {(na + nl + nal + nar) / 2, 100},
                      {(level(nal, 11) * 11 + lm) * 11 + level(nar, 11), 1331},
                      {0, 1}},
                     {{{0, 1}, {lm, 11}, {lo, 11}}});
  const uint32_t count = number(k_->inner_count, inner_count(given_), 6);
  if (count > INNER) damaged();
  return count;
}

void Coder::inner_contexts(uint32_t z, uint32_t count, uint32_t left) {
  const int at = PLACES[z], u = at % 8, v = at / 8;
  const auto known = [&](int du, int dv) {  // magnitude of an inner coefficient of this block that is known, else 0
    return u + du > 0 && u + du < 8 && v + dv > 0 && v + dv < 8 ? magnitude(b_[at + 8 * dv + du]) : 0;
  };
  const auto around = [&](const int16_t* b) {
    return 2 * magnitude(b[at]) + magnitude(b[at - 1]) + magnitude(b[at - 8]) + (u < 7 ? magnitude(b[at + 1]) : 0) +
           (v < 7 ? magnitude(b[at + 8]) : 0);
  };
  const int32_t a = a_[at], l = l_[at], o = o_[at];
  const uint32_t beside = known(-1, 0) + known(0, -1);
  const uint32_t inside =
      level(2 * beside + known(-1, -1) + known(1, -1) + known(-1, 1) + known(-2, 0) + known(0, -2), 14);
  const uint32_t near = level((13 * (magnitude(a) + magnitude(l)) + 6 * magnitude(al_[at])) / 6, 14);
  const uint32_t wide = level(around(a_) + around(l_), 14);
  const uint32_t corners = level(magnitude(al_[at]) + magnitude(ar_[at]), 10), lo = level(magnitude(o), 10);
  const uint32_t lleft = level(left, 11), share = std::min(left * 8 / (INNER - z), 7u);
  const int32_t unit = 128 * std::max<int32_t>(q_[at], 1), top = top_[u] / unit, side = side_[v] / unit;
  k_->inner.at(coding_,
               {{z * 25 + std::min(left, 25u) - 1, 49 * 25},
                {z * 14 + near, 49 * 14},
                {(z * 7 + at_most(a, 6)) * 7 + at_most(l, 6), 49 * 49},
                {(near * 14 + inside) * 11 + lleft, 14 * 14 * 11},
                {z * 14 + inside, 49 * 14},
                {left * 50 + count, 50 * 50},
                {z * 10 + lo, 49 * 10},
                {(z * 14 + near) * 8 + share, 49 * 14 * 8},
                {((with_sign(a, 3) * 7 + with_sign(l, 3)) * 7 + with_sign(o, 3)) * 5 + with_sign(p_[at], 2), 343 * 5},
                {(wide * 14 + inside) * 8 + share, 14 * 14 * 8},
                {(z * 14 + wide) * 4 + std::min(beside, 3u), 49 * 14 * 4},
                {(corners * 14 + near) * 10 + lo, 10 * 14 * 10},
                {z * 23 + signed_level(top, 12), 49 * 23},
                {z * 23 + signed_level(side, 12), 49 * 23},
                {(signed_level(top, 8) * 15 + signed_level(side, 8)) * 14 + near, 15 * 15 * 14}},
               {{{z, 49}, {lleft, 11}, {near, 14}}});
}

void Coder::inner() {
  const uint32_t count = t_->inner = inner_count_coded();
  uint32_t left = count;
  for (uint32_t z = 0; left > 0; ++z) {
    if (z == INNER) damaged();
    inner_contexts(z, count, left);
    const int at = PLACES[z];
    const int32_t v = value(k_->inner, given_[at]);
    know(at, v);
    left -= v != 0;
  }
}

// ---- Edges: the first row and column, DC excluded; `down` is the column ----

// The coefficient `at` with which the samples on both sides of the border would be equal.
int32_t Coder::by_samples(bool down, int at) const {
  const int across = down ? 1 : 8;
  const int16_t* const n = down ? l_ : a_;
  int32_t sum = 0;
  for (int j = 0; j < 8; ++j) {
    sum += COSINE[j][7] * dequantised(n, at + j * across) - COSINE[j][0] * dequantised(b_, at + j * across);
  }
  return sum / COSINE[0][0];
}

uint32_t Coder::edge_count_coded(bool down, const int32_t* guess) {
  const int step = down ? 8 : 1;
  const uint32_t beside = down ? tl_->columns : ta_->rows, along = down ? ta_->columns : tl_->rows;
  const uint32_t inner = level(t_->inner, 11), first = down ? t_->rows : 0, other = edge_count(o_, step), d = down;
  uint32_t expected = 0;
  for (int i = 1; i < 8; ++i) expected += 2 * magnitude(guess[i]) >= q_[i * step];
  k_->edge_count.at(coding_,
                    {{(d * 8 + beside) * 8 + along, 128},
                     {(d * 11 + inner) * 8 + first, 176},
                     {(d * 8 + expected) * 11 + inner, 176},
                     {((d * 8 + expected) * 8 + beside) * 8 + along, 1024},
                     {(d * 8 + other) * 8 + along, 128},
                     {d * 50 + t_->inner, 100},
                     {(beside + along) * 11 + inner, 165},
                     {(first * 8 + expected) * 15 + beside + along, 960}},
                    {{{d, 2}, {inner, 11}, {expected, 8}}});
  return number(k_->edge_count, edge_count(given_, step), 3);
}

void Coder::edge_contexts(bool down, int i, uint32_t left, int32_t guess, int32_t other_guess) {
  const int step = down ? 8 : 1, across = down ? 1 : 8, at = i * step;
  const uint32_t place = (down ? 7 : 0) + uint32_t(i) - 1;
  const int32_t beside = (down ? l_ : a_)[at], along = (down ? a_ : l_)[at], q = std::max<int32_t>(q_[at], 1);
  const int32_t g = 4 * guess / q;
  const uint32_t s = signed_level(g, 16), t = signed_level(4 * other_guess / q, 16), inner = level(t_->inner, 11);
  const uint32_t near = level(magnitude(beside) + 2 * magnitude(along), 14);
  const uint32_t before = level(magnitude(i > 1 ? b_[at - step] : 0) + magnitude(i > 2 ? b_[at - 2 * step] : 0), 10);
  const uint32_t inside = level(2 * magnitude(b_[at + across]) + magnitude(b_[at + 2 * across]), 10);
  k_->edge.at(coding_,
              {{place * 8 + left, 14 * 8},
               {place * 31 + s, 14 * 31},
               {place * 31 + t, 14 * 31},
               {(place * 14 + near) * 8 + left, 14 * 14 * 8},
               {(s * 8 + left) * 8 + 8 - uint32_t(i), 31 * 64},
               {(place * 7 + at_most(beside, 6)) * 7 + at_most(along, 6), 14 * 49},
               {s * 14 + near, 31 * 14},
               {(place * 11 + inner) * 8 + left, 14 * 88},
               {(with_sign(o_[at], 4) * 7 + with_sign(g / 4, 3)) * 5 + with_sign(p_[at], 2), 9 * 35},
               {before * 31 + s, 10 * 31},
               {(place * 10 + inside) * 10 + level(magnitude(g), 10), 14 * 100},
               {(with_sign(along, 3) * 7 + with_sign(beside, 3)) * 31 + t, 49 * 31}},
              {{{place, 14}, {left, 8}, {signed_level(g, 8), 15}}});
}

void Coder::edge(bool down) {
  const int step = down ? 8 : 1;
  int32_t guess[8] = {}, other_guess[8] = {};
  if (down ? has_left_ : has_above_) {
    for (int i = 1; i < 8; ++i) {
      guess[i] = (down ? side_ : top_)[i] / BORDER_FIRST;
      other_guess[i] = by_samples(down, i * step);
    }
  }
  uint32_t left = (down ? t_->columns : t_->rows) = edge_count_coded(down, guess);
  for (int i = 1; left > 0; ++i) {
    if (i == 8) damaged();
    edge_contexts(down, i, left, guess[i], other_guess[i]);
    const int32_t v = value(k_->edge, given_[i * step]);
    know(i * step, v);
    left -= v != 0;
  }
}

// Sets the contexts of DC; returns the guess: the mean of the DCs that continue the samples across the two borders.
int32_t Coder::dc_contexts(const int32_t (*sample)[8]) {
  int32_t above = 0, left = 0, low = INT32_MAX, high = INT32_MIN;
  const auto take = [&](const int32_t (&theirs)[2][8], int i, int32_t first, int32_t second, int32_t& sum) {
    const int32_t dc = theirs[0][i] + (theirs[0][i] - theirs[1][i]) / 2 - first + (second - first) / 2;
    sum += dc;
    low = std::min(low, dc);
    high = std::max(high, dc);
  };
  for (int i = 0; i < 8; ++i) {
    if (has_above_) take(ta_->bottom, i, sample[0][i], sample[1][i], above);
    if (has_left_) take(tl_->right, i, sample[i][0], sample[i][1], left);
  }
  const bool both = has_above_ && has_left_, none = !has_above_ && !has_left_;
  const int32_t mean = (above + left) / (both ? 16 : 8), apart = both ? (above - left) / 8 : 0;
  const int32_t q = std::max<int32_t>(q_[0], 1);
  const int32_t guess = clamp((mean + (mean < 0 ? -q / 2 : q / 2)) / q, LARGEST);
  const uint32_t spread = none ? 0 : level(uint32_t(high - low) / uint32_t(q), 16);
  const uint32_t far = level(2 * magnitude(apart) / uint32_t(q), 14), inner = level(t_->inner, 11);
  const uint32_t errors = level(magnitude(ta_->error) + magnitude(tl_->error), 14);
  const int32_t other = c_ > 1 && header_.component[c_ - 1].wide == header_.component[c_].wide
                            ? errors_[c_ - 1][size_t(row_ % MAX_DOWN) * header_.component[c_].wide + column_]
                            : 0;
  k_->dc.at(coding_,
            {{spread, 16},
             {far, 14},
             {errors * 16 + spread, 14 * 16},
             {inner * 16 + spread, 11 * 16},
             {with_sign(ta_->error, 5) * 11 + with_sign(tl_->error, 5), 121},
             {signed_level(2 * apart / q, 10) * 7 + with_sign(4 * (mean - guess * q) / q, 3), 19 * 7},
             {far * 14 + errors, 14 * 14},
             {signed_level(other, 8) * 16 + spread, 15 * 16},
             {0, 1}},
            {{{0, 1}, {spread, 16}, {errors, 14}}});
  return guess;
}

void Coder::dc() {
  int32_t sample[8][8];
  samples([&](int at) { return at == 0 ? 0 : dequantised(b_, at); }, sample);
  const int32_t guess = dc_contexts(sample);
  const int32_t error = value(k_->dc, given_[0] - guess), found = guess + error;
  if (found < INT16_MIN || found > INT16_MAX) damaged();
  b_[0] = int16_t(found);
  t_->error = error;
  errors_[c_][size_t(row_ % MAX_DOWN) * header_.component[c_].wide + column_] = error;
  const int32_t mean = clamp(found * q_[0], 8 * LARGEST);
  for (int i = 0; i < 8; ++i) {
    t_->bottom[0][i] = sample[7][i] + mean;
    t_->bottom[1][i] = sample[6][i] + mean;
    t_->right[0][i] = sample[i][7] + mean;
    t_->right[1][i] = sample[i][6] + mean;
  }
}

}  // namespace

struct Model::Parts {
  Kinds kinds[2];
};

Model::Model() : parts_(std::make_unique<Parts>()) {}
Model::~Model() = default;

void Model::code(const Kernel& kernel, Side& side, const Header& header, Planes& planes) {
  Coder coder({kernel, mixing_tables(), side}, parts_->kinds, header, planes);
  for (uint32_t unit = 0; unit < planes.rows(); ++unit) {
    for (size_t c = 0; c < size_t(header.count); ++c) {
      const uint32_t down = header.component[c].down;
      for (uint32_t row = unit * down; row < (unit + 1) * down; ++row) coder.row(c, row);
    }
  }
}

}  // namespace nncomp::jpeg
