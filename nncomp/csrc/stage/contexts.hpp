// Written by `make contexts` from nncomp/contexts/table.py: do not edit.
// What the contexts of each family hash, and which row of weights each set picks. Everything is in
// unnamed namespaces: see kernels/body.hpp. More than 400 lines, for it is a list.
// Families of the max profile begin with what those of the rich one have.
#pragma once

#include <cstdint>

#include "stage/floats.hpp"
#include "stage/past.hpp"
#include "stage/samples.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"
#include "stage/x86.hpp"

// clang-format off

namespace nncomp::mix {
namespace {

// Text, and whatever is nothing else.
template <class Add>
inline void general_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t c6 = feature::c(s, l, 6);
  const uint64_t P = feature::P(s, l);
  const uint64_t after1 = feature::after1(s, l);
  const uint64_t after2 = feature::after2(s, l);
  const uint64_t change = feature::change(s, l);
  const uint64_t column = feature::column(s, l);
  const uint64_t digits = feature::digits(s, l);
  const uint64_t expected = feature::expected(s, l);
  const uint64_t fields = feature::fields(s, l);
  const uint64_t form = feature::form(s, l);
  const uint64_t name = feature::name(s, l);
  const uint64_t number = feature::number(s, l);
  const uint64_t open = feature::open(s, l);
  const uint64_t outline = feature::outline(s, l);
  const uint64_t outline1 = feature::outline1(s, l);
  const uint64_t over = feature::over(s, l);
  const uint64_t run = feature::run(s, l);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t word1 = feature::word1(s, l);
  const uint64_t T = combine(tokens & 0xFFFFFFFF, combine(run << 8 | c1, word));
  const uint64_t L = combine(least(column, 255), feature::up(s, l, 0));
  const uint64_t foreign = c1 | c2 | c3;
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(feature::o(s, l, 4));
  add(feature::o(s, l, 6));
  add(combine(word, c1));
  add(combine(word, word1));
  add(combine(expected | 0x10000, c1));
  add(combine(after2, c1 | 0x2200));
  add(combine(shape, 0x3401));
  add(combine(tokens, 0x3800));
  add(T);
  add(more(P, 0) ? combine(feature::back(s, l, P) << 16 | feature::back(s, l, P + 1) << 8 | c1, 0x501) : L);
  add(combine(feature::due(s, l, 0), outline));
  add(more(foreign, 127) ? combine(c2 << 16 | c4 << 8 | c6, 0x62E) : combine(combine(over, combine(number, digits << 8 | c1)), change));
  add(combine(expected, name));
  add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
  add(more(foreign, 127) ? combine(feature::o(s, l, 8), 0x62D) : feature::due(s, l, 1));
  add(combine(feature::beside(s, l, 0) << 16 | feature::beside(s, l, 1) << 8 | c1, fields | 0x60500));
  add(combine(t - column, name));
  add(more(foreign, 127) ? combine(word1, feature::o(s, l, 2)) : combine(combine(outline, outline1), number));
  add(combine(open, word + 8));
  add(combine(feature::due(s, l, 2), form));
}

// Records of P bytes; N is the byte of the one before, NE, NW of its neighbours.
template <class Add>
inline void records_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t P = feature::P(s, l);
  const uint64_t after1 = feature::after1(s, l);
  const uint64_t after2 = feature::after2(s, l);
  const uint64_t at = feature::at(s, l);
  const uint64_t expected = feature::expected(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t N = feature::back(s, l, P);
  const uint64_t NE = feature::back(s, l, P - 1);
  const uint64_t NW = feature::back(s, l, P + 1);
  const uint64_t NN = feature::back(s, l, 2 * P);
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(feature::o(s, l, 4));
  add(feature::o(s, l, 6));
  add(combine(N << 8 | c1, 2));
  add(combine(N << 16 | NN << 8 | feature::back(s, l, 3 * P), 3));
  add(combine(at << 8 | c1, 4));
  add(combine(c2, 7));
  add(combine(c3 << 8 | c4, 8));
  add(combine(expected, 12));
  add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
  add(combine(after2, c1 | 0x2200));
  add(combine(N << 24 | NE << 16 | NW << 8 | NN, c1));
  add(combine(at, 11));
  add(combine(((c1 - NW) & 0xFF) | ((c2 - feature::back(s, l, P + 2)) & 0xFF) << 8 | N << 16, 14));
  add(combine(word, tokens & 0xFFFFFFFF));
  add(combine(feature::o(s, l, 8) & 0xFFC0C0C0C0C0, 0x625));
  add(combine(feature::o(s, l, 8) & 0xFFFFF0F0F0F0, 0x626));
  add(combine(N << 8 | feature::back(s, l, 8), (t & 3) | 0x62900));
  add(combine(right(N, 4) << 16 | right(NN, 4) << 8 | right(feature::back(s, l, 3 * P), 4), at | 0x62100));
}

// Instructions of a processor.
template <class Add>
inline void code_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t c5 = feature::c(s, l, 5);
  const uint64_t c6 = feature::c(s, l, 6);
  const uint64_t after1 = feature::after1(s, l);
  const uint64_t after2 = feature::after2(s, l);
  const uint64_t expected = feature::expected(s, l);
  const uint64_t t = feature::t(s, l);
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(feature::o(s, l, 4));
  add(feature::o(s, l, 6));
  add(feature::o(s, l, 5));
  add(combine(feature::o(s, l, 8), feature::o(s, l, 7)));
  add(combine(c2 << 8 | c3, 1));
  add(combine(c2 << 16 | c3 << 8 | c4, 2));
  add(combine(c1 << 16 | c3 << 8 | c4, 3));
  add(combine(c1 << 8 | c3, 4));
  add(combine(c4 << 8 | c5, 5));
  add(combine(c1 << 8 | c5, 6));
  add(combine(feature::o(s, l, 8) & 0xF8C7F8C7F8C7, 7));
  add(combine(feature::o(s, l, 8) & 0xF0F0F0F0F0F0, 8));
  add(combine(feature::back(s, l, 4) << 8 | feature::back(s, l, 8), (t & 3) | 0x62900));
  add(combine(expected, c1));
  add(combine(c1 << 24 | c2 << 16 | (t & 3) << 8 | c4, 9));
  add(combine(c3 << 16 | c4 << 8 | c5, 10));
  add(combine(c1 << 16 | c2 << 8 | c6, 11));
  add(combine(after1 & 0xFFFFFF, c1 | 0x1100));
  add(combine(after2, c1 | 0x2200));
}

