// Edges: the first row and column of a block, DC excluded; `down` is the column.
#include "jpeg/bits.hpp"
#include "jpeg/block.hpp"
#include "jpeg/transform.hpp"

namespace nncomp::jpeg {

namespace {

uint32_t edge_place(bool down, int i) { return (down ? 7 : 0) + uint32_t(i) - 1; }

}  // namespace

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

uint32_t Coder::edge_count_coded(bool down, const int32_t* guess, const int32_t* other_guess) {
  const int step = down ? 8 : 1, across = down ? 1 : 8;
  const uint32_t beside = down ? tl_->columns : ta_->rows, along = down ? ta_->columns : tl_->rows;
  const uint32_t inner = level(t_->inner, 11), first = down ? t_->rows : 0, other = edge_count(o_, step), d = down;
  // By the guesses: how many are not 0, the last of them, and how large they are; likewise of the other guess. Of the
  // two lines of the block behind the edge, how many are not 0.
  uint32_t expected = 0, last = 0, sum = 0, other_expected = 0, line = 0, next_line = 0;
  for (uint32_t i = 1; i < 8; ++i) {
    const uint32_t at = i * uint32_t(step), q = q_[at], twice = 2 * magnitude(guess[i]);
    expected += twice >= q;
    if (twice >= q) last = i;
    sum += twice / std::max(q, 1u);
    other_expected += 2 * magnitude(other_guess[i]) >= q;
    line += b_[at + uint32_t(across)] != 0;
    next_line += b_[at + 2 * uint32_t(across)] != 0;
  }
  const uint32_t size = level(sum, 16);
  const auto first_of = [&](const int16_t* b) { return std::min(magnitude(b[step]), 7u); };
  Forecast& forecast = k_->edge_counts[c_ > 1][down];
  const int32_t foretold =
      forecast.of(whole_hints(beside, along, line, next_line, first, other, expected, other_expected, size, t_->inner,
                              1, edge_count(al_, step), last, first_of(o_), first_of(a_), first_of(l_)));
  const uint32_t fine = steps(foretold, 3, 47), coarse = steps(foretold, 5, 23);
  k_->edge_count.at(coding_,
                    {{fine, 48},
                     {fine * 2 + d, 96},
                     {(coarse * 8 + other) * 8 + line, 24 * 64},
                     {(d * 11 + inner) * 8 + first, 176},
                     {(d * 8 + other) * 8 + along, 128},
                     {(beside + along) * 11 + inner, 165},
                     {((d * 8 + line) * 8 + next_line) * 11 + inner, 128 * 11},
                     {(d * 8 + last) * 8 + expected, 128},
                     {(d * 16 + size) * 8 + line, 256},
                     {((d * 16 + size) * 8 + along) * 8 + beside, 2048}},
                    {{{d, 2}, {inner, 11}, {expected, 8}, {beside, 8}, {along, 8}, {line * 2 + d, 16}, {size, 16}}});
  const uint32_t count = number(k_->edge_count, edge_count(given_, step), 3);
  forecast.learn(int32_t(count) * UNIT);
  return count;
}

// What a coefficient of an edge is foretold from.
Hints Coder::edge_hints(bool down, int i, int32_t guess, int32_t other_guess) const {
  const int step = down ? 8 : 1, across = down ? 1 : 8, at = i * step;
  const int16_t* const beside = down ? l_ : a_;
  const int16_t* const along = down ? a_ : l_;
  const auto one = [](bool there, const int16_t* b, int place) { return there ? UNIT * b[place] : 0; };
  const int32_t q = std::max<int32_t>(q_[at], 1);
  return hints(UNIT * guess / q, UNIT * other_guess / q, UNIT * beside[at], UNIT * along[at], UNIT * o_[at],
               UNIT * p_[at], UNIT * al_[at], UNIT * ar_[at], UNIT * b_[at + across], UNIT * b_[at + 3 * across],
               one(i > 1, b_, at - step), one(i > 2, b_, at - 2 * step), UNIT * beside[at + across],
               one(i < 7, along, at + step), one(i > 1, along, at - step));
}

void Coder::edge_contexts(bool down, int i, uint32_t left, int32_t guess, int32_t other_guess) {
  const int step = down ? 8 : 1, across = down ? 1 : 8, at = i * step;
  const uint32_t place = edge_place(down, i);
  const int32_t beside = (down ? l_ : a_)[at], along = (down ? a_ : l_)[at], q = std::max<int32_t>(q_[at], 1);
  const int32_t g = 4 * guess / q;
  const uint32_t s = signed_level(g, 16), t = signed_level(4 * other_guess / q, 16), inner = level(t_->inner, 11);
  const uint32_t near = level(magnitude(beside) + 2 * magnitude(along), 14);
  const uint32_t before = level(magnitude(i > 1 ? b_[at - step] : 0) + magnitude(i > 2 ? b_[at - 2 * step] : 0), 10);
  const uint32_t inside = level(2 * magnitude(b_[at + across]) + magnitude(b_[at + 2 * across]), 10);
  const uint32_t value = signed_level(k_->edges[place].of(edge_hints(down, i, guess, other_guess)) / 4, 16);
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
               {(with_sign(along, 3) * 7 + with_sign(beside, 3)) * 31 + t, 49 * 31},
               {place * 31 + value, 14 * 31},
               {value * 14 + near, 31 * 14},
               {(value * 8 + left) * 8 + 8 - uint32_t(i), 31 * 64}},
              {{{place, 14}, {left, 8}, {signed_level(g, 8), 15}, {near, 14}, {t, 31}, {value, 31}, {inner, 11}}});
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
  uint32_t left = (down ? t_->columns : t_->rows) = edge_count_coded(down, guess, other_guess);
  for (int i = 1; left > 0; ++i) {
    if (i == 8) damaged();
    edge_contexts(down, i, left, guess[i], other_guess[i]);
    const int32_t v = value(k_->edge, given_[i * step]);
    know(i * step, v);
    k_->edges[edge_place(down, i)].learn(UNIT * v);
    left -= v != 0;
  }
}

}  // namespace nncomp::jpeg
