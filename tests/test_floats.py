"""Numbers in floating point: the engines, what finds them, and what they take."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples, some_quick
from nncomp import compress, decompress
from nncomp.engine import native, reference
from nncomp.engine.reference.floats import MOST_GUESS, Floats
from nncomp.filters import numbers
from nncomp.filters.numbers import Change, Kind, Run
from nncomp.mixing import Contexts, Mixing, NumberKind, Profile
from nncomp.plan.parts import Chosen, Filtered, Leaf, choose_parts
from nncomp.plan.statistics import (
    find_floats,
    kinds_of_floats,
    periods_of_floats,
    phase_of_floats,
)

TURNED = [kind for kind in NumberKind if kind != NumberKind.IBM32]
LETTERS = {NumberKind.FLOAT32: "f", NumberKind.FLOAT64: "d"}
RICH, MAX = Profile.RICH, Profile.MAX


def hexadecimal(v: float) -> bytes:
    """v, below 2^20, in 32 bits of IBM's, to 1/256."""
    digits = abs(int(v * 256))
    size = -(-digits.bit_length() // 4)
    bits = (62 + size << 24) | digits << 24 - 4 * size if digits else 0
    return (bits | (v < 0) << 31).to_bytes(4, "big")


def packed(kind: NumberKind, values: list[float], order: str = ">") -> bytes:
    if kind == NumberKind.IBM32:
        return b"".join(map(hexadecimal, values))
    if kind.base == 0:
        ends = "big" if order == ">" else "little"
        unit = 0.7071 * (1 << 8 * kind.width - 16)
        return b"".join(int(v * unit).to_bytes(kind.width, ends, signed=True) for v in values)
    return struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values)


def wave(count: int, channels: int = 1) -> list[float]:
    """A damped oscillation that is struck now and then, with some noise; channels differ in
    size."""
    noise, values = models.noise(count), list[float]()
    state = [[0.0, 0.0] for _ in range(channels)]
    for i in range(count):
        one = state[i % channels]
        if i < channels or noise[i] < 2:
            one[1] += 300.0 * (i % channels + 1)
        one[0], one[1] = one[1], 1.9 * one[1] - 0.95 * one[0] + noise[i] / 64
        values.append(round(one[1] * 64) / 64)  # of a converter of some 16 bits
    return values