// Instructions of an x86 processor.
template <class Add>
inline void x86_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t c5 = feature::c(s, l, 5);
  const uint64_t bytes = feature::bytes(s, l);
  const uint64_t depth = feature::depth(s, l);
  const uint64_t expected = feature::expected(s, l);
  const uint64_t function = feature::function(s, l);
  const uint64_t here = feature::here(s, l);
  const uint64_t jump = feature::jump(s, l);
  const uint64_t modrm = feature::modrm(s, l);
  const uint64_t opcode = feature::opcode(s, l);
  const uint64_t opcodes = feature::opcodes(s, l);
  const uint64_t operand = feature::operand(s, l);
  const uint64_t phase = feature::phase(s, l);
  const uint64_t slot = feature::slot(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t I = combine(bytes, phase);
  const uint64_t O = opcode | phase << 16 | modrm << 24;
  const uint64_t room = least(feature::ahead(s, l, 1), 16) << 1 | here;
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 6));
  add(I);
  add(combine(I, opcodes & 0xFFFFFFFF));
  add(combine(I, opcodes & 0xFFFFFFFFFFFF));
  add(combine(opcodes, O));
  add(combine(operand, phase << 8 | 1));
  add(combine(expected, c1));
  add(c2 << 8 | c3);
  add(combine(c2 << 16 | c3 << 8 | c4, 2));
  add(combine(O, c1));
  add(combine(c1 << 8 | c3, 4));
  add(combine(c4 << 8 | c5, 5));
  add(combine(c1 << 24 | c2 << 16 | (t & 3) << 8 | c4, 9));
  add(combine(feature::back(s, l, 8) << 16 | feature::back(s, l, 16) << 8 | feature::back(s, l, 24), t & 7));
  add(combine(feature::o(s, l, 8) & 0xF0F0F0F0F0F0, 8));
  add(combine(combine(O, operand), opcodes & 0xFFFF));
  add(more(jump, 0) ? combine(feature::ahead(s, l, 1) << 16 | feature::ahead(s, l, 2) << 8 | feature::ahead(s, l, 3), opcode | phase << 16) : combine(combine(O, opcodes & 0xFFFF), room));
  add(combine(function, phase | (opcode & 0xFF) << 8 | (modrm & 199) << 16));
  add(more(slot, 0) ? combine(combine(combine(function, depth), operand), phase) : combine(I, depth));
  add(combine(I, (t & 15) | (opcodes & 0x3FF) << 8));
}

