"""Filters: joining gives back what was split, whatever it was, as ``docs/format.md`` says it does.

Those of programs are written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples
from nncomp.errors import FormatError
from nncomp.filters import FILTERS, Filter, Split, arm64, none, repeat, x86

DATA = Path(__file__).parent / "data"
BY_NAME = {filter.NAME: filter for filter in FILTERS}
PROGRAMS = {"x86": x86, "arm64": arm64}

any_filter = pytest.mark.parametrize("name", list(BY_NAME))
any_program = pytest.mark.parametrize("name", list(PROGRAMS))

# What opcodes, signs and instructions are made of.
CALLS = st.lists(st.sampled_from([0xE8, 0xE9, 0x00, 0xFF, 0x94, 0x97, 0x01]), max_size=200)
CONTENT = st.one_of(
    st.binary(max_size=100),
    CALLS.map(bytes),
    st.builds(
        lambda pattern, size: (pattern * 40)[:size],
        st.binary(min_size=1, max_size=9),
        st.integers(0, 100),
    ),
)


def joined(filter: Filter, split: Split, size: int) -> bytes:
    return filter.join(split.streams, split.side, size)


def only(filter: Filter, content: bytes) -> bytes:
    """The one stream."""
    split = filter.split(content)
    assert split is not None and split.side == b""
    (stream,) = split.streams
    return stream


# ---- all of them ----


def test_numbers_and_names_never_change() -> None:
    """Files hold the numbers, ``nncomp info`` shows the names."""
    assert [filter.NAME for filter in FILTERS] == [
        "none",
        "repeat",
        "x86",
        "arm64",
        "deflate",
        "numbers",
        "jpeg",
        "base64",
        "hex",
        "quoted",
        "copies",
        "sections",
        "gif",
    ]


@any_filter
@settings(max_examples=examples(200), deadline=None)
@given(content=CONTENT)
def test_joining_gives_the_content(name: str, content: bytes) -> None:
    filter = BY_NAME[name]
    split = filter.split(content)
    if split is not None:
        assert joined(filter, split, len(content)) == content
        assert filter.split(content) == split


@any_filter
@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_joining_gives_real_content(name: str, path: Path) -> None:
    content = path.read_bytes()
    split = BY_NAME[name].split(content)
    assert split is None or joined(BY_NAME[name], split, len(content)) == content


WRONG_NUMBERS = {"a number is not in its shortest form", "a number is too long"}


@any_filter
@settings(max_examples=examples(100), deadline=None)
@given(
    streams=st.lists(st.binary(max_size=20), max_size=3),
    side=st.one_of(st.just(b""), st.binary(max_size=5)),
    size=st.integers(0, 40),
)
def test_joining_anything_gives_content_or_one_error(
    name: str, streams: list[bytes], side: bytes, size: int
) -> None:
    """Of the size that was asked for: a decoder has no memory for more."""
    sizes = [len(stream) for stream in streams]
    try:
        content = BY_NAME[name].join(streams, side, size)
    except FormatError as error:
        assert "\n" not in str(error)
        # What was read says it, no size.
        if name in ("jpeg", "gif", "base64", "hex", "quoted", "copies") and "damaged" in str(error):
            return
        if name in ("base64", "hex", "quoted", "copies") and str(error) in WRONG_NUMBERS:
            return
        with pytest.raises(FormatError, match=re.escape(str(error))):
            BY_NAME[name].check(sizes, side, size)
    else:
        assert type(content) is bytes and len(content) == size
        BY_NAME[name].check(sizes, side, size)


@pytest.mark.parametrize(
    ("streams", "side", "size"),
    [
        ([], b"", 3),
        ([b"abc", b""], b"", 3),
        ([b"ab", b"c"], b"", 3),
        ([b"abc"], b"\0", 3),
        ([b"abc"], b"", 2),
        ([b"abc"], b"", 4),
    ],
)
@pytest.mark.parametrize("filter", [none, x86, arm64], ids=lambda filter: filter.NAME)
def test_one_stream_of_the_size(
    filter: Filter, streams: Sequence[bytes], side: bytes, size: int
) -> None:
    assert len(filter.join([b"abc"], b"", 3)) == 3
    with pytest.raises(FormatError):
        filter.join(streams, side, size)


# ---- none ----


@given(st.binary(max_size=100))
def test_none_changes_nothing(content: bytes) -> None:
    assert only(none, content) == content


# ---- repeat ----


@given(st.text("ab", max_size=8), st.text("ab", max_size=3), st.integers(0, 40))
def test_the_pattern_is_the_shortest(pattern: str, tail: str, size: int) -> None:
    content = ((pattern * 40)[:size] + tail).encode()
    periods = range(1, len(content) // 3 + 1)
    expected = next((p for p in periods if content[p:] == content[:-p]), None)
    split = repeat.split(content)
    assert split == (None if expected is None else Split((content[:expected],)))


def test_longest_pattern() -> None:
    pattern = models.noise(repeat.MAX_PERIOD + 1)
    assert only(repeat, pattern[:-1] * 4) == pattern[:-1]
    assert repeat.split(pattern * 4) is None


@pytest.mark.parametrize(
    ("streams", "side", "size"),
    [
        ([], b"", 3),
        ([b""], b"", 3),
        ([b"abc"], b"", 3),  # that is no repetition
        ([b"abcd"], b"", 3),
        ([b"ab", b"a"], b"", 3),
        ([b"ab"], b"\0", 3),
        ([b"a"], b"", 1),
        ([b"a"], b"", 0),
    ],
)
def test_patterns_that_are_refused(streams: Sequence[bytes], side: bytes, size: int) -> None:
    assert repeat.join([b"ab"], b"", 3) == b"aba"
    with pytest.raises(FormatError):
        repeat.join(streams, side, size)


# ---- programs ----


def moved(name: str, data: bytes, sign: int) -> bytes:
    """Section 7 of the page: the target of each call with its place added, or subtracted."""
    b, last = bytearray(data), len(data) - (5 if name == "x86" else 4)
    if name == "x86":
        for i in reversed(range(last + 1)) if sign > 0 else range(last + 1):
            if b[i] in (0xE8, 0xE9) and b[i + 4] in (0x00, 0xFF):
                number = int.from_bytes(b[i + 1 : i + 4], "little") + sign * i
                b[i + 1 : i + 4] = (number % (1 << 24)).to_bytes(3, "little")
    else:
        for i in range(0, last + 1, 4):
            number = int.from_bytes(b[i : i + 4], "little")
            if number >> 26 == 0b100101:
                lower = ((number & (1 << 26) - 1) + sign * (i // 4)) % (1 << 26)
                b[i : i + 4] = (0b100101 << 26 | lower).to_bytes(4, "little")
    return bytes(b)


@any_program
@settings(max_examples=examples(200), deadline=None)
@given(data=st.one_of(CALLS.map(bytes), st.binary(max_size=100)))
def test_programs_as_the_page_says(name: str, data: bytes) -> None:
    filter = PROGRAMS[name]
    assert only(filter, data) == moved(name, data, +1)
    assert filter.join([data], b"", len(data)) == moved(name, data, -1)
    assert only(filter, moved(name, data, -1)) == data  # so no two contents have the same stream


@any_program
def test_long_programs_as_the_page_says(name: str) -> None:
    """Numbers that leave their bits, and more than the filters take at a time."""
    content = b"\xe8\xff\xff\x7f\0\xe9\0\0\x80\xff" + struct.pack("<II", 0x97FFFFFF, 0x95FFFFFF)
    content = (content + b"\xe8\xe8\xe9\0\xff\xff\0") * 12_000 + b"\xe9\xff\xff\xff\xff"
    stream = only(PROGRAMS[name], content)
    assert stream == moved(name, content, +1) != content
    assert PROGRAMS[name].join([stream], b"", len(content)) == content


def test_x86_by_example() -> None:
    call = b"\x90" * 7 + b"\xe8\x10\x00\x00\x00"
    assert only(x86, call) == b"\x90" * 7 + b"\xe8\x17\x00\x00\x00"
    back = b"\x90" * 7 + b"\xe8\xf9\xff\xff\xff"
    assert only(x86, back) == b"\x90" * 7 + b"\xe8\x00\x00\x00\xff"
    assert only(x86, call[:-1]) == call[:-1]


def test_arm64_by_example() -> None:
    branch = bytes(8) + b"\x01\x00\x00\x94"
    assert only(arm64, branch) == bytes(8) + b"\x03\x00\x00\x94"
    assert only(arm64, branch[:-1]) == branch[:-1]
    assert only(arm64, b"\0" + branch) == b"\0" + branch
    last = bytes(4) + b"\xff\xff\xff\x97"
    assert only(arm64, last) == bytes(4) + b"\x00\x00\x00\x94"


# ---- what is worth a trial ----


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_real_programs_and_numbers_are_found(path: Path) -> None:
    content = path.read_bytes()
    found = [name for name, filter in PROGRAMS.items() if filter.detect(content)]
    others = [name for name in BY_NAME if name != "none" and name not in PROGRAMS]
    found += [name for name in others if BY_NAME[name].split(content)]
    expected = {
        "arm64.elf": ["arm64", "numbers"],  # instructions of 4 bytes look like numbers
        "windows.pe": ["x86"],
        "speech.raw": ["numbers"],
    }
    assert found == expected.get(path.name, [])


@any_program
@pytest.mark.parametrize("make", [models.noise, models.text, bytes, lambda size: b"\xff" * size])
def test_what_is_no_program_is_not_found(name: str, make: Callable[[int], bytes]) -> None:
    for size in (0, 1, 4, 5, 100_000):
        assert not PROGRAMS[name].detect(make(size))


def test_patterns_are_found_before_anything_else() -> None:
    assert repeat.split(b"\xe8\0\0\0\0" * 3) and not repeat.split(b"\xe8\0\0\0\0" * 2)
