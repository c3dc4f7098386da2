// The state of an x86 program, derived from its instructions (docs/numerics.md, section 11): targets of jumps,
// beginnings of functions, the stack. namespace feature: see past.hpp.
#pragma once

#include <cstdint>

#include "compiler.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

constexpr uint32_t JUMP_REACH = 128;  // how far ahead targets of jumps are remembered

inline bool is_far_jump(uint32_t opcode) { return opcode >> 4 == 0x18; }
inline bool is_jump(uint32_t opcode) { return opcode >> 4 == 0x7 || opcode == 0xEB || is_far_jump(opcode); }

// The target of a jump that ends here, before byte t.
inline void follow_jump(Program& p, uint32_t opcode, uint32_t value, uint32_t t) {
  const uint32_t ahead = is_far_jump(opcode) ? value : uint32_t(int8_t(value));
  if (ahead < JUMP_REACH) p.targets[ahead / 64] |= uint64_t(1) << ahead % 64;
  if (is_far_jump(opcode)) p.far = t + ahead;
}

// The first push of a callee-saved register in a function saves it, and is no argument of a call.
inline void follow_stack(Program& p, uint32_t opcode, uint32_t extension, uint64_t bytes) {
  constexpr uint32_t KEPT = 0xE8;  // EBX, EBP, ESI, EDI
  const uint32_t mask = 1u << (opcode & 7);
  if (opcode >> 3 == 0x50 >> 3) {
    if (!(KEPT & ~p.pushed & mask)) p.depth += 4;
    p.pushed |= mask;
  } else if (opcode >> 3 == 0x58 >> 3) {
    if (p.depth) p.depth -= 4;
    p.popped |= mask;
  } else if (opcode == 0x68 || opcode == 0x6A || (opcode == 0xFF && extension == 6)) {
    p.depth += 4;
  } else if (opcode == 0xE8 || (opcode == 0xFF && extension == 2)) {
    p.call = bytes;
    p.depth = 0;
  }
}

// Notes an instruction that ends before byte t.
inline void follow_program(Program& p, const Instruction& x, uint32_t t) {
  if (is_jump(x.opcode)) follow_jump(p, x.opcode, x.value, t);
  follow_stack(p, x.opcode, x.modrm >> 3 & 7, x.bytes);
  if ((x.opcode & ~1u) == 0xC2 || x.opcode == 0xCC || x.opcode == 0x90) {  // returns, and what fills the space behind
    p.function = t;
    p.pushed = p.popped = p.depth = p.slot = 0;
  }
}

inline bool is_on_stack(const Instruction& x) { return (x.modrm & 7) == 4 && x.sib == 0x24; }  // [ESP + …]

// Notes a displacement that is complete.
inline void follow_displacement(Program& p, const Instruction& x) {
  if (is_on_stack(x)) p.slot = x.value - p.depth;
  p.last[x.modrm & 7] = uint8_t(x.value);
}

// Moves all targets one byte nearer.
inline void advance_targets(Program& p) {
  p.targets[0] = p.targets[0] >> 1 | p.targets[1] << 63;
  p.targets[1] >>= 1;
}

namespace feature {

inline uint64_t here(const Shared&, const Lane& l) { return l.x86.program.targets[0] & 1; }
inline uint64_t ahead(const Shared&, const Lane& l, int k) {
  uint64_t low = l.x86.program.targets[0] & ~uint64_t(1), high = l.x86.program.targets[1];
  for (; k > 1; --k) (low ? low : high) &= (low ? low : high) - 1;  // without its lowest bit; 0 stays 0
  return low ? uint64_t(lowest_bit(low)) : high ? 64 + uint64_t(lowest_bit(high)) : JUMP_REACH;
}
inline uint64_t jump(const Shared&, const Lane& l) { return l.x86.phase > IMMEDIATE && is_jump(l.x86.opcode); }
inline uint64_t far(const Shared&, const Lane& l) {
  const Instruction& x = l.x86;
  if (x.phase <= IMMEDIATE || !is_far_jump(x.opcode)) return 0;
  const uint32_t value = x.program.far - (l.t + x.phase - IMMEDIATE), known = (1u << 8 * x.known) - 1;
  return (value ^ x.value) & known ? 0 : 256 | (value >> 8 * x.known & 255);
}
inline uint64_t function(const Shared&, const Lane& l) { return l.x86.program.function; }
inline uint64_t pushed(const Shared&, const Lane& l) { return l.x86.program.pushed; }
inline uint64_t popped(const Shared&, const Lane& l) { return l.x86.program.popped; }
inline uint64_t depth(const Shared&, const Lane& l) { return l.x86.program.depth; }
inline uint64_t call(const Shared&, const Lane& l) { return l.x86.program.call; }
inline uint64_t slot(const Shared&, const Lane& l) {
  const Instruction& x = l.x86;
  if (x.phase <= DISPLACEMENT || x.phase > DISPLACEMENT + 4 || !is_on_stack(x)) return 0;
  return 256 | ((x.program.slot + x.program.depth) & 255);
}
inline uint64_t last(const Shared&, const Lane& l) { return l.x86.program.last[l.x86.modrm & 7]; }

}  // namespace feature
}  // namespace
}  // namespace nncomp::mix