// Rows of samples of a byte; W, N, … are the same byte of neighbouring samples.
template <class Add>
inline void picture_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t B = feature::B(s, l);
  const uint64_t P = feature::P(s, l);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t W = feature::back(s, l, B);
  const uint64_t WW = feature::back(s, l, 2 * B);
  const uint64_t N = feature::back(s, l, P);
  const uint64_t NN = feature::back(s, l, 2 * P);
  const uint64_t NW = feature::back(s, l, P + B);
  const uint64_t NE = feature::back(s, l, P - B);
  const uint64_t NNE = feature::back(s, l, 2 * P - B);
  const uint64_t last_W = feature::back(s, l, B + 1);
  const uint64_t last_N = feature::back(s, l, P + 1);
  const uint64_t last_NW = feature::back(s, l, P + B + 1);
  const uint64_t f = c1 - last_W;
  const uint64_t g = c1 - last_N;
  const uint64_t plane = W + N - NW;
  const uint64_t ch = channel << 8;
  add(combine(W << 8 | N | ch << 8, 1));
  add(combine(clip(plane) | ch, 2));
  add(combine(clip(plane) | ch | c1 << 16, 3));
  add(combine(W | ch | c1 << 16, 4));
  add(combine(N | ch | c1 << 16, 5));
  add(combine(clip(W + f) | ch, 6));
  add(combine(clip(N + g) | ch, 7));
  add(combine(right(W + N, 1) | ch | right(f & 0xFF, 2) << 16, 8));
  add(combine(clip(N + NE - NNE) | ch, 9));
  add(combine(clip(2 * N - NN) | ch | clip(2 * W - WW) << 16, 10));
  add(combine(right(W + NE, 1) | ch | right(c1, 2) << 16, 11));
  add(combine(c1 | c2 << 8 | right(W, 2) << 16 | ch << 24, 12));
  add(combine(clip(plane + c1 - (last_W + last_N - last_NW)) | ch, 13));
  add(combine(clip(right((plane + W + f + N + g) * 0x5556, 16)) | ch, 14));
  add(combine(clip(plane) | right(absolute(W - N), 2) << 8 | right(absolute(N - NW), 2) << 16 | ch << 24, 15));
  add(combine(clip(W + NE - N) | ch | right(g + 0x100, 3) << 16, 16));
}

// Rows of samples of two bytes, low and high; sound, too.
template <class Add>
inline void wide_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t B = feature::B(s, l);
  const uint64_t P = feature::P(s, l);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t W = feature::back(s, l, B);
  const uint64_t ch = channel << 8;
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(combine(feature::guess(s, l, 5), 1));
  add(combine(feature::guess(s, l, 4), 2));
  add(combine(feature::guess(s, l, 2), 3));
  add(combine(feature::guess(s, l, 3), 4));
  add(combine(feature::guess(s, l, 7), 5));
  add(combine(c2 | ch, 7));
  add(combine(W | ch, c1));
  add(combine(feature::back(s, l, P) | ch, c1 << 8 | W));
}

// Records or rows of numbers in floating point, highest byte first.
template <class Add>
inline void floats_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t P = feature::P(s, l);
  const uint64_t at = feature::at(s, l);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t expected = feature::expected(s, l);
  const uint64_t exponent = feature::exponent(s, l);
  const uint64_t N = feature::back(s, l, P);
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(combine(feature::figure(s, l, 3), 7));
  add(combine(feature::figure(s, l, 5), c1 << 8 | feature::sure(s, l, 5) | 0x50000));
  add(combine(feature::figure(s, l, 5), feature::figure(s, l, 4)));
  add(combine(N << 16 | feature::back(s, l, 2 * P) << 8 | feature::back(s, l, 3 * P), 3 | at << 8));
  add(combine(at << 8 | c1, 4));
  add(combine(at << 16 | c1 << 8 | c2, 5));
  add(combine(exponent, 13));
  add(combine(exponent, c1));
  add(combine(c2, 7 | channel << 8));
  add(combine(expected, 12));
}

// The lean profile.
template <class Add>
inline void lean_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t P = feature::P(s, l);
  const uint64_t column = feature::column(s, l);
  const uint64_t run = feature::run(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t T = combine(tokens & 0xFFFFFFFF, combine(run << 8 | c1, word));
  const uint64_t L = combine(least(column, 255), feature::up(s, l, 0));
  add(feature::o(s, l, 2));
  add(feature::o(s, l, 3));
  add(feature::o(s, l, 4));
  add(feature::o(s, l, 6));
  add(combine(word, c1));
  add(T);
  add(more(P, 0) ? combine(feature::back(s, l, P) << 8 | c1, 2) : L);
}

