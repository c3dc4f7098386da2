// The interface of a kernel's vectors: a struct with these types and static functions. portable/simd.hpp defines in
// plain C++ what each of them means. The compiler names a member that is missing or has another type.
#pragma once

#include <concepts>
#include <cstdint>

namespace nncomp {

template <class Simd>
concept Vectors =
    requires {
      typename Simd::Vec;         // 16 × int32
      typename Simd::Bytes;       // 64 × 8 bit
      typename Simd::Multiplier;  // a Vec of multipliers, made ready for many products
      requires Simd::MAX_ACCUMULATORS >= 1;  // Vecs of sums that fit the registers beside what a loop needs
    } && requires(const typename Simd::Vec v, const typename Simd::Vec (&four)[4],
                  const typename Simd::Multiplier multiplier, const typename Simd::Bytes bytes, const void* in,
                  const int8_t* s8, const int32_t* s32, int8_t* out_s8, uint8_t* out_u8, int32_t* out_s32,
                  uint32_t* out_u32, int32_t x, int n) {
      // Vec: operations on each lane; and the highest lane
      { Simd::load(s32) } -> std::same_as<typename Simd::Vec>;
      { Simd::widen(s8) } -> std::same_as<typename Simd::Vec>;
      { Simd::splat(x) } -> std::same_as<typename Simd::Vec>;
      { Simd::add(v, v) } -> std::same_as<typename Simd::Vec>;
      { Simd::sub(v, v) } -> std::same_as<typename Simd::Vec>;
      { Simd::min(v, v) } -> std::same_as<typename Simd::Vec>;
      { Simd::max(v, v) } -> std::same_as<typename Simd::Vec>;
      { Simd::template shift_left<10>(v) } -> std::same_as<typename Simd::Vec>;
      { Simd::highest(v) } -> std::same_as<int32_t>;
      Simd::store(out_s32, v);

      // The rounding rule for each lane: rq(x, m) = (x·m + 2^29) >> 30, |x| < 2^29, m >= 0
      requires std::constructible_from<typename Simd::Multiplier, typename Simd::Vec>;
      { multiplier.rq(v) } -> std::same_as<typename Simd::Vec>;

      // Bytes. dot(sum, a, b): sum[i] + Σ of the four products a[4i + j]·b[4i + j], a as u8 and b as s8
      { Simd::load_bytes(in) } -> std::same_as<typename Simd::Bytes>;
      { Simd::repeat4(in) } -> std::same_as<typename Simd::Bytes>;
      { Simd::splat_bytes(n) } -> std::same_as<typename Simd::Bytes>;
      { Simd::dot(v, bytes, bytes) } -> std::same_as<typename Simd::Vec>;

      // Stores of V Vecs as 16·V bytes, clamped. V is 4, or less where MAX_ACCUMULATORS is too small for four rows of
      // four Vecs; for a head of 16 to 128 channels it is 1 to 8.
      Simd::store_clamp8(out_s8, four);
      Simd::store_clamp8_plus128(out_u8, four);
      Simd::store_squared_relu(out_u8, four);

      // Loops over n numbers, or over 16 logits; each returns a sum
      { Simd::sum_squares(s32, n) } -> std::same_as<uint64_t>;
      { Simd::exp_weights(s32, n, x, out_u8) } -> std::same_as<uint32_t>;
      { Simd::pow_frequencies(s32, x, out_u32) } -> std::same_as<uint64_t>;
    };

}  // namespace nncomp
