// Inner coefficients: those whose row and column are not 0.
#include "jpeg/bits.hpp"
#include "jpeg/block.hpp"

namespace nncomp::jpeg {

uint32_t Coder::inner_count_coded() {
  const uint32_t na = ta_->inner, nl = tl_->inner, no = inner_count(o_);
  const uint32_t nal = inner_count(al_), nar = inner_count(ar_);
  const uint32_t mean = has_above_ && has_left_ ? (na + nl + 1) / 2 : na + nl, around = (na + nl + nal + nar) / 2;
  const uint32_t lo = level(no, 11), lm = level(mean, 11), later = c_ > 1;
  Forecast& forecast = k_->inner_counts[later];
  const int32_t foretold = forecast.of(whole_hints(na, nl, nal, nar, no, inner_count(p_), ta_->rows, ta_->columns,
                                                   tl_->rows, tl_->columns, edge_count(o_, 1), edge_count(o_, 8), 1));
  const uint32_t halves = steps(foretold, 8, 99), quarters = steps(foretold, 4, 31);
  k_->inner_count.at(coding_,
                     {{halves, 100},
                      {later * 100 + halves, 200},
                      {quarters * 11 + lo, 32 * 11},
                      {quarters * 11 + lm, 32 * 11},
                      {lm * 11 + lo, 121},
                      {no, 50},
                      {na, 50},
                      {nl, 50},
                      {around, 100},
                      {(level(nal, 11) * 11 + lm) * 11 + level(nar, 11), 1331},
                      {0, 1}},
                     {{{0, 1}, {lm, 11}, {lo, 11}, {na, 50}, {nl, 50}, {no, 50}, {around, 100}}});
  const uint32_t count = number(k_->inner_count, inner_count(given_), 6);
  if (count > INNER) damaged();
  forecast.learn(int32_t(count) * UNIT);
  return count;
}

void Coder::inner_contexts(const Progress& on) {
  const uint32_t z = on.z;
  const int at = PLACES[z], u = at % 8, v = at / 8;
  const auto known = [&](int du, int dv) -> int32_t {  // an inner coefficient of this block if it is known, else 0
    return u + du > 0 && u + du < 8 && v + dv > 0 && v + dv < 8 ? b_[at + 8 * dv + du] : 0;
  };
  const int32_t w = known(-1, 0), n = known(0, -1), nw = known(-1, -1), ne = known(1, -1), sw = known(-1, 1);
  const int32_t ww = known(-2, 0), nn = known(0, -2), a = a_[at], l = l_[at], o = o_[at], p = p_[at];
  const int32_t inner_a = a_[at - 8], inner_l = l_[at - 1];  // one place nearer to the block's first row, or column
  const auto m = magnitude;
  const uint32_t right_a = u < 7 ? m(a_[at + 1]) : 0, right_l = u < 7 ? m(l_[at + 1]) : 0;
  const uint32_t below_a = v < 7 ? m(a_[at + 8]) : 0, below_l = v < 7 ? m(l_[at + 8]) : 0;

  // What is foretold: the coefficient, and the root of its magnitude.
  const int32_t q = std::max<int32_t>(q_[at], 1), across = UNIT * q;
  const int32_t foretold =
      k_->values[z].of(hints(top_[u] / across, side_[v] / across, UNIT * a, UNIT * l, UNIT * o, UNIT * p, UNIT * w,
                             UNIT * n, UNIT * nw, UNIT * ne, UNIT * ww, UNIT * nn, UNIT * inner_a, UNIT * inner_l));
  const int32_t foretold_root =
      k_->roots[z].of(hints(root(m(a)), root(m(l)), root(m(w)), root(m(n)), root(m(nw)), root(m(ne)), root(m(sw)),
                            root(m(ww)), root(m(nn)), root(m(inner_a)), root(m(inner_l)), root(right_a + right_l),
                            root(below_a + below_l), root(m(o)), root(on.left), UNIT));
  const uint32_t value = signed_level(foretold / 2, 14), size = steps(foretold_root, 2, 39);

  const uint32_t beside = m(w) + m(n), inside = level(2 * beside + m(nw) + m(ne) + m(sw) + m(ww) + m(nn), 14);
  const uint32_t near = level((13 * (m(a) + m(l)) + 6 * m(al_[at])) / 6, 14);
  const uint32_t wide = level(2 * m(a) + m(a_[at - 1]) + m(inner_a) + right_a + below_a + 2 * m(l) + m(inner_l) +
                                  m(l_[at - 8]) + right_l + below_l,
                              14);
  const uint32_t corners = level(m(al_[at]) + m(ar_[at]), 10), lo = level(m(o), 10);
  const uint32_t left = level(on.left, 11), share = std::min(on.left * 8 / (INNER - z), 7u);
  const int32_t top = top_[u] / (128 * q), side = side_[v] / (128 * q);
  k_->inner.at(coding_,
               {{z * 25 + std::min(on.left, 25u) - 1, 49 * 25},
                {z * 14 + inside, 49 * 14},
                {z * 10 + lo, 49 * 10},
                {((with_sign(a, 3) * 7 + with_sign(l, 3)) * 7 + with_sign(o, 3)) * 5 + with_sign(p, 2), 343 * 5},
                {(wide * 14 + inside) * 8 + share, 14 * 14 * 8},
                {(corners * 14 + near) * 10 + lo, 10 * 14 * 10},
                {z * 23 + signed_level(top, 12), 49 * 23},
                {z * 23 + signed_level(side, 12), 49 * 23},
                {(signed_level(top, 8) * 15 + signed_level(side, 8)) * 14 + near, 15 * 15 * 14},
                {(std::min(on.left, 20u) * 11 + level(on.above, 11)) * 11 + level(on.beside, 11), 21 * 121},
                {z * 16 + std::min(on.zeros, 15u), 49 * 16},
                {size * 16 + std::min(on.zeros, 15u), 40 * 16},
                {z * 27 + value, 49 * 27},
                {value * 40 + size, 27 * 40},
                {size * 11 + left, 40 * 11}},
               {{{z, 49},
                 {left, 11},
                 {near, 14},
                 {wide * 4 + std::min(beside, 3u), 56},
                 {signed_level(top, 4) * 7 + signed_level(side, 4), 49},
                 {size, 40},
                 {value, 27}}});
}

void Coder::inner() {
  const uint32_t count = t_->inner = inner_count_coded();
  Progress on = {0, count, inner_count(a_), inner_count(l_), 0};
  for (; on.left > 0; ++on.z) {
    if (on.z == INNER) damaged();
    inner_contexts(on);
    const int at = PLACES[on.z];
    const int32_t v = value(k_->inner, given_[at]);
    know(at, v);
    k_->values[on.z].learn(UNIT * v);
    k_->roots[on.z].learn(root(magnitude(v)));
    on.left -= v != 0;
    on.above -= a_[at] != 0;
    on.beside -= l_[at] != 0;
    on.zeros = v ? 0 : on.zeros + 1;
  }
}

}  // namespace nncomp::jpeg