// Text, and whatever is nothing else.
template <class Add>
inline void max_general_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t cell = feature::cell(s, l);
  const uint64_t column = feature::column(s, l);
  const uint64_t field = feature::field(s, l);
  const uint64_t name = feature::name(s, l);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t word1 = feature::word1(s, l);
  const uint64_t word2 = feature::word2(s, l);
  general_values(s, l, add);
  add(c2 << 8 | c3);
  add(combine(word, word2 * 7 + 1));
  add(combine(feature::beside(s, l, 0) << 24 | feature::beside(s, l, 1) << 16 | feature::beside(s, l, 2) << 8 | 6, field));
  add(combine(shape & 0xFFFFFF, feature::o(s, l, 2) | 0x6100000));
  add(combine(feature::up(s, l, 0) << 24 | feature::up(s, l, 1) << 16 | feature::up2(s, l, 0) << 8 | feature::up2(s, l, 1), c1 | 0x61100));
  add(combine(feature::up(s, l, 2) << 24 | feature::up(s, l, 3) << 16 | feature::up(s, l, 4) << 8 | feature::up(s, l, 0), column | 0x6130000));
  add(combine(feature::memory(s, l, 0) & 0xFFFFFF, 0x614));
  add(combine(shape & 0xFFFFFFFFFF, c1 | 0x3300));
  add(combine(word1, tokens & 0xFF));
  add(combine(column, c1 | 0x60A00));
  add(combine(cell, name));
  add(combine(feature::o(s, l, 3), right(t, 10)));
}

// Records of P bytes; N is the byte of the one before, NE, NW of its neighbours.
template <class Add>
inline void max_records_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t P = feature::P(s, l);
  const uint64_t at = feature::at(s, l);
  const uint64_t fields = feature::fields(s, l);
  const uint64_t offset = feature::offset(s, l);
  const uint64_t pace = feature::pace(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t type = feature::type(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t N = feature::back(s, l, P);
  const uint64_t NW = feature::back(s, l, P + 1);
  const uint64_t NN = feature::back(s, l, 2 * P);
  records_values(s, l, add);
  add(feature::o(s, l, 5));
  add(more(pace, 0) ? combine(pace << 8 | feature::back(s, l, pace), 0x601) : 0);
  add(combine(c1 << 16 | c2 << 8 | c4, 0x608));
  add(combine(c2 << 16 | c3 << 8 | c4, 0x60B));
  add(combine(feature::back(s, l, 4) << 8 | feature::back(s, l, 8), (t & 3) | 0x60F00));
  add(more(pace, 0) ? combine(feature::back(s, l, pace) << 16 | feature::back(s, l, 2 * pace) << 8 | feature::back(s, l, 3 * pace), 0x603) : 0);
  add(combine(feature::beside(s, l, 0) << 16 | feature::beside(s, l, 1) << 8 | c1, fields | 0x60C00));
  add(combine(word, c1 | 0x60D00));
  add(combine(feature::o(s, l, 5), feature::memory(s, l, 0) & 0xFF));
  add(combine(feature::o(s, l, 5), feature::memory(s, l, 0) & 0xFFFF));
  add(combine(type << 16 | offset, feature::memory(s, l, 0)));
  add(combine(type << 16 | offset, c1));
  add(combine(type << 16 | offset, (feature::memory(s, l, 2) & 0xFFFF) | feature::back(s, l, 7) << 16));
  add(combine(feature::memory(s, l, 1) & 0xFFFF, feature::memory(s, l, 0) & 0xFF));
  add(combine(feature::memory(s, l, 1) & 0xFFFF, c1));
  add(combine(((2 * N - NN) & 0xFF) | at << 8, 13));
  add(combine((c1 + N - NW) & 0xFF, 10));
  add(combine(c1 << 8 | c3, 9));
}

// Instructions of a processor.
template <class Add>
inline void max_code_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t pace = feature::pace(s, l);
  const uint64_t word = feature::word(s, l);
  code_values(s, l, add);
  add(feature::o(s, l, 7));
  add(more(pace, 0) ? combine(pace << 8 | feature::back(s, l, pace), c1 << 8 | 11) : 0);
  add(combine(word, c1 | 0x60600));
}

