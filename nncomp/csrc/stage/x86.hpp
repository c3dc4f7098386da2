// Parses x86 instructions. The result need not be right, only the same everywhere.
// namespace feature: see past.hpp.
#pragma once

#include <cstdint>

#include "stage/program.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"

namespace nncomp::mix {
namespace {

// What follows an opcode: p a prefix, e an escape, v one, w two, x three bytes before an opcode, m mod-r/m,
// b, s, d immediate of 1, 2, 4 bytes, h 3, f 6; B, D mod-r/m and immediate; G, H the same in the first two of a group.
inline uint32_t x86_kind(uint32_t opcode) {  // 256 and more: after 0F
  // clang-format off
  constexpr const char* first =
      "mmmmbd..mmmmbd.e" "mmmmbd..mmmmbd.." "mmmmbdp.mmmmbdp." "mmmmbdp.mmmmbdp."
      "pppppppppppppppp" "................" "..xmppppdDbB...." "bbbbbbbbbbbbbbbb"
      "BDBBmmmmmmmmmmmm" "..........f....." "dddd....bd......" "bbbbbbbbdddddddd"
      "BBs.wvBDh.s..b.." "mmmmbb..mmmmmmmm" "bbbbbbbbddfb...." "p.pp..GH......mm"
      "mmmm......mm.m.." "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "........e.e....."
      "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "BBBBmmm.mmmmmmmm"
      "dddddddddddddddd" "mmmmmmmmmmmmmmmm" "...mBm.....mBmmm" "mmmmmmmmmmBmmmmm"
      "mmBmBBBm........" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";
  // clang-format on
  return uint8_t(first[opcode]);
}

inline void end_instruction(Instruction& x, uint32_t t) {
  follow_program(x.program, x, t);
  x.before = x.bytes;
  x.opcodes = x.opcodes << 16 | (x.opcode & 0x3FF) | (x.modrm >> 6) << 10 | (x.modrm >> 3 & 7) << 12;
  x.phase = OPCODE;
  x.prefixes = x.opcode = x.modrm = x.value = x.known = 0;
  x.bytes = x.operand = 0;
}

// Goes on after everything but an immediate: with that, or with the end.
inline void expect_immediate(Instruction& x, uint32_t t) {
  x.operand = 0;
  x.value = x.known = 0;
  if (x.immediate) x.phase = IMMEDIATE + x.immediate;
  else end_instruction(x, t);
}

// Goes on after mod-r/m or SIB: with a displacement, if there is one.
inline void expect_displacement(Instruction& x, uint32_t mod, uint32_t base, uint32_t t) {
  if (mod == 3 || (mod == 0 && base != 5)) expect_immediate(x, t);
  else x.phase = DISPLACEMENT + (mod == 1 ? 1 : 4);
}

inline uint32_t immediate_size(const Instruction& x, uint32_t kind, uint32_t c) {
  const uint32_t word = x.prefixes & 1 ? 2 : 4;
  switch (kind) {
    case 'b':
    case 'B': return 1;
    case 's': return 2;
    case 'h': return 3;
    case 'd': return (c & 0xF8) == 0xB8 && x.prefixes & 2 ? 8 : word;
    case 'D': return word;
    case 'f': return 6;
    default: return 0;
  }
}

// Takes in an opcode, a prefix or an escape byte.
inline void take_opcode(Instruction& x, uint32_t c, uint32_t t) {
  const uint32_t kind = x.phase == AFTER_38 ? 'm' : x.phase == AFTER_3A ? 'B' : x86_kind(x.phase << 8 | c);
  x.opcode = x.phase << 8 | c;
  switch (kind) {
    case 'p':
      x.prefixes |= c == 0x66 ? 1 : (c & 0xF8) == 0x48 ? 2 : 0;
      x.phase = OPCODE;
      return;
    case 'e': x.phase = c == 0x0F ? AFTER_0F : c == 0x38 ? AFTER_38 : AFTER_3A; return;
    case 'v': x.phase = VEX + 1; return;
    case 'w': x.phase = VEX + 2; return;
    case 'x': x.phase = VEX + 3; return;
    default: break;
  }
  x.kind = kind;
  x.immediate = immediate_size(x, kind, c);
  if (kind == 'm' || kind == 'B' || kind == 'D' || kind == 'G' || kind == 'H') x.phase = MODRM;
  else expect_immediate(x, t);
}

inline void take_modrm(Instruction& x, uint32_t c, uint32_t t) {
  x.modrm = c;
  if ((x.kind == 'G' || x.kind == 'H') && (c >> 3 & 7) < 2) {  // TEST, the first two of the group
    x.immediate = x.kind == 'G' ? 1 : x.prefixes & 1 ? 2 : 4;
  }
  if (c >> 6 != 3 && (c & 7) == 4) x.phase = SIB;
  else expect_displacement(x, c >> 6, c & 7, t);
}

// One of several bytes: the phase counts those to come.
inline void take_operand(Instruction& x, uint32_t c, uint32_t t) {
  x.operand = combine(x.operand, c + 1);
  if (x.known < 4) x.value |= c << 8 * x.known;
  ++x.known;
  --x.phase;
  if (x.phase == DISPLACEMENT) {
    follow_displacement(x.program, x);
    expect_immediate(x, t);
  } else if (x.phase == IMMEDIATE) {
    end_instruction(x, t);
  } else if (x.phase == VEX) {
    x.phase = AFTER_0F;
    x.value = x.known = 0;
  }
}

// `c` is byte t − 1 of the lane.
inline void follow_x86(Instruction& x, uint32_t c, uint32_t t) {
  x.bytes = combine(x.bytes, c + 1);
  advance_targets(x.program);
  if (x.phase <= AFTER_3A) {
    take_opcode(x, c, t);
  } else if (x.phase == MODRM) {
    take_modrm(x, c, t);
  } else if (x.phase == SIB) {
    x.sib = c;
    expect_displacement(x, x.modrm >> 6, c & 7, t);
  } else {
    take_operand(x, c, t);
  }
}

namespace feature {

inline uint64_t phase(const Shared&, const Lane& l) { return l.x86.phase; }
inline uint64_t bytes(const Shared&, const Lane& l) { return l.x86.bytes; }
inline uint64_t operand(const Shared&, const Lane& l) { return l.x86.operand; }
inline uint64_t opcode(const Shared&, const Lane& l) { return l.x86.opcode; }
inline uint64_t modrm(const Shared&, const Lane& l) { return l.x86.modrm; }
inline uint64_t before(const Shared&, const Lane& l) { return l.x86.before; }
inline uint64_t opcodes(const Shared&, const Lane& l) { return l.x86.opcodes; }

}  // namespace feature
}  // namespace
}  // namespace nncomp::mix
