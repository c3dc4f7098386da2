#include "jpeg/block.hpp"

#include <algorithm>

#include "jpeg/bits.hpp"
#include "jpeg/transform.hpp"

namespace nncomp::jpeg {

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

}  // namespace nncomp::jpeg
