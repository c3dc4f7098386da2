#include "filters/x86.hpp"

namespace nncomp {
namespace {

constexpr uint32_t CALL = 5;  // bytes of a call or jump: an opcode and a distance of 32 bits

// Whether `b` is E8 (call) or E9 (jump) with a distance of less than ±16 MiB: its highest byte is 00 or FF.
bool is_call(const uint8_t* b) { return (b[0] & 254) == 0xE8 && ((b[4] + 1) & 254) == 0; }

// Adds `by` to the low 24 bits of the distance.
void add(uint8_t* b, uint32_t by) {
  const uint32_t a = (b[1] | uint32_t(b[2]) << 8 | uint32_t(b[3]) << 16) + by;
  b[1] = uint8_t(a);
  b[2] = uint8_t(a >> 8);
  b[3] = uint8_t(a >> 16);
}

}  // namespace

void distances_to_targets(std::span<uint8_t> code) {
  // From the end, because calls may overlap: targets_to_distances goes the other way and finds at each place the bytes
  // that this loop found.
  for (uint32_t i = code.size() < CALL ? 0 : uint32_t(code.size()) - CALL + 1; i-- > 0;) {
    if (is_call(&code[i])) add(&code[i], i);
  }
}

void targets_to_distances(std::span<uint8_t> code) {
  for (uint32_t i = 0; i + CALL <= code.size(); ++i) {
    if (is_call(&code[i])) add(&code[i], 0u - i);
  }
}

}  // namespace nncomp
