// The adaptive stage's part of a kernel, by the vectors of one instruction set. A stage.cpp includes a simd_mix.hpp
// (see stage/vectors.hpp), and then this header. Everything is in unnamed namespaces: see body.hpp.
#pragma once

#include <cstdint>

#include "coder/coder.hpp"
#include "kernels/kernel.hpp"
#include "stage/byte_step.hpp"
#include "stage/decide.hpp"

namespace nncomp {
namespace {

// The compiler has to see that the byte is known, or encoding takes 2 to 4 % longer.
void encode(const mix::Shared& s, mix::Lane& l, const Distribution* network, Encoder& coder, uint32_t byte) {
  int shift = 8;
  mix::code_byte(s, l, network, int(byte & 255), [&](uint32_t p) {
    const uint32_t bit = byte >> --shift & 1;
    coder.put(bit, p);
    return bit;
  });
}

// Decodes, or else chooses: the processor foresees which, and to compile this twice would take twice as long.
void decode(const mix::Shared& s, mix::Lane& l, const Distribution* network, int known, Decoder* coder,
            const Chooser& choose) {
  mix::code_byte(s, l, network, known, [&](uint32_t p) { return coder ? coder->get(p) : choose.bit(choose.self, p); });
}

void encode_decision(const mix::Tables& tables, const mix::Decision& decision, Encoder& coder, uint32_t bit) {
  mix::decide(tables, decision, [&](uint32_t p) {
    coder.put(bit, p);
    return bit;
  });
}

uint32_t decode_decision(const mix::Tables& tables, const mix::Decision& decision, Decoder& coder) {
  return mix::decide(tables, decision, [&](uint32_t p) { return coder.get(p); });
}

constexpr StageKernel stage_kernel() {
  return {
      .start = mix::start,
      .encode = encode,
      .decode_or_choose = decode,
      .update_tables = mix::update_tables,
      .update_rest = mix::update_rest,
      .encode_decision = encode_decision,
      .decode_decision = decode_decision,
  };
}

}  // namespace
}  // namespace nncomp