def rows(count: int, width: int) -> list[float]:
    """A slope with furrows along it."""
    profile = np.cumsum(np.frombuffer(models.noise(width), np.int8)).tolist()
    return [i // width / 2 + 900.0 + profile[i % width] / 4 for i in range(count)]


def steep(kind: NumberKind, size: int) -> bytes:
    """What is no number, the largest and the least, one after the other."""
    ends = ["00", "80", "7f800000", "ff800000", "7fc00000", "7f7fffff", "ff7fffff", "00000001"]
    ends += ["7fefffffffffffff", "7ff0000000000000", "7fffffff", "ffffffff", "3f800000", "c1100000"]
    ends += ["0010000000000000", "3ff0000000000000", "41100000", "00100000"]
    every = [bytes.fromhex(end).ljust(kind.width, b"\0")[: kind.width] for end in ends]
    noise = models.noise(size // kind.width + 1)
    return b"".join(every[n % len(every)] for n in noise)[:size]


@cache
def expected(data: bytes, mixing: Mixing) -> list[bytes]:
    return reference.encode_block(None, data, 1, mixing)


def same(data: bytes, mixing: Mixing) -> None:
    payloads = expected(data, mixing)
    assert native.encode_block(None, data, 1, mixing) == payloads
    assert native.decode_block(None, payloads, len(data), mixing) == data


# ---- the engines ----


@pytest.mark.parametrize("kind", NumberKind)
@pytest.mark.parametrize("count", some_quick([1, 2, 3, 8, 9, 30], 9))
def test_engines_agree_on_waves_and_rows(kernel: str, kind: NumberKind, count: int) -> None:
    """Records of ``count`` numbers; from nine on they are rows."""
    data = packed(kind, wave(600 // kind.width, min(count, 8)))
    for profile in (RICH, MAX):
        same(data[:300], Mixing(profile, Contexts.FLOATS, count * kind.width, kind))


@pytest.mark.parametrize("kind", NumberKind)
@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("data", [steep, lambda _, size: models.noise(size)])
def test_engines_agree_on_what_is_hard(
    kernel: str, kind: NumberKind, count: int, data: Callable[[NumberKind, int], bytes]
) -> None:
    """The last number is not whole."""
    same(data(kind, 333), Mixing(RICH, Contexts.FLOATS, count * kind.width, kind))


@pytest.mark.parametrize("count", some_quick([1, 10], 1))
def test_engines_agree_once_weights_are_found(kernel: str, count: int) -> None:
    kind = NumberKind.FLOAT32
    for data in (packed(kind, wave(300)), steep(kind, 1200)):
        same(data, Mixing(RICH, Contexts.FLOATS, count * kind.width, kind))


@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_engines_agree_on_anything(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(NumberKind))
    pool = data.draw(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=5))
    order = data.draw(st.lists(st.integers(0, len(pool) - 1), min_size=1, max_size=50))
    content = b"".join(pool[i][: kind.width] for i in order)
    count = data.draw(st.integers(1, 12))
    profile = data.draw(st.sampled_from([RICH, MAX]))
    same(content, Mixing(profile, Contexts.FLOATS, count * kind.width, kind))


def test_lanes_that_begin_inside_of_a_number() -> None:
    data = packed(NumberKind.FLOAT32, wave(60))
    mixing = Mixing(RICH, Contexts.FLOATS, 4, NumberKind.FLOAT32)
    payloads = reference.encode_block(models.tiny(), data, 7, mixing)
    for threads in (1, 3):
        assert native.encode_block(models.tiny(), data, 7, mixing, threads=threads) == payloads
        assert native.decode_block(models.tiny(), payloads, len(data), mixing) == data


# ---- what a number is ----


BASED = [kind for kind in NumberKind if kind.base]


@pytest.mark.parametrize("kind", [NumberKind.INT24, NumberKind.INT32])
def test_whole_values(kind: NumberKind) -> None:
    floats, end = Floats(kind, kind.width), 1 << 8 * kind.width - 1
    for v in (0, 1, -1, 1000, -1000, end - 1, -end):
        bits = int.from_bytes(v.to_bytes(kind.width, "big", signed=True).ljust(8, b"\0"), "big")
        assert floats.float_of(bits) == (v, 0) and floats.in_units((v, 0)) == v
        assert floats.bits_of(v) == bits >> 32
    assert floats.bits_of(MOST_GUESS) == floats.bits_of(end - 1)
    assert floats.bits_of(-MOST_GUESS) == floats.bits_of(-end)


@pytest.mark.parametrize("kind", BASED)
def test_values(kind: NumberKind) -> None:
    """Numbers keep their proportions; 0, and what is no number, is 0."""
    floats = Floats(kind, kind.width)

    def value(v: float) -> int:
        bits = int.from_bytes(packed(kind, [v]), "big")
        return floats.in_units(floats.float_of(bits << 64 - 8 * kind.width))

    floats.scale = floats.float_of(int.from_bytes(packed(kind, [1.0]).ljust(8, b"\0"), "big"))[1]
    floats.scale -= 4
    one = value(1.0)
    for v in (0.0, 1.5, -1.5, 0.0625, 3.75, -7.0, 16.0, 100.0, -255.5):
        assert value(v) == v * one
    if kind in LETTERS:
        assert value(float("nan")) == value(float("inf")) == 0


@pytest.mark.parametrize("kind", BASED)
def test_guesses_are_numbers_again(kind: NumberKind) -> None:
    floats = Floats(kind, kind.width)
    for v in (1.0, -1.0, 3.140625, 0.5, -255.0, 4096.0, 0.0625):
        bits = int.from_bytes(packed(kind, [v]).ljust(8, b"\0"), "big")
        number = floats.float_of(bits)
        for floats.scale in (number[1], number[1] + 3, number[1] - 5):
            assert floats.bits_of(floats.in_units(number)) == bits >> 32
    assert floats.bits_of(0) == 0
    floats.scale = 4000
    assert floats.bits_of(-MOST_GUESS) >> 31 == 1  # larger than any


# ---- the filter ----


@pytest.mark.parametrize("width", [2, 3, 4, 8])
def test_turned_numbers(width: int) -> None:
    content = models.noise(100)
    split = numbers.take_apart(content, [Run(3, 96 // width, Kind(width, Change.SWAPPED))])
    rest, turned = split.streams
    assert rest == content[:3] + content[99:]
    assert turned[:width] == content[3 : 3 + width][::-1]
    assert numbers.join(split.streams, split.side, len(content)) == content


# ---- what is found, and chosen ----


@pytest.mark.parametrize("kind", NumberKind)
def test_floats_are_found(kind: NumberKind) -> None:
    data = packed(kind, wave(5000))
    assert phase_of_floats(data, kind) == 0
    for skipped in range(1, kind.width):
        assert phase_of_floats(data[skipped:], kind) == kind.width - skipped


@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize("phase", [0, 1, 2])
def test_floats_are_found_the_other_way_around(kind: NumberKind, phase: int) -> None:
    data = bytes(phase) + packed(kind, wave(5000), "<")
    assert phase_of_floats(data, kind, "<") == phase


@pytest.mark.parametrize("missing", [float("nan"), 1e30, -9999.0, 0.0])
def test_floats_are_found_between_what_is_missing(missing: float) -> None:
    """As land in a map of the sea."""
    some = [missing if i % 100 < 60 else v for i, v in enumerate(wave(5000))]
    for kind in (NumberKind.FLOAT32, NumberKind.FLOAT64):
        assert phase_of_floats(packed(kind, some), kind) == 0


@pytest.mark.parametrize("content", [b"", b"abc", bytes(9999), models.noise(9999)])
def test_what_is_no_float(content: bytes) -> None:
    for kind in NumberKind:
        assert phase_of_floats(content, kind) is phase_of_floats(content, kind, "<") is None
    counted = np.arange(1, 9999, dtype=">u4").tobytes()
    assert phase_of_floats(counted, NumberKind.FLOAT32) is None
    assert phase_of_floats(models.text(9999), NumberKind.FLOAT64) is None
    sound = (np.array(wave(5000)) * 0.7071).astype(">i2").tobytes()
    assert phase_of_floats(sound, NumberKind.INT32) is None  # two samples are not one


@pytest.mark.parametrize("kind", NumberKind)
def test_rows_and_records_of_floats(kind: NumberKind) -> None:
    width = kind.width
    if kind != NumberKind.IBM32:  # of whose exponents one more is four octaves
        assert periods_of_floats(packed(kind, rows(9000, 90)), kind, 1 << 14)[-1] == 90 * width
        records = periods_of_floats(packed(kind, wave(9000, 2)), kind, 1 << 14)
        assert records == [width, 2 * width]
    assert periods_of_floats(packed(kind, wave(3)), kind, 1 << 14) == [width]


@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("phase", [0, 1, 2])
def test_the_order_of_bytes_is_found(kind: NumberKind, order: str, phase: int) -> None:
    """Read from another byte on in the other order, floats have the right exponents, too."""
    data = bytes(phase) + packed(kind, wave(5000), order)
    assert find_floats(data) == (kind, phase, order)


def test_channels_of_other_sizes_are_found() -> None:
    channels = [np.array(wave(3000)) * scale for scale in (1, 300, 0.001)]
    data = packed(NumberKind.FLOAT32, np.stack(channels, 1).reshape(-1).tolist())
    assert NumberKind.FLOAT32 in kinds_of_floats(data)
    assert 12 in periods_of_floats(data, NumberKind.FLOAT32, 1 << 14)


def chosen(content: bytes, profile: Profile = RICH) -> Chosen:
    return choose_parts(content, profile, native.encode_block)


@pytest.mark.parametrize("kind", NumberKind)
def test_floats_are_coded_as_such(kind: NumberKind) -> None:
    content = packed(kind, wave(6000))
    part = chosen(content)
    assert isinstance(part, Leaf) and part.mixing is not None
    assert part.mixing.contexts == Contexts.FLOATS and part.mixing.number_kind == kind
    assert part.mixing.label == f"floats {kind.width} {kind.name.lower()}"


@pytest.mark.parametrize("kind", TURNED[:3])  # two samples of 16 bits do as well as 32
def test_floats_with_their_lowest_byte_first_are_turned(kind: NumberKind) -> None:
    content = b"head!" + packed(kind, wave(6000), "<")
    part = chosen(content)
    assert isinstance(part, Filtered)
    rest, stream = part.parts
    assert rest.size == 5 % kind.width and isinstance(stream, Leaf) and stream.mixing is not None
    assert stream.mixing.contexts == Contexts.FLOATS and stream.mixing.number_kind == kind


@pytest.mark.parametrize("kind", [NumberKind.FLOAT32, NumberKind.FLOAT64])
def test_floats_behind_an_odd_header_are_cut_out(kind: NumberKind) -> None:
    part = chosen(b"h" + packed(kind, wave(6000)))
    assert isinstance(part, Filtered)
    rest, stream = part.parts
    assert rest.size == 1 and isinstance(stream, Leaf) and stream.mixing is not None
    assert stream.mixing.contexts == Contexts.FLOATS and stream.mixing.stride == kind


def test_the_lean_profile_has_none() -> None:
    part = chosen(packed(NumberKind.FLOAT32, wave(6000), "<"), Profile.LEAN)
    streams = part.parts if isinstance(part, Filtered) else [part]
    assert all(
        leaf.mixing is None or leaf.mixing.contexts == Contexts.GENERAL
        for leaf in streams
        if isinstance(leaf, Leaf)
    )


@pytest.mark.parametrize("order", [">", "<"])
def test_floats_take_less(order: str) -> None:
    """Of a wave, a tenth less than as records of four bytes, and a whole file comes back."""
    content = packed(NumberKind.FLOAT32, wave(12000), order)
    found = compress(content, 2)
    records = native.encode_block(None, content, 1, Mixing(RICH, Contexts.RECORDS, period=4))
    assert len(found) * 10 < len(records[0]) * 9
    assert decompress(found) == content
