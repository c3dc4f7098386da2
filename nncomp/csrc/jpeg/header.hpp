// The markers of a JPEG file up to the data of a scan (ITU-T T.81, annex B): what its coefficients are, and how a scan
// codes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nncomp::jpeg {

constexpr int MAX_COMPONENTS = 4;
constexpr int BLOCK = 64;  // coefficients

// A Huffman code.
struct Code {
  bool there = false;
  std::array<uint8_t, 256> symbol{};   // in the order of their codes
  std::array<uint8_t, 256> length{};   // of a symbol's code, in bits; 0: it has none
  std::array<uint16_t, 256> bits{};    // a symbol's code
  std::array<uint16_t, 256> fast{};    // length << 8 | symbol, by the next 8 bits; 0 where the code is longer
  std::array<uint32_t, 17> end{};      // codes of so many bits are below, as numbers of 16 bits
  std::array<int32_t, 17> first{};     // what to add to a code of so many bits for its place in `symbol`
};

struct Component {
  uint32_t id;
  uint32_t across, down;  // blocks in a unit that is interleaved: 1 … 4
  uint32_t table;         // of quantisation
  uint32_t wide, high;    // blocks, in whole units
  uint32_t own_wide, own_high;  // blocks that a scan of this component alone has
};

struct Scan {
  int count = 0;  // of components
  std::array<int, MAX_COMPONENTS> component{}, dc{}, ac{};
  int from = 0, to = 63;  // coefficients, in zigzag order
  int high = 0, low = 0;  // bits below were coded before; bits below are not coded here
};

// What is known after a scan's header.
struct Header {
  bool framed = false, progressive = false;
  uint32_t units_wide = 0, units_high = 0;  // of interleaved blocks
  int count = 0;
  std::array<Component, MAX_COMPONENTS> component{};
  std::array<std::array<uint16_t, BLOCK>, 4> quantised{};  // by rows
  std::array<std::array<Code, 4>, 2> code{};               // of DC and AC
  uint32_t interval = 0;                                   // units between restart markers; 0: none
  Scan scan;

  // How many units the scan has, and how many in a row.
  uint32_t scan_wide() const { return scan.count > 1 ? units_wide : component[size_t(scan.component[0])].own_wide; }
  uint32_t scan_high() const { return scan.count > 1 ? units_high : component[size_t(scan.component[0])].own_high; }
  uint32_t scan_units() const { return scan_wide() * scan_high(); }
  uint64_t blocks() const;  // of all components
};

// The coefficient at a place of the zigzag order: 8·row + column.
inline constexpr uint8_t NATURAL[BLOCK] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                           12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                           35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                           58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// Reads markers from the front of `data`, up to and with the header of a scan; how many bytes these are, or 0 where
// they are none that can be undone.
size_t read_markers(std::span<const uint8_t> data, Header& header);

}  // namespace nncomp::jpeg