// Instructions of an x86 processor.
template <class Add>
inline void max_x86_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t before = feature::before(s, l);
  const uint64_t bytes = feature::bytes(s, l);
  const uint64_t call = feature::call(s, l);
  const uint64_t depth = feature::depth(s, l);
  const uint64_t far = feature::far(s, l);
  const uint64_t function = feature::function(s, l);
  const uint64_t here = feature::here(s, l);
  const uint64_t jump = feature::jump(s, l);
  const uint64_t last = feature::last(s, l);
  const uint64_t modrm = feature::modrm(s, l);
  const uint64_t opcode = feature::opcode(s, l);
  const uint64_t opcodes = feature::opcodes(s, l);
  const uint64_t operand = feature::operand(s, l);
  const uint64_t pace = feature::pace(s, l);
  const uint64_t phase = feature::phase(s, l);
  const uint64_t popped = feature::popped(s, l);
  const uint64_t pushed = feature::pushed(s, l);
  const uint64_t slot = feature::slot(s, l);
  const uint64_t word = feature::word(s, l);
  const uint64_t I = combine(bytes, phase);
  const uint64_t O = opcode | phase << 16 | modrm << 24;
  const uint64_t room = least(feature::ahead(s, l, 1), 16) << 1 | here;
  x86_values(s, l, add);
  add(combine(I, (right(opcodes, 16) & 0xFFFF) | 0x60100000));
  add(combine(right(opcodes, 16) & 0xFFFFFFFF, O));
  add(more(pace, 0) ? combine(pace << 8 | feature::back(s, l, pace), c1 << 8 | 11) : 0);
  add(combine(operand, (opcodes & 0xFFFF) | phase << 16));
  add(combine(O, before));
  add(combine(word, c1 | 0x60600));
  add(combine(opcodes & 0xFFFFFFFF, phase | modrm << 8 | 0x6080000));
  add(combine(feature::o(s, l, 3), phase));
  add(combine(feature::memory(s, l, 0) & 0xFF, O));
  add(combine(feature::memory(s, l, 1) & 0xFFFFFF, phase));
  add(more(jump, 0) ? combine(feature::ahead(s, l, 1) << 8 | feature::ahead(s, l, 2), opcode | phase << 16) : combine(O, room));
  add(more(jump, 0) ? combine(feature::ahead(s, l, 1), phase) : combine(I, room));
  add(combine(I, pushed | popped << 8));
  add(combine(I, call + depth));
  add(more(far, 0) ? combine(far, phase) : combine(combine(function, O), opcodes & 0xFFFF));
  add(combine(combine(function, phase), modrm & 7));
  add(more(slot, 0) ? combine(slot, O) : combine(c1, last | phase << 8));
}

// Rows of samples of a byte; W, N, … are the same byte of neighbouring samples.
template <class Add>
inline void max_picture_values(const Shared& s, const Lane& l, Add add) {
  picture_values(s, l, add);
}

// Rows of samples of two bytes, low and high; sound, too.
template <class Add>
inline void max_wide_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c2 = feature::c(s, l, 2);
  wide_values(s, l, add);
  add(combine(feature::guess(s, l, 4), c2 | 0x600));
  add(combine(feature::guess(s, l, 4), feature::guess(s, l, 5)));
  add(combine(feature::guess(s, l, 6), 0x610));
}

// Records or rows of numbers in floating point, highest byte first.
template <class Add>
inline void max_floats_values(const Shared& s, const Lane& l, Add add) {
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t c4 = feature::c(s, l, 4);
  const uint64_t at = feature::at(s, l);
  floats_values(s, l, add);
  add(feature::o(s, l, 4));
  add(combine(c3 << 8 | c4, 8));
  add(combine(feature::figure(s, l, 7), feature::figure(s, l, 6)));
  add(combine(feature::back(s, l, 4) << 8 | feature::back(s, l, 8), at | 0x60000));
}

template <class Add>
inline void max_general_memories(const Shared& s, const Lane& l, Add add) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t word = feature::word(s, l);
  add(combine(word, c1));
}

template <class Add>
inline void max_records_memories(const Shared& s, const Lane& l, Add add) {
  const uint64_t offset = feature::offset(s, l);
  const uint64_t type = feature::type(s, l);
  add(type << 16 | offset);
  add(feature::o(s, l, 5));
  add(combine(type << 16 | offset, feature::back(s, l, 6) << 8 | feature::back(s, l, 7)));
}

template <class Add>
inline void max_x86_memories(const Shared& s, const Lane& l, Add add) {
  const uint64_t bytes = feature::bytes(s, l);
  const uint64_t modrm = feature::modrm(s, l);
  const uint64_t opcode = feature::opcode(s, l);
  const uint64_t phase = feature::phase(s, l);
  const uint64_t I = combine(bytes, phase);
  const uint64_t O = opcode | phase << 16 | modrm << 24;
  add(O);
  add(I);
}

template <class Set>
inline void general_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t shape = feature::shape(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  set(3, 4704 + uint32_t(pick(feature::o(s, l, 2))));
  set(5, 12896 + uint32_t(pick(shape & 0xFFFFF)));
  set(6, 16992 + uint32_t(pick(tokens & 0xFFFFFF)));
}

