// DC: what it is from the samples that continue across a block's borders.
#include <climits>

#include "jpeg/bits.hpp"
#include "jpeg/block.hpp"
#include "jpeg/transform.hpp"

namespace nncomp::jpeg {

// DC minus its guess, of the component so many before, in the same column, of the last of its rows coded so far whose
// number is the same modulo MAX_DOWN; 0 if its rows are not as wide.
int32_t Coder::error_of(size_t back) const {
  if (c_ < back || header_.component[c_ - back].wide != header_.component[c_].wide) return 0;
  return errors_[c_ - back][size_t(row_ % MAX_DOWN) * header_.component[c_].wide + column_];
}

// The DCs that continue the samples across the two borders.
Coder::Continued Coder::continued(const int32_t (*sample)[8]) const {
  Continued c;
  int32_t low = INT32_MAX, high = INT32_MIN;
  const auto take = [&](const int32_t (&theirs)[2][8], int i, int32_t first, int32_t second, int side) {
    const int32_t slope = (theirs[0][i] - theirs[1][i]) / 2 + (second - first) / 2, dc = theirs[0][i] - first + slope;
    c.sum[side] += dc;
    c.slope[side] += slope;
    low = std::min(low, dc);
    high = std::max(high, dc);
  };
  for (int i = 0; i < 8; ++i) {
    if (has_above_) take(ta_->bottom, i, sample[0][i], sample[1][i], 0);
    if (has_left_) take(tl_->right, i, sample[i][0], sample[i][1], 1);
  }
  if (has_above_ || has_left_) c.spread = uint32_t(high - low);
  c.mean = (c.sum[0] + c.sum[1]) / (has_above_ && has_left_ ? 16 : 8);
  c.apart = has_above_ && has_left_ ? (c.sum[0] - c.sum[1]) / 8 : 0;
  return c;
}

// Sets the contexts of DC; returns the guess: the mean of the DCs that continue the samples.
int32_t Coder::dc_contexts(const int32_t (*sample)[8]) {
  const Continued c = continued(sample);
  const int32_t q = std::max<int32_t>(q_[0], 1), mean = c.mean, apart = c.apart;
  const int32_t guess = clamp((mean + (mean < 0 ? -q / 2 : q / 2)) / q, LARGEST);
  const uint32_t spread = level(c.spread / uint32_t(q), 16), far = level(2 * magnitude(apart) / uint32_t(q), 14);
  const uint32_t inner = level(t_->inner, 11), errors = level(magnitude(ta_->error) + magnitude(tl_->error), 14);
  const uint32_t other = signed_level(c_ > 1 ? error_of(1) : 0, 8);
  const auto off = [&](const int16_t* b) { return b == NOTHING ? 0 : UNIT * (b[0] - guess); };
  const int32_t foretold = k_->errors[c_ > 1].of(
      hints(UNIT * mean / q - UNIT * guess, UNIT * apart / q, UNIT * error_of(1), UNIT * error_of(2), off(a_), off(l_),
            off(al_), off(ar_), UNIT * (c.slope[0] / 8) / q, UNIT * (c.slope[1] / 8) / q, UNIT * b_[1], UNIT * b_[8],
            UNIT * a_[8], UNIT * l_[1], UNIT * b_[2], UNIT * b_[16]));
  const uint32_t value = signed_level(foretold / 2, 16);
  k_->dc.at(coding_,
            {{value, 31},
             {value * 16 + spread, 31 * 16},
             {value * 14 + errors, 31 * 14},
             {value * 11 + inner, 31 * 11},
             {value * 14 + far, 31 * 14},
             {spread, 16},
             {far, 14},
             {errors * 16 + spread, 14 * 16},
             {inner * 16 + spread, 11 * 16},
             {with_sign(ta_->error, 5) * 11 + with_sign(tl_->error, 5), 121},
             {signed_level(2 * apart / q, 10) * 7 + with_sign(4 * (mean - guess * q) / q, 3), 19 * 7},
             {far * 14 + errors, 14 * 14},
             {other * 16 + spread, 15 * 16},
             {0, 1}},
            {{{0, 1}, {spread, 16}, {errors, 14}, {far, 14}, {inner, 11}, {value, 31}, {other, 15}}});
  return guess;
}

void Coder::dc() {
  int32_t sample[8][8];
  samples([&](int at) { return at == 0 ? 0 : dequantised(b_, at); }, sample);
  const int32_t guess = dc_contexts(sample);
  const int32_t error = value(k_->dc, given_[0] - guess), found = guess + error;
  if (found < INT16_MIN || found > INT16_MAX) damaged();
  k_->errors[c_ > 1].learn(UNIT * error);
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

}  // namespace nncomp::jpeg
