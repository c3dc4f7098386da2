// Times the loops of a kernel, and what this processor's dot products could do at most: for tools/figures.py cpu.
//
//   cpu KERNEL d_model { matrix KIND OUTPUTS INPUTS | attention HEADS WIDTH WINDOW }…
//
// KIND is the kernel's function: project, accumulate, expand, logits, or columns for accumulate on squared ReLUs.
// Prints lines of name, microseconds a byte, multiply-adds; first the clock in GHz and the most multiply-adds a cycle.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "compiler.hpp"
#include "kernels/kernel.hpp"
#include "network/aligned.hpp"

using namespace nncomp;

namespace {

constexpr int ROWS = 128;  // an encoder's steps at a time
constexpr int ROUNDS = 9;

// Seconds of processor time of the fastest of some rounds of `count` calls each, by call.
double fastest(int count, const std::function<void()>& call) {
  double best = 1e9;
  for (int round = 0; round < ROUNDS; ++round) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < count; ++i) call();
    best = std::min(best, double(std::clock() - start) / CLOCKS_PER_SEC / count);
  }
  return best;
}

// Cycles a second, from a chain of additions, one a cycle.
double clock_rate() {
  constexpr int64_t COUNT = 20'000'000;
  return double(COUNT) / fastest(1, [] {
           uint64_t x = 1;
           for (int64_t i = 0; i < COUNT; ++i) {
             ++x;
             asm volatile("" : "+r"(x));
           }
         });
}

constexpr int64_t PRODUCTS = 20'000'000;

#if defined(__x86_64__)
// A loop of PRODUCTS turns: twelve sums, so that no chain of them is waited for. `step` adds a product to one, s.
#define PEAK(name, isa, vector, zero, step)           \
  __attribute__((target(isa))) void name() {          \
    vector a = zero(), b = zero(), sum[12];           \
    UNROLL(12)                                        \
    for (vector& s : sum) s = zero();                 \
    for (int64_t i = 0; i < PRODUCTS; i += 12) {      \
      UNROLL(12)                                      \
      for (vector& s : sum) {                         \
        step;                                         \
        asm volatile("" : "+x"(s), "+x"(a), "+x"(b)); \
      }                                               \
    }                                                 \
  }
PEAK(dot_avx512, "avx512f,avx512bw,avx512vl,avx512vnni", __m512i, _mm512_setzero_si512,
     s = _mm512_dpbusd_epi32(s, a, b))
PEAK(dot_avxvnni, "avx2", __m256i, _mm256_setzero_si256,
     asm volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(s) : "x"(a), "x"(b)))
PEAK(dot_avx2, "avx2", __m256i, _mm256_setzero_si256,
     s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(a, b), _mm256_maddubs_epi16(b, a)),
                                               a)))
PEAK(dot_sse41, "sse4.1", __m128i, _mm_setzero_si128,
     s = _mm_add_epi32(s, _mm_madd_epi16(_mm_add_epi16(_mm_maddubs_epi16(a, b), _mm_maddubs_epi16(b, a)), a)))

// Likewise, of six tiles.
void dot_amx() {
  alignas(64) uint8_t palette[64] = {1};
  for (int t = 0; t < 8; ++t) {
    palette[16 + 2 * t] = 64;  // bytes of a row
    palette[48 + t] = 16;      // rows
  }
  asm volatile("ldtilecfg %0" ::"m"(palette));
  for (int64_t i = 0; i < PRODUCTS; i += 6) {
    asm volatile(
        "tdpbusd %tmm7, %tmm6, %tmm0\n tdpbusd %tmm7, %tmm6, %tmm1\n tdpbusd %tmm7, %tmm6, %tmm2\n"
        "tdpbusd %tmm7, %tmm6, %tmm3\n tdpbusd %tmm7, %tmm6, %tmm4\n tdpbusd %tmm7, %tmm6, %tmm5");
  }
  asm volatile("tilerelease");
}
#endif

// Multiply-adds a cycle of the loop of a kernel's products alone; 0 if it is not known.
double peak(const std::string& kernel, double rate) {
  const auto a_cycle = [rate](int multiply_adds, void (*loop)()) {
    return double(PRODUCTS) * multiply_adds / (fastest(1, loop) * rate);
  };
#if defined(__x86_64__)
  if (kernel == "amx") return a_cycle(16 * 16 * 64, dot_amx);
  if (kernel == "avx512") return a_cycle(64, dot_avx512);
  if (kernel == "avxvnni") return a_cycle(32, dot_avxvnni);
  if (kernel == "avx2") return a_cycle(64, dot_avx2);
  if (kernel == "sse41") return a_cycle(32, dot_sse41);
#endif
  (void)a_cycle;
  return 0;
}

