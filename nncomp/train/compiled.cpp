// Attention in training, on a CPU: `attend` of functions.py, of one row of a batch. Scores are formed for R queries
// of a head at a time and stay in the first cache; the gradient forms them again.
//
// Arrays are contiguous: queries, averages and their gradients (T, H, h), keys and values (T, h) at a stride of rows,
// biases (H, W) by distance. T is a multiple of 32.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

#ifdef __AVX512F__
constexpr int R = 8, L = 16;  // queries, and lanes of a vector: so that 2 R sums are in registers
#else
constexpr int R = 4, L = 8;
#endif
constexpr int BLOCK = 2 * L;       // keys
constexpr int MARGIN = 64;         // of biases by place: more than a block and the queries take
constexpr float UNSEEN = -1e9f;

using Vector = float __attribute__((vector_size(4 * L)));
using Ints = int32_t __attribute__((vector_size(4 * L)));
using Loose = float __attribute__((vector_size(4 * L), aligned(4), may_alias));

inline Vector load(const float* p) { return *reinterpret_cast<const Loose*>(p); }
inline void store(float* p, Vector x) { *reinterpret_cast<Loose*>(p) = x; }

inline Vector rounded_off(Vector x) {
  constexpr float MAGIC = 12582912.0f;  // 1.5 · 2^23: its last bit is a one
  return (x + MAGIC) - MAGIC;
}

// 2^x, to a few units in the last place; 0 below 2^-126.
inline Vector power_of_2(Vector x) {
  const Vector n = rounded_off(x), f = (x - n) * 0.693147180559945f;
  Vector y = f * (1.0f / 5040) + (1.0f / 720);
  y = y * f + (1.0f / 120);
  y = y * f + (1.0f / 24);
  y = y * f + (1.0f / 6);
  y = y * f + 0.5f;
  y = y * f + 1.0f;
  y = y * f + 1.0f;
  const Ints scale = (__builtin_convertvector(n, Ints) + 127) << 23;
  Vector s;
  std::memcpy(&s, &scale, sizeof(s));
  return x < -126.0f ? Vector{} : y * s;
}

struct Shape {
  int T, H, W;
  int64_t stride;  // of keys and values
};

// out[r][j - first] = a[r] · the columns of `across`, (h, T): of R rows of `a`, `stride` apart.
template <int h>
void products(const float* a, int stride, const float* across, int T, int first, int last, float* out, int size) {
  for (int j = first; j < last; j += BLOCK) {
    Vector sum[R][2] = {};
    for (int c = 0; c < h; c++) {
      const Vector x = load(across + int64_t(c) * T + j), y = load(across + int64_t(c) * T + j + L);
#pragma GCC unroll R
      for (int r = 0; r < R; r++) {
        const float factor = a[r * stride + c];
        sum[r][0] += factor * x;
        sum[r][1] += factor * y;
      }
    }
    for (int r = 0; r < R; r++)
      for (int i = 0; i < 2; i++) store(out + r * size + j - first + i * L, sum[r][i]);
  }
}

// out[r] = factor[r] · Σ_j u[r][j - first] x[j], of `x` with rows of h.
template <int h>
void sums(const float* u, int size, const float* x, int64_t stride, int first, int last, float* out, int out_stride) {
  for (int half = 0; half < h; half += BLOCK) {
    Vector sum[R][2] = {};
    for (int j = first; j < last; j++) {
      const Vector low = load(x + j * stride + half), high = load(x + j * stride + half + L);
#pragma GCC unroll R
      for (int r = 0; r < R; r++) {
        const float factor = u[r * size + j - first];
        sum[r][0] += factor * low;
        sum[r][1] += factor * high;
      }
    }
    for (int r = 0; r < R; r++)
      for (int i = 0; i < 2; i++) store(out + r * out_stride + half + i * L, sum[r][i]);
  }
}

// out[j] += Σ_r u[r][j - first] a[r]
template <int h>
void spread(const float* u, int size, const float* a, int stride, int first, int last, float* out) {
  for (int half = 0; half < h; half += BLOCK) {
    Vector x[R][2];
    for (int r = 0; r < R; r++)
      for (int i = 0; i < 2; i++) x[r][i] = load(a + r * stride + half + i * L);
    for (int j = first; j < last; j++) {
      float* to = out + int64_t(j) * h + half;
      Vector low = load(to), high = load(to + L);
#pragma GCC unroll R
      for (int r = 0; r < R; r++) {
        const float factor = u[r * size + j - first];
        low += factor * x[r][0];
        high += factor * x[r][1];
      }
      store(to, low);
      store(to + L, high);
    }
  }
}

std::vector<float> transposed(const float* x, const Shape& shape, int h) {
  std::vector<float> out(int64_t(h) * shape.T);
  for (int t = 0; t < shape.T; t++)
    for (int c = 0; c < h; c++) out[int64_t(c) * shape.T + t] = x[t * shape.stride + c];
  return out;
}

// Of a key that lies j - t before a query, at W + MARGIN + j - t.
std::vector<float> by_place(const float* bias, int W) {
  std::vector<float> out(W + 2 * MARGIN, UNSEEN);
  for (int distance = 0; distance < W; distance++) out[W + MARGIN - distance] = bias[distance];
  return out;
}