template <class Set>
inline void records_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t shape = feature::shape(s, l);
  set(3, 4704 + uint32_t(pick(feature::o(s, l, 2))));
  set(4, 8800 + uint32_t(pick(shape & 0xFFFFF)));
}

template <class Set>
inline void code_byte_rows(const Shared& s, const Lane& l, Set set) {
  set(3, 4704 + uint32_t(pick(feature::o(s, l, 2))));
}

template <class Set>
inline void x86_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t modrm = feature::modrm(s, l);
  const uint64_t opcodes = feature::opcodes(s, l);
  const uint64_t phase = feature::phase(s, l);
  set(3, 4704 + uint32_t(pick(feature::o(s, l, 2))));
  set(4, 8800 + uint32_t(8 * phase + (right(modrm, 3) & 7)));
  set(6, 17248 + uint32_t(pick(combine(opcodes & 0xFFFF, phase))));
}

template <class Set>
inline void picture_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t B = feature::B(s, l);
  const uint64_t P = feature::P(s, l);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t W = feature::back(s, l, B);
  const uint64_t N = feature::back(s, l, P);
  const uint64_t NE = feature::back(s, l, P - B);
  set(3, 4704 + uint32_t(pick(combine(right(absolute(W - N), 3) << 8 | right(absolute(N - NE), 3), channel))));
}

template <class Set>
inline void wide_byte_rows(const Shared& s, const Lane& l, Set set) {
  set(3, 4704 + uint32_t(pick(feature::o(s, l, 2))));
}

template <class Set>
inline void floats_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t exponent = feature::exponent(s, l);
  set(3, 4704 + uint32_t(pick(exponent)));
}

template <class Set>
inline void lean_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t shape = feature::shape(s, l);
  set(3, 4704 + uint32_t(pick(shape & 0xFFFFFF)));
}

template <class Set>
inline void max_general_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t shape = feature::shape(s, l);
  const uint64_t tokens = feature::tokens(s, l);
  general_byte_rows(s, l, set);
  set(8, 21600 + uint32_t(pick(shape & 0xFFFFFFF)));
  set(9, 25696 + uint32_t(pick(tokens & 0xFFFFFFFFFF)));
  set(12, 31840 + uint32_t(pick(shape & 0xFFFFFFFFF)));
}

template <class Set>
inline void max_records_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  records_byte_rows(s, l, set);
  set(10, 16240 + uint32_t(c2));
  set(11, 16496 + uint32_t(c3));
}

template <class Set>
inline void max_code_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  code_byte_rows(s, l, set);
  set(10, 11248 + uint32_t(c2));
  set(11, 11504 + uint32_t(c3));
}

template <class Set>
inline void max_x86_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t here = feature::here(s, l);
  const uint64_t modrm = feature::modrm(s, l);
  const uint64_t opcode = feature::opcode(s, l);
  const uint64_t opcodes = feature::opcodes(s, l);
  const uint64_t phase = feature::phase(s, l);
  const uint64_t O = opcode | phase << 16 | modrm << 24;
  x86_byte_rows(s, l, set);
  set(8, 21856 + uint32_t(pick(combine(O, phase))));
  set(9, 25952 + uint32_t(phase << 5 | least(feature::ahead(s, l, 1), 15) << 1 | here));
  set(12, 28144 + uint32_t(more(phase, 0) ? (opcode & 0x1FF) << 1 : (opcodes & 0x1FF) << 1 | 1));
}

template <class Set>
inline void max_picture_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  picture_byte_rows(s, l, set);
  set(10, 15264 + uint32_t(c2));
  set(11, 15520 + uint32_t(c3));
}

template <class Set>
inline void max_wide_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  wide_byte_rows(s, l, set);
  set(10, 11296 + uint32_t(c2));
  set(11, 11552 + uint32_t(c3));
}

template <class Set>
inline void max_floats_byte_rows(const Shared& s, const Lane& l, Set set) {
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  floats_byte_rows(s, l, set);
  set(10, 13216 + uint32_t(c2));
  set(11, 13472 + uint32_t(c3));
}

inline void general_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t fields = feature::fields(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[4] = 8800 + uint32_t((fields & 0xF) << 8 | bit.node);
}

inline void records_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t at = feature::at(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[5] = 12896 + uint32_t(bit.k << 8 | (at & 0xFF));
  row[6] = 14944 + uint32_t(6 * bit.match_class + bit.hits);
}

inline void code_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t c3 = feature::c(s, l, 3);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[4] = 8800 + uint32_t(16 * bit.k + right(c2, 4));
  row[5] = 8928 + uint32_t(16 * bit.k + right(c3, 4));
  row[6] = 9056 + uint32_t(6 * bit.match_class + bit.hits);
}