// What loops take: activations as a network has them, about normal or mostly zero.
struct Data {
  std::mt19937 random{1};
  Aligned<uint8_t> signed_in{size_t(ROWS) * MAX_INPUTS}, relu_in{size_t(ROWS) * MAX_INPUTS};
  Aligned<uint8_t> bytes{size_t(ROWS) * MAX_INPUTS};
  Aligned<int32_t> numbers{size_t(ROWS) * MAX_INPUTS};

  Data() {
    for (size_t i = 0; i < signed_in.size(); ++i) {
      int v = -128;
      for (int j = 0; j < 4; ++j) v += int(random() % 65);  // 0 … 256, about normal
      signed_in[i] = uint8_t(128 + std::min(std::max(v, -127), 127));
      relu_in[i] = uint8_t(random() % 5 == 0 ? random() % 40 : 0);
    }
  }
};

void time_matrix(const Kernel& kernel, Data& data, const std::string& kind, int outputs, int inputs) {
  Aligned<int8_t> weight(size_t(outputs) * size_t(inputs)), columns(weight.size());
  Aligned<int32_t> start{size_t(outputs)}, m{size_t(outputs)};
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = columns[i] = int8_t(int(data.random() % 127) - 63);
  for (int n = 0; n < outputs; ++n) m[size_t(n)] = 1 << 20;
  const bool relu = kind == "columns";
  const Matrix matrix{outputs,      inputs,   weight.data(),
                      start.data(), m.data(), relu && kernel.by_column ? columns.data() : nullptr};
  const uint8_t* in = relu ? data.relu_in.data() : data.signed_in.data();
  const double seconds = fastest(20, [&] {
    if (kind == "project") kernel.project(matrix, in, ROWS, reinterpret_cast<int8_t*>(data.bytes.data()));
    if (kind == "expand") kernel.expand(matrix, in, ROWS, data.bytes.data());
    if (kind == "logits") kernel.logits(matrix, in, ROWS, data.numbers.data());
    if (kind == "accumulate" || relu) kernel.accumulate(matrix, in, ROWS, data.numbers.data());
  });
  printf("%s %d×%d\t%.4f\t%ld\n", kind.c_str(), outputs, inputs, seconds / ROWS * 1e6, long(outputs) * inputs);
}

void time_attention(const Kernel& kernel, Data& data, int heads, int width, int window) {
  const size_t size = size_t(window + 128) * size_t(width);
  Aligned<uint8_t> keys(size);
  Aligned<int8_t> values(size), q(size_t(heads * width));
  Aligned<int32_t> bias(size_t(heads) * size_t(window + 2 * BIAS_PAD));
  for (size_t i = 0; i < size; ++i) {
    keys[i] = data.signed_in[i];
    values[i] = int8_t(data.signed_in[i] ^ 128);
  }
  for (size_t i = 0; i < q.size(); ++i) q[i] = int8_t(data.signed_in[i] ^ 128);
  for (size_t i = 0; i < bias.size(); ++i) {
    const int at = int(i) % (window + 2 * BIAS_PAD);
    bias[i] = at < BIAS_PAD || at >= window + BIAS_PAD ? BIAS_NEVER : 0;
  }
  const Attention attention{heads, width, window, 1 << 25, 1 << 30, bias.data()};
  const double seconds = fastest(4, [&] {
    for (int i = 0; i < ROWS; ++i) {
      kernel.attend(attention, q.data(), keys.data(), values.data(), window - 1 + i, data.bytes.data());
    }
  });
  printf("attention %d×%d, %d\t%.4f\t%ld\n", heads, width, window, seconds / ROWS * 1e6, 2L * heads * width * window);
}

}  // namespace

int main(int count, char** argument) {
  const Kernel* kernel = count > 2 ? find_kernel(argument[1]) : nullptr;
  if (!kernel) {
    fprintf(stderr, "no such kernel here\n");
    return 1;
  }
  const double rate = clock_rate();
  printf("%.2f\t%.1f\n", rate / 1e9, peak(kernel->name, rate));
  const auto data = std::make_unique<Data>();
  const int d = atoi(argument[2]);
  const double seconds = fastest(50, [&] { kernel->norm(data->numbers.data(), ROWS, d, 1 << 30, data->bytes.data()); });
  printf("norm %d\t%.4f\t0\n", d, seconds / ROWS * 1e6);
  for (int i = 3; i + 3 < count;) {
    const std::string what = argument[i];
    if (what == "matrix") {
      time_matrix(*kernel, *data, argument[i + 1], atoi(argument[i + 2]), atoi(argument[i + 3]));
    } else {
      time_attention(*kernel, *data, atoi(argument[i + 1]), atoi(argument[i + 2]), atoi(argument[i + 3]));
    }
    i += 4;
  }
}
