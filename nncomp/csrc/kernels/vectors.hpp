// What a kernel's vectors have to define: a struct of types and static functions. portable/simd.hpp says in plain C++
// what each of them means; where one is missing, or gives another type, the compiler names it.
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
      requires Simd::MAX_ACCUMULATORS >= 1;  // Vecs that sums may take without leaving the registers
    } && requires(const typename Simd::Vec v, const typename Simd::Vec (&four)[4],
                  const typename Simd::Multiplier multiplier, const typename Simd::Bytes bytes, const void* in,
                  const int8_t* s8, const int32_t* s32, int8_t* out_s8, uint8_t* out_u8, int32_t* out_s32,
                  uint32_t* out_u32, int32_t x, int n) {
      // Vec: lanes by themselves
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

      // The rounding rule: (x·m + 2^29) >> 30
      requires std::constructible_from<typename Simd::Multiplier, typename Simd::Vec>;
      { multiplier.rq(v) } -> std::same_as<typename Simd::Vec>;

      // Bytes, and products of them: sum + Σ of four, u8 times s8
      { Simd::load_bytes(in) } -> std::same_as<typename Simd::Bytes>;
      { Simd::repeat4(in) } -> std::same_as<typename Simd::Bytes>;
      { Simd::splat_bytes(n) } -> std::same_as<typename Simd::Bytes>;
      { Simd::dot(v, bytes, bytes) } -> std::same_as<typename Simd::Vec>;

      // Vecs as bytes: of V Vecs, 16·V bytes. V is 4, less where MAX_ACCUMULATORS leaves four rows less, and what a
      // head of 16 to 128 channels takes.
      Simd::store_clamp8(out_s8, four);
      Simd::store_clamp8_plus128(out_u8, four);
      Simd::store_squared_relu(out_u8, four);

      // Of whole rows
      { Simd::sum_squares(s32, n) } -> std::same_as<uint64_t>;
      { Simd::exp_weights(s32, n, x, out_u8) } -> std::same_as<uint32_t>;
      { Simd::pow_frequencies(s32, x, out_u32) } -> std::same_as<uint64_t>;
    };

}  // namespace nncomp
