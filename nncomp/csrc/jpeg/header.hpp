// Reads the markers of a JPEG picture up to the data of a scan (ITU-T T.81, annex B): the picture's components, its
// quantisation, its Huffman codes, and how the scan codes coefficients. Pictures that cannot be undone are refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nncomp::jpeg {

constexpr uint8_t SOI = 0xD8, RST0 = 0xD0;  // markers: start of a picture, first of eight restart markers
constexpr int MAX_COMPONENTS = 4;
constexpr int BLOCK = 64;  // coefficients of a block: 8 × 8

// A canonical Huffman code of at most 256 symbols, with codes of at most 16 bits.
struct Code {
  bool there = false;                  // whether it was defined
  std::array<uint8_t, 256> symbol{};   // in the order of their codes
  std::array<uint8_t, 256> length{};   // [symbol]: bits of its code; 0: it has none
  std::array<uint16_t, 256> bits{};    // [symbol]: its code
  std::array<uint16_t, 256> fast{};  // [next 8 bits]: length << 8 | symbol; 0: the code is longer, or there is none
  std::array<uint32_t, 17> end{};  // [length]: the next 16 bits are below if a code has this length or a lower one
  std::array<int32_t, 17> first{};  // [length]: a code of this length, plus this, is its index in `symbol`
};

// "Unit" is what T.81 calls a minimum coded unit (MCU): of a scan of several components some blocks of each, of a scan
// of one component a block.
struct Component {
  uint32_t id;
  uint32_t across, down;  // its blocks in an interleaved unit, 1 … 4 each: the sampling factors
  uint32_t table;  // its quantisation table
  uint32_t wide;  // its blocks in a row of whole interleaved units
  uint32_t own_wide, own_high;  // its blocks in a scan of this component alone, which lacks padding blocks
};

struct Scan {
  int count = 0;  // components of the scan
  std::array<int, MAX_COMPONENTS> component{}, dc{}, ac{};  // of each: its index in the frame, and its codes
  int from = 0, to = 63;  // first and last coefficient, in zigzag order
  // Successive approximation: bit `low` is the lowest that this scan codes; 0 in `high`: the highest bits, too, else
  // those from bit `high` on were coded before.
  int high = 0, low = 0;
};

// All that is known of a picture after the header of a scan. Later scans may change all but the frame.
struct Header {
  bool framed = false, progressive = false;  // framed: the frame's header has been read
  uint32_t units_wide = 0, units_high = 0;  // interleaved units of the picture
  int count = 0;  // components
  std::array<Component, MAX_COMPONENTS> component{};
  std::array<std::array<uint16_t, BLOCK>, 4> quantised{};  // [table][8·row + column]; 0 if it was not defined
  std::array<std::array<Code, 4>, 2> code{};  // [0 for DC, 1 for AC][table]
  uint32_t interval = 0;  // units between restart markers; 0: there are none
  Scan scan;

  // Units in a row of the scan, rows of units, and all units.
  uint32_t scan_wide() const { return scan.count > 1 ? units_wide : component[size_t(scan.component[0])].own_wide; }
  uint32_t scan_high() const { return scan.count > 1 ? units_high : component[size_t(scan.component[0])].own_high; }
  uint32_t scan_units() const { return scan_wide() * scan_high(); }
  // Units in a row of interleaved units.
  uint32_t row_units() const { return scan_wide() * (scan.count > 1 ? 1 : component[size_t(scan.component[0])].down); }
  uint64_t row_blocks() const;  // blocks of a row of interleaved units, those that pad whole units included
  uint64_t blocks() const { return units_high * row_blocks(); }  // of all rows

  // Whether the scan is a sequential picture's only one.
  bool is_sole() const { return !progressive && scan.count == count; }
};

// [index in zigzag order]: the coefficient's index in a block, 8·row + column.
inline constexpr uint8_t NATURAL[BLOCK] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                           12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                           35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                           58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// Reads the markers at the beginning of `data`, up to the header of a scan, that included. Returns how many bytes they
// have, or 0 if they are damaged, incomplete, or of a picture that cannot be undone; then `header` is meaningless.
// `read` becomes how many bytes were read, even if these are no such markers.
size_t read_markers(std::span<const uint8_t> data, Header& header, size_t& read);

inline size_t read_markers(std::span<const uint8_t> data, Header& header) {
  size_t read;
  return read_markers(data, header, read);
}

}  // namespace nncomp::jpeg
