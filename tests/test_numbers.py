"""The filter for arrays of numbers: exact for any content and any runs, as docs/format.md says.

Joining is written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import nncomp
from conftest import examples
from nncomp.errors import FormatError
from nncomp.filters import numbers
from nncomp.filters.numbers import Change, Kind, Run

RNG = np.random.default_rng(1)

KINDS = st.one_of(
    [
        st.builds(Kind, st.just(width), st.just(change), distance, st.integers(0, width - 1))
        for width in (2, 4, 8)
        for change, distance in (
            (Change.NONE, st.just(0)),
            (Change.ROTATED, st.just(0)),
            (Change.DIFFERENCES, st.integers(1, 255)),
        )
    ]
)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[bytes, list[Run]]:
    """Contents, and runs in them."""
    kinds = draw(st.lists(KINDS, min_size=1, max_size=3))
    runs, size = [], 0
    for _ in range(draw(st.integers(1, 4))):
        start = size + draw(st.integers(0, 20))
        runs.append(Run(start, draw(st.integers(1, 40)), draw(st.sampled_from(kinds))))
        size = runs[-1].stop
    size += draw(st.integers(0, 20))
    return draw(st.binary(min_size=size, max_size=size)), runs


def joined(streams: list[bytes], side: bytes) -> bytes:
    """Section 7 of the page."""
    first, *others = streams
    left = list(side)
    rest, mine = list(first), {}
    content: list[int] = []
    while left:
        gap, count, coding = models.varint(left), models.varint(left), left.pop(0)
        width, change, apart = 2 << (coding & 3), coding >> 2 & 3, coding >> 4
        distance = left.pop(0) if change == 2 else 0
        kind = coding, distance
        if kind not in mine:
            mine[kind] = [list(others.pop(0)) for _ in range(apart + 1)]
        content += [rest.pop(0) for _ in range(gap)]
        run: list[int] = []
        for i in range(count):
            number = [mine[kind][j].pop(0) for j in range(apart)]
            number += [mine[kind][apart].pop(0) for _ in range(width - apart)]
            value = int.from_bytes(number, "little")
            if change == 1:
                value = value >> 1 | (value & 1) << (8 * width - 1)
            elif change == 2:
                value += run[i - distance] if i >= distance else 0
            run.append(value % (1 << 8 * width))
            content += run[-1].to_bytes(width, "little")
    assert not any(any(parts) for parts in mine.values()) and not others
    return bytes(content + rest)


@settings(max_examples=examples(300), deadline=None)
@given(given=arrays())
def test_any_runs_come_back(given: tuple[bytes, list[Run]]) -> None:
    content, runs = given
    split = numbers.take_apart(content, runs)
    assert numbers.join(split.streams, split.side, len(content)) == content
    assert joined(list(split.streams), split.side) == content


@pytest.mark.parametrize("change", Change)
@pytest.mark.parametrize("width", [2, 4, 8])
def test_more_than_is_taken_at_a_time(width: int, change: Change) -> None:
    content = models.noise(100_003)
    kind = Kind(width, change, 3 if change == Change.DIFFERENCES else 0, width - 1)
    split = numbers.take_apart(content, [Run(1, 100_001 // width, kind)])
    assert numbers.join(split.streams, split.side, len(content)) == content


def test_by_example() -> None:
    floats = struct.pack("<3f", 1.0, -1.0, 0.5)  # 3F800000, BF800000, 3F000000
    split = numbers.take_apart(b"ab" + floats + b"c", [Run(2, 3, Kind(4, Change.ROTATED, 0, 3))])
    assert split.streams == (b"abc", bytes([0, 1, 0]), bytes(3), bytes(3), b"\x7f\x7f\x7e")
    assert split.side == bytes([2, 3, 0x35])
    times = struct.pack("<4Q", 5, 100, 8, 2**64 - 1)
    split = numbers.take_apart(times, [Run(0, 4, Kind(8, Change.DIFFERENCES, 2))])
    assert split.streams == (b"", struct.pack("<4Q", 5, 100, 3, 2**64 - 101))
    assert split.side == bytes([0, 4, 0x0A, 2])


# ---- what is refused ----


@settings(max_examples=examples(300), deadline=None)
@given(given=arrays(), data=st.data())
def test_a_damaged_side_gives_content_or_one_error(
    given: tuple[bytes, list[Run]], data: st.DataObject
) -> None:
    content, runs = given
    split = numbers.take_apart(content, runs)
    side = bytearray(split.side)
    for _ in range(data.draw(st.integers(1, 3))):
        side[data.draw(st.integers(0, len(side) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(side[: data.draw(st.integers(0, len(side)))])
    try:
        found = numbers.join(split.streams, damaged, len(content))
    except FormatError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) == len(content)


@pytest.mark.parametrize(
    ("side", "sizes", "size"),
    [
        ("", [4], 4),
        ("00", [4], 4),  # cut
        ("00 00 00", [4, 0], 4),  # of nothing
        ("00 02", [0, 4], 4),
        ("00 02 03", [0, 6], 6),  # of 3 bytes as they are
        ("00 02 0F", [0, 4], 4),  # or turned, and too many
        ("00 02 20", [0, 2, 2, 0], 4),  # all bytes apart
        ("00 02 08", [0, 4], 4),  # the distance is missing
        ("00 02 08 00", [0, 4], 4),  # or 0
        ("00 02 80", [0, 4], 4),
        ("00 82 00 00", [0, 4], 4),  # no shortest form
        ("00 02 00", [0, 4], 5),  # other sizes
        ("00 02 00", [1, 4], 4),
        ("00 02 00", [0, 3], 4),
        ("00 02 00", [0, 4, 0], 4),
        ("01 02 00", [0, 4], 4),
        ("00 02 10", [0, 2, 1], 4),
        ("00 01 00 01 01 00", [0, 4], 4),  # more than there is
        ("00 FFFFFFFFFFFFFFFF7F 00", [0, 4], 4),
        ("00 FFFFFFFFFFFFFFFFFF01 00", [0, 4], 4),
    ],
)
def test_sides_that_are_refused(side: str, sizes: list[int], size: int) -> None:
    numbers.check([0, 4], bytes.fromhex("00 02 00"), 4)
    numbers.check([0, 2, 2], bytes.fromhex("00 02 10"), 4)
    numbers.check([1, 4], bytes.fromhex("00 01 00 01 01 00"), 5)
    for ask in (
        lambda: numbers.check(sizes, bytes.fromhex(side), size),
        lambda: numbers.join([bytes(n) for n in sizes], bytes.fromhex(side), size),
    ):
        with pytest.raises(FormatError):
            ask()


def test_runs_are_counted_before_they_are_joined() -> None:
    run = bytes.fromhex("00 01 00")
    numbers.check([0, 512], run * 256, 512)
    with pytest.raises(FormatError):
        numbers.check([0, 514], run * 257, 514)


# ---- where numbers are found ----


def floats(count: int, dtype: str) -> bytes:
    values = RNG.normal(0, 0.02, count)
    if dtype == "bf16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype(dtype).tobytes()


@pytest.mark.parametrize(
    ("dtype", "width"), [("bf16", 2), ("<f2", 2), ("<f4", 4), ("<f8", 8), ("<i8", 8)]
)
def test_arrays_are_found(dtype: str, width: int) -> None:
    """Wherever they begin, and in front of other things."""
    if dtype == "<i8":
        data = np.cumsum(RNG.integers(0, 10**6, 40_000)).astype("<i8").tobytes()
    else:
        data = floats(40_000, dtype)
    for head in (0, 1, 4096, 5003):
        content = models.text(head) + data + models.text(20_000)
        (run,) = numbers.find(content)
        assert run.kind == Kind(width) and (run.start - head) % width == 0
        assert max(run.start, head) - min(run.start, head) < 8192
        assert abs(run.stop - head - len(data)) < 8192


@pytest.mark.parametrize("size", [0, 1, 4095, 100_000])
def test_what_has_no_numbers(size: int) -> None:
    for content in (models.noise(size), models.text(size), bytes(size), b"abc" * (size // 3)):
        assert numbers.find(content) == [] and numbers.split(content) is None


@pytest.mark.parametrize("level", [1, 5])
def test_tensors_are_smaller(level: int) -> None:
    """Than their signs and mantissas, plus 3 bits for an exponent."""
    for dtype, noise in (("bf16", 8), ("<f4", 24)):
        content = models.text(500) + floats(50_000, dtype)
        compressed = nncomp.compress(content, level=level, model="none")
        assert nncomp.decompress(compressed) == content
        assert len(compressed) < 50_000 * (noise + 3) // 8
        assert all(
            label.startswith("numbers+") for label in nncomp.get_frame_info(compressed).blocks
        )