struct Range {
  int first, last;
  Range(int t, int W) : first(std::max(0, t - W + 1) / BLOCK * BLOCK), last((t + R + BLOCK - 1) / BLOCK * BLOCK) {}
};

// Scores become weights, of which the largest is 1, or 255 if they are rounded: returns what was taken off.
float weights(float* row, const float* bias, int count, bool rounded, float* share) {
  Vector most = load(row) + load(bias), sum = {};
  for (int j = 0; j < count; j += L) {
    const Vector x = load(row + j) + load(bias + j);
    store(row + j, x);
    most = x > most ? x : most;
  }
  float top = most[0], total = 0;
  for (int i = 1; i < L; i++) top = std::max(top, most[i]);
  if (rounded) top -= std::log2(255.0f);
  for (int j = 0; j < count; j += L) {
    Vector x = power_of_2(load(row + j) - top);
    if (rounded) x = rounded_off(x);
    store(row + j, x);
    sum += x;
  }
  for (int i = 0; i < L; i++) total += sum[i];
  *share = 1 / total;
  return top;
}

template <int h>
void forward(const Shape& shape, const float* q, const float* k, const float* v, const float* bias, bool rounded,
             float* mean, float* top, float* share) {
  const std::vector<float> keys = transposed(k, shape, h);
  const int H = shape.H, size = shape.W + 2 * MARGIN;
  std::vector<float> u(R * size);
  for (int head = 0; head < H; head++) {
    const std::vector<float> biases = by_place(bias + head * shape.W, shape.W);
    for (int t = 0; t < shape.T; t += R) {
      const Range range(t, shape.W);
      const int64_t at = int64_t(t) * H + head;
      products<h>(q + at * h, H * h, keys.data(), shape.T, range.first, range.last, u.data(), size);
      for (int r = 0; r < R; r++) {
        const float* near = biases.data() + shape.W + MARGIN + range.first - t - r;
        top[at + r * H] = weights(u.data() + r * size, near, range.last - range.first, rounded, share + at + r * H);
      }
      sums<h>(u.data(), size, v, shape.stride, range.first, range.last, mean + at * h, H * h);
      for (int r = 0; r < R; r++)
        for (int c = 0; c < h; c++) mean[(at + r * H) * h + c] *= share[at + r * H];
    }
  }
}

// Scores become weights again, and gradients of weights those of scores, which are added to those of biases.
void score_gradient(float* scores, float* g, int count, const float* bias, float top, float along, bool rounded,
                    float* g_bias) {
  for (int j = 0; j < count; j += L) {
    Vector x = power_of_2(load(scores + j) + load(bias + j) - top);
    if (rounded) x = rounded_off(x);
    store(scores + j, x);
    const Vector y = (load(g + j) - along) * x;
    store(g + j, y);
    store(g_bias + j, load(g_bias + j) + y);
  }
}

// `g`, of the averages, is times `share`; `along` is its product with them. Adds to the gradients of keys and values.
template <int h>
void backward(const Shape& shape, const float* q, const float* k, const float* v, const float* bias, bool rounded,
              const float* g, const float* along, const float* top, float* g_q, float* g_k, float* g_v, float* g_bias) {
  const std::vector<float> keys = transposed(k, shape, h), values = transposed(v, shape, h);
  const int H = shape.H, size = shape.W + 2 * MARGIN;
  std::vector<float> u(R * size), z(R * size);
  for (int head = 0; head < H; head++) {
    const std::vector<float> biases = by_place(bias + head * shape.W, shape.W);
    std::vector<float> places(size);
    for (int t = 0; t < shape.T; t += R) {
      const Range range(t, shape.W);
      const int64_t at = int64_t(t) * H + head;
      products<h>(q + at * h, H * h, keys.data(), shape.T, range.first, range.last, u.data(), size);
      products<h>(g + at * h, H * h, values.data(), shape.T, range.first, range.last, z.data(), size);
      for (int r = 0; r < R; r++) {
        const int place = shape.W + MARGIN + range.first - t - r;
        score_gradient(u.data() + r * size, z.data() + r * size, range.last - range.first, biases.data() + place,
                       top[at + r * H], along[at + r * H], rounded, places.data() + place);
      }
      sums<h>(z.data(), size, k, shape.stride, range.first, range.last, g_q + at * h, H * h);
      spread<h>(z.data(), size, q + at * h, H * h, range.first, range.last, g_k);
      spread<h>(u.data(), size, g + at * h, H * h, range.first, range.last, g_v);
    }
    for (int d = 0; d < shape.W; d++) g_bias[head * shape.W + d] = places[shape.W + MARGIN - d];
  }
}

}  // namespace

extern "C" {

void attend(int T, int H, int h, int W, int64_t stride, int rounded, const float* bias, const float* q, const float* k,
            const float* v, float* mean, float* top, float* share) {
  const Shape shape{T, H, W, stride};
  (h == 32 ? forward<32> : forward<64>)(shape, q, k, v, bias, rounded, mean, top, share);
}

void attend_gradient(int T, int H, int h, int W, int64_t stride, int rounded, const float* bias, const float* q,
                     const float* k, const float* v, const float* g, const float* along, const float* top, float* g_q,
                     float* g_k, float* g_v, float* g_bias) {
  const Shape shape{T, H, W, stride};
  (h == 32 ? backward<32> : backward<64>)(shape, q, k, v, bias, rounded, g, along, top, g_q, g_k, g_v, g_bias);
}
}
