"""GIF pictures as pixels: redone exactly, whatever they are, or left as they are.

Those in ``tests/gif`` are the photograph of ``tests/jpeg``, written by Pillow; codes of other
encoders are made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import assert_linear, examples
from nncomp import _native
from nncomp.errors import FormatError
from nncomp.filters import FILTERS, deflate, gif
from sides import SideWriter

HERE = Path(__file__).parent
PICTURES = {path.stem: path.read_bytes() for path in sorted((HERE / "gif").glob("*.gif"))}
BOOK = (HERE / "data" / "book.md").read_bytes()
MOST = 1 << 20  # pixels

any_picture = pytest.mark.parametrize("name", PICTURES)


def undone(data: bytes) -> tuple[bytes, bytes, list[bytes]]:
    """The parts of pictures, which are seen to give ``data`` again."""
    parts = _native.gif_split(data, MOST)
    assert parts is not None
    rest, side, pixels, places = parts
    assert _native.gif_join(rest, side, pixels, len(data)) == data
    assert all(data.startswith(b"GIF8", start) for start, _ in places)
    return rest, side, pixels


# ---- files as some encoder may write them ----


def codes_of(
    pixels: bytes,
    bits: int,
    *,
    clears: int = 1 << 30,
    starts: bool = True,
    ends: bool = True,
    tail: int = 0,
    longest: int = 1 << 30,
) -> bytes:
    """As docs/gif.md says; the table is cleared after so many codes, or when it is full. With
    ``longest``, strings are no longer than that."""
    out = count = 0
    clear = 1 << bits
    table: dict[bytes, int] = {}
    width = bits + 1
    known = run = 0

    def put(code: int) -> None:
        nonlocal out, count
        out |= code << count
        count += width

    def reset() -> None:
        nonlocal table, width, known, run
        table = {bytes([i]): i for i in range(clear)}
        width, known, run = bits + 1, clear + 2, 0

    reset()
    if starts:
        put(clear)
    while pixels:
        size = 1
        while size < min(len(pixels), longest) and pixels[: size + 1] in table:
            size += 1
        put(table[pixels[:size]])
        run += 1
        if run > 1 and known < 4096:
            known += 1
            width += known == 1 << width and width < 12
        if size < len(pixels) and known < 4096:
            table.setdefault(pixels[: size + 1], known)
        pixels = pixels[size:]
        if run == clears or (clears == 1 << 30 and known == 4096):
            put(clear)
            reset()
    if ends:
        put(clear + 1)
    size = -(-count // 8)
    return (out | (tail & (1 << 8 * size - count) - 1) << count).to_bytes(size, "little")


def file_of(
    codes: bytes, bits: int, width: int, height: int, *, piece: int = 255, flags: int = 0
) -> bytes:
    """Of one picture without colours."""
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    parts = [codes[i : i + piece] for i in range(0, len(codes), piece)]
    pieces = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    picture = b"\x2c" + bytes(4) + size + bytes([flags, bits]) + pieces
    return b"GIF89a" + size + bytes(3) + picture + b"\x3b"


def pixels_of(count: int, bits: int, seed: int = 0) -> bytes:
    """Like those of a drawing: with repeats, and some noise."""
    noise = models.noise(count + seed)[seed:]
    return bytes((i // 7 * (i % 60 > 30) + (n > 200) * n) & (1 << bits) - 1
                 for i, n in enumerate(noise))  # fmt: skip


# ---- what is redone ----


@any_picture
def test_pictures(name: str) -> None:
    """All are taken, and take less."""
    picture = PICTURES[name]
    rest, side, pixels = undone(picture)
    assert rest.startswith(picture[:13]) and rest.endswith(b"\x3b")
    assert len(rest) <= 13 + 1 + 768 + 4 * 830 and len(side) < 40
    sizes = {"frames": [3 * 32 * 23, 20 * 15], "interlaced": [90 * 65], "colours-256": [64 * 46]}
    assert [*map(len, pixels)] == sizes.get(name, [125 * 91])
    packed = nncomp.compress(picture, 1, model="none")
    assert nncomp.decompress(packed) == picture
    assert len(packed) < len(picture) * (95 if name == "colours-256" else 80) // 100


def test_pictures_among_other_things() -> None:
    data = BOOK[:900].join([b"GIF89a", *PICTURES.values(), b"GIF87aGIF"])
    rest, _, pixels = undone(data)
    assert len(rest) == len(data) - sum(len(one) - len(undone(one)[0]) for one in PICTURES.values())
    assert sum(map(len, pixels)) == sum(len(p) for one in PICTURES.values() for p in undone(one)[2])


def test_rows_of_interlaced_pictures_are_in_order() -> None:
    """The same pixels in both orders."""
    width, height = 40, 21
    pixels = pixels_of(width * height, 4)
    rows = [pixels[i : i + width] for i in range(0, len(pixels), width)]
    other = b"".join(
        b"".join(rows[first::step]) for first, step in ((0, 8), (4, 8), (2, 4), (1, 2))
    )
    plain = file_of(codes_of(pixels, 4), 4, width, height)
    crossed = file_of(codes_of(other, 4), 4, width, height, flags=0x40)
    assert undone(plain)[2] == undone(crossed)[2] == [pixels]
    short = file_of(codes_of(other[:-1], 4), 4, width, height, flags=0x40)
    assert undone(short)[2] == [other[:-1]]


@settings(max_examples=examples(150), deadline=None)
@given(
    bits=st.integers(2, 8),
    count=st.integers(200, 4000),
    clears=st.sampled_from([1 << 30, 1 << 31, 50, 100, 300, 4093]),
    starts=st.booleans(),
    ends=st.booleans(),
    tail=st.integers(0, 127),
    piece=st.sampled_from([255, 254, 64, 3]),
    seed=st.integers(0, 50),
)
def test_other_encoders(
    bits: int,
    count: int,
    clears: int,
    starts: bool,
    ends: bool,
    tail: int,
    piece: int,
    seed: int,
) -> None:
    pixels = pixels_of(count, bits, seed)
    codes = codes_of(pixels, bits, clears=clears, starts=starts, ends=ends, tail=tail)
    data = file_of(codes, bits, 50, count // 50, piece=piece)
    parts = _native.gif_split(data, MOST)
    if len(codes) < 64 or (clears < 100 and parts is None):  # cleared too often for the size
        return
    if not ends:  # the last bits may look like a code
        assert parts is None or undone(data)[2][0].startswith(pixels)
        return
    assert undone(data)[2] == [pixels]


def test_full_tables() -> None:
    """Strings get no numbers any more, and codes stay as wide as they are."""
    pixels = models.noise(60_000)
    for clears in (1 << 30, 1 << 31):
        assert undone(file_of(codes_of(pixels, 8, clears=clears), 8, 200, 300))[2] == [pixels]


def test_each_width_has_a_group_while_there_are_some() -> None:
    data = b""
    for width in range(10, 40):
        pixels = pixels_of(width * 40, 4)
        data += file_of(codes_of(pixels, 4), 4, width, 40)
    _, _, groups = undone(data)
    assert [len(group) for group in groups[:15]] == [40 * width for width in range(39, 24, -1)]
    assert len(groups) == 16 and len(groups[15]) == 40 * sum(range(10, 25))


# ---- what is left alone ----


def bad_files() -> Iterator[bytes]:
    pixels = pixels_of(3000, 4)
    codes = codes_of(pixels, 4)
    good = file_of(codes, 4, 60, 50)
    yield good[:-3]  # the end is missing
    yield file_of(codes_of(pixels, 4, longest=3), 4, 60, 50)  # strings are not the longest
    yield file_of(codes_of(pixels, 4, clears=2), 4, 60, 50)  # cleared too often
    yield file_of(codes + b"\0\0", 4, 60, 50)  # bytes behind the end
    yield file_of(codes_of(pixels[:60], 4), 4, 6, 10)  # too short
    for bits in (0, 1, 9, 12, 255):
        yield file_of(codes, bits, 60, 50)
    pieces = good.index(b"\xff", 24)
    yield good[:pieces] + b"\x05" + good[pieces + 1 : pieces + 6] + b"\xfa" + good[pieces + 6 :]
    yield from (b"", b"GIF89a", b"GIF89a" + bytes(7), BOOK, models.noise(5000), b"GIF89a" * 999)


@pytest.mark.parametrize("data", [*bad_files()])
def test_left_alone(data: bytes) -> None:
    assert _native.gif_split(data, MOST) is None


def test_too_many_pixels_are_left_alone() -> None:
    picture = PICTURES["colours-2"]
    assert _native.gif_split(picture, 125 * 91 - 1) is None
    assert _native.gif_split(picture, 125 * 91) is not None


@any_picture
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_damaged_pictures(name: str, data: st.DataObject) -> None:
    picture = filtering.changed(data, PICTURES[name], 1, 4)
    picture = picture[: data.draw(st.integers(0, len(picture)) | st.just(len(picture)))]
    parts = _native.gif_split(picture, MOST)
    if parts is not None:
        assert _native.gif_join(*parts[:3], len(picture)) == picture


def test_time_of_files_without_an_end() -> None:
    """Each may lead through the pieces of all others."""
    some = b"GIF89a" + bytes(7) + b"\x21\xff\x0bGIF89aabcde" + b"\x01\x01" * 5

    assert_linear(lambda data: _native.gif_split(data, MOST), lambda n: some * n, 3000)


# ---- the filter ----


@any_picture
def test_filter(name: str) -> None:
    content = PICTURES[name] + BOOK[:500]
    split = gif.split(content)
    assert split is not None and split.streams[0].endswith(BOOK[:500])
    assert gif.join(split.streams, split.side, len(content)) == content
    sizes = [len(stream) for stream in split.streams]
    assert sum(sizes[2:]) < gif.memory(sizes, b"", len(content)) < 1 << 19
    assert gif.split(content, sum(sizes[2:]) - 1) != split


@pytest.mark.parametrize("sizes", [[], [2, 4], [1] * 19, [50, 50, 1]])
def test_bad_streams(sizes: list[int]) -> None:
    gif.check([2, 4, 1], b"", 100)
    with pytest.raises(FormatError):
        gif.check(sizes, b"", 100)
    with pytest.raises(FormatError):
        gif.check([2, 4, 1], b"x", 100)
    with pytest.raises(FormatError):
        gif.check([2, 4, deflate.most_contents(100) + 1], b"", 100)


def test_parts_that_do_not_fit() -> None:
    picture = PICTURES["frames"]
    parts = _native.gif_split(picture, MOST)
    assert parts is not None
    rest, side, (first, second), _ = parts
    size = len(picture)
    for bad in (
        (rest[:-1], side, [first, second], size),
        (rest + b"x", side, [first, second], size),
        (rest[3:], side, [first, second], size),
        (b"", side, [first, second], size),
        (rest, side + b"x", [first, second], size),
        (rest, b"", [first, second], size),
        (rest, side, [first], size),
        (rest, side, [first[:-1], second], size),
        (rest, side, [first, second + b"\0"], size),
        (rest, side, [first, second, b"x"], size),
        (rest, side, [b"\4" + first[1:], second], size),  # of two bits
        (rest, side, [first, second], size - 1),
        (rest, side, [first, second], size + 1),
    ):
        with pytest.raises(FormatError) as info:
            _native.gif_join(*bad)
        assert "\n" not in str(info.value)


def side_of(**changes: int) -> bytes:
    """Of a picture of four pixels in one code each; ``runs`` are as long as ``run``."""
    values = {"gap": 1, "group": 0, "pixels": 4, "width": 0, "runs": 0, "run": 0, **changes}
    side = SideWriter()
    side.flag("more", True)
    for name, most in (("gap", (1 << 31) - 1), ("group", 15), ("pixels", (1 << 31) - 1)):
        side.number(name, values[name], most)
    side.flag("interlaced", values["width"] > 0)
    if values["width"]:
        side.number("width", values["width"] - 1, 0xFFFF)
    side.flag("starts", False)
    for _ in range(values["runs"]):
        side.flag("again", True)
        side.number("run", values["run"], (1 << 31) - 1)
    side.flag("again", False)
    side.flag("ends", False)
    side.number("tail", 0, 127)
    side.number("piece", 254, 254)
    side.flag("more", False)
    return side.finish()


def test_what_no_encoder_writes() -> None:
    pixels = b"\0\1\2\3"  # three bits each at first, four from the fourth on: 0, 1, 2, 3
    content = b"\2" + b"\2" + (0 | 1 << 3 | 2 << 6 | 3 << 9).to_bytes(2, "little") + b"\0"
    assert _native.gif_join(b"\2", side_of(), [pixels], 5) == content
    assert len(_native.gif_join(b"\2", side_of(width=2), [pixels], 5)) == 5
    cleared = _native.gif_join(b"\2", side_of(runs=1, run=2), [pixels], 5)
    assert cleared[2:4] == (0 | 1 << 3 | 4 << 6 | 2 << 9 | 3 << 12).to_bytes(2, "little")
    for rest, bad in (
        (b"\1", side_of()),
        (b"\x09", side_of()),
        (b"\2", side_of(gap=0)),
        (b"\2", side_of(gap=2)),
        (b"\2", side_of(group=1)),
        (b"\2", side_of(pixels=3)),
        (b"\2", side_of(pixels=5)),
        (b"\2", side_of(width=3)),
        (b"\2", side_of(runs=1, run=5)),
        (b"\2", side_of(runs=2, run=0)),
    ):
        with pytest.raises(FormatError):
            _native.gif_join(rest, bad, [pixels], 5)


@any_picture
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_damaged_parts(name: str, data: st.DataObject) -> None:
    """Content of the size that was asked for, or one error."""
    picture = PICTURES[name]
    parts = _native.gif_split(picture, MOST)
    assert parts is not None
    damaged = [filtering.changed(data, part, 0) for part in (parts[0], parts[1], *parts[2])]
    filtering.rejoined(gif, damaged, len(picture))


def test_number() -> None:
    assert FILTERS.index(gif) == 12