inline void x86_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t phase = feature::phase(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[5] = 9056 + uint32_t(phase << 8 | bit.node);
}

inline void picture_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[4] = 8800 + uint32_t(right(c2, 4) << 8 | bit.node);
  row[5] = 12896 + uint32_t(8 * bit.k + channel);
  row[6] = 12960 + uint32_t(bit.near);
}

inline void wide_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[4] = 8800 + uint32_t(16 * bit.k + right(c2, 4));
  row[5] = 8928 + uint32_t(8 * bit.k + channel);
  row[6] = 8992 + uint32_t(bit.near);
}

inline void floats_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t channel = feature::channel(s, l);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
  row[4] = 8800 + uint32_t(8 * bit.k + channel);
  row[5] = 8864 + uint32_t(feature::sure(s, l, 5) << 6 | (8 * bit.k + channel));
  row[6] = 10912 + uint32_t(bit.near);
}

inline void lean_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t shape = feature::shape(s, l);
  row[0] = uint32_t((shape & 0xF) << 8 | bit.node);
  row[1] = 4096 + uint32_t(bit.match_row);
  row[2] = 4192 + uint32_t(right(c1, 5) << 6 | (8 * bit.hits + bit.k));
}

inline void max_general_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t column = feature::column(s, l);
  const uint64_t word = feature::word(s, l);
  general_bit_rows(s, l, bit, row);
  row[7] = 21088 + uint32_t(bit.predicted);
  row[10] = 29792 + uint32_t(least(column, 127) << 3 | bit.k);
  row[11] = 30816 + uint32_t((right(word, 56) & 0x7F) << 3 | bit.k);
  row[13] = 35936 + uint32_t(6 * bit.match_class + bit.hits);
}

inline void max_records_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t c2 = feature::c(s, l, 2);
  const uint64_t offset = feature::offset(s, l);
  const uint64_t t = feature::t(s, l);
  const uint64_t type = feature::type(s, l);
  records_bit_rows(s, l, bit, row);
  row[7] = 15088 + uint32_t(bit.predicted);
  row[8] = 15600 + uint32_t(8 * bit.all_hits + bit.k);
  row[9] = 16112 + uint32_t(16 * bit.k + right(c2, 4));
  row[12] = 16752 + uint32_t(more(0xFFFFF, type) ? least(offset, 127) << 3 | bit.k : (t & 0x3) << 8 | bit.node);
  row[13] = 17776 + uint32_t(right(c1, 6) << 8 | bit.node);
}

inline void max_code_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  code_bit_rows(s, l, bit, row);
  row[7] = 9200 + uint32_t(bit.predicted);
  row[8] = 9712 + uint32_t(8 * bit.all_hits + bit.k);
  row[9] = 10224 + uint32_t((shape & 0xFF) << 2 | right(bit.k, 1));
  row[12] = 11760 + uint32_t((t & 0x3) << 8 | bit.node);
  row[13] = 12784 + uint32_t(right(c1, 6) << 8 | bit.node);
}

inline void max_x86_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t depth = feature::depth(s, l);
  const uint64_t phase = feature::phase(s, l);
  x86_bit_rows(s, l, bit, row);
  row[7] = 21344 + uint32_t(bit.predicted);
  row[10] = 26976 + uint32_t(6 * bit.match_class + bit.hits);
  row[11] = 27120 + uint32_t(phase << 5 | (right(depth, 2) & 3) << 3 | bit.k);
  row[13] = 29168 + uint32_t(right(c1, 6) << 8 | bit.node);
}

inline void max_picture_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  picture_bit_rows(s, l, bit, row);
  row[7] = 13216 + uint32_t(bit.predicted);
  row[8] = 13728 + uint32_t(8 * bit.all_hits + bit.k);
  row[9] = 14240 + uint32_t((shape & 0xFF) << 2 | right(bit.k, 1));
  row[12] = 15776 + uint32_t((t & 0x3) << 8 | bit.node);
  row[13] = 16800 + uint32_t(right(c1, 6) << 8 | bit.node);
}

inline void max_wide_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  wide_bit_rows(s, l, bit, row);
  row[7] = 9248 + uint32_t(bit.predicted);
  row[8] = 9760 + uint32_t(8 * bit.all_hits + bit.k);
  row[9] = 10272 + uint32_t((shape & 0xFF) << 2 | right(bit.k, 1));
  row[12] = 11808 + uint32_t((t & 0x3) << 8 | bit.node);
  row[13] = 12832 + uint32_t(right(c1, 6) << 8 | bit.node);
}

inline void max_floats_bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  const uint64_t c1 = feature::c(s, l, 1);
  const uint64_t shape = feature::shape(s, l);
  const uint64_t t = feature::t(s, l);
  floats_bit_rows(s, l, bit, row);
  row[7] = 11168 + uint32_t(bit.predicted);
  row[8] = 11680 + uint32_t(8 * bit.all_hits + bit.k);
  row[9] = 12192 + uint32_t((shape & 0xFF) << 2 | right(bit.k, 1));
  row[12] = 13728 + uint32_t((t & 0x3) << 8 | bit.node);
  row[13] = 14752 + uint32_t(right(c1, 6) << 8 | bit.node);
}

// Calls add(v) for what each of the block's contexts hashes, in order.
template <class Add>
inline void values(const Shared& s, const Lane& l, Add add) {
  switch (s.shape.family) {
    case GENERAL: return general_values(s, l, add);
    case RECORDS: return records_values(s, l, add);
    case CODE: return code_values(s, l, add);
    case X86: return x86_values(s, l, add);
    case PICTURE: return picture_values(s, l, add);
    case WIDE: return wide_values(s, l, add);
    case FLOATS: return floats_values(s, l, add);
    case LEAN: return lean_values(s, l, add);
    case MAX_GENERAL: return max_general_values(s, l, add);
    case MAX_RECORDS: return max_records_values(s, l, add);
    case MAX_CODE: return max_code_values(s, l, add);
    case MAX_X86: return max_x86_values(s, l, add);
    case MAX_PICTURE: return max_picture_values(s, l, add);
    case MAX_WIDE: return max_wide_values(s, l, add);
    case MAX_FLOATS: return max_floats_values(s, l, add);
  }
}

// Calls add(v) for what each of the block's memories hashes, in order.
template <class Add>
inline void memories(const Shared& s, const Lane& l, Add add) {
  switch (s.shape.family) {
    case MAX_GENERAL: return max_general_memories(s, l, add);
    case MAX_RECORDS: return max_records_memories(s, l, add);
    case MAX_X86: return max_x86_memories(s, l, add);
  }
}

// Calls set(i, row) for each set of weights that picks its row for a byte.
template <class Set>
inline void byte_rows(const Shared& s, const Lane& l, Set set) {
  switch (s.shape.family) {
    case GENERAL: return general_byte_rows(s, l, set);
    case RECORDS: return records_byte_rows(s, l, set);
    case CODE: return code_byte_rows(s, l, set);
    case X86: return x86_byte_rows(s, l, set);
    case PICTURE: return picture_byte_rows(s, l, set);
    case WIDE: return wide_byte_rows(s, l, set);
    case FLOATS: return floats_byte_rows(s, l, set);
    case LEAN: return lean_byte_rows(s, l, set);
    case MAX_GENERAL: return max_general_byte_rows(s, l, set);
    case MAX_RECORDS: return max_records_byte_rows(s, l, set);
    case MAX_CODE: return max_code_byte_rows(s, l, set);
    case MAX_X86: return max_x86_byte_rows(s, l, set);
    case MAX_PICTURE: return max_picture_byte_rows(s, l, set);
    case MAX_WIDE: return max_wide_byte_rows(s, l, set);
    case MAX_FLOATS: return max_floats_byte_rows(s, l, set);
  }
}

// Sets the rows of those that pick one for each bit.
inline void bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {
  switch (s.shape.family) {
    case GENERAL: return general_bit_rows(s, l, bit, row);
    case RECORDS: return records_bit_rows(s, l, bit, row);
    case CODE: return code_bit_rows(s, l, bit, row);
    case X86: return x86_bit_rows(s, l, bit, row);
    case PICTURE: return picture_bit_rows(s, l, bit, row);
    case WIDE: return wide_bit_rows(s, l, bit, row);
    case FLOATS: return floats_bit_rows(s, l, bit, row);
    case LEAN: return lean_bit_rows(s, l, bit, row);
    case MAX_GENERAL: return max_general_bit_rows(s, l, bit, row);
    case MAX_RECORDS: return max_records_bit_rows(s, l, bit, row);
    case MAX_CODE: return max_code_bit_rows(s, l, bit, row);
    case MAX_X86: return max_x86_bit_rows(s, l, bit, row);
    case MAX_PICTURE: return max_picture_bit_rows(s, l, bit, row);
    case MAX_WIDE: return max_wide_bit_rows(s, l, bit, row);
    case MAX_FLOATS: return max_floats_bit_rows(s, l, bit, row);
  }
}

}  // namespace
}  // namespace nncomp::mix
