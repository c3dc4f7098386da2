"""Deflate undone and redone: what zlib wrote comes from a few bytes, what others wrote from more.

Streams are made here by Python's zlib, with all its parameters, and by breaking its habits.
"""

from __future__ import annotations

import gzip
import io
import itertools
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import assert_linear, examples
from nncomp import _native
from nncomp.container import MAGICS, MAX_BLOCK_SIZE, MAX_SMALL_SIZE
from nncomp.errors import FormatError
from nncomp.filters import deflate
from nncomp.plan.values import MAX_STREAM_SIZE
from sides import SideWriter

DATA = Path(__file__).parent / "data"
OTHERS = Path(__file__).parent / "deflate"  # the beginning of a text, as zlib streams
MOST = 1 << 24  # bytes of contents
BOOK = (DATA / "book.md").read_bytes()
CODE = (DATA / "windows.pe").read_bytes()
CONTENTS = {
    "text": BOOK,
    "code": CODE,
    "photo": (DATA / "photo.rgb").read_bytes(),
    "runs": b"".join(bytes(n % 60) + b"ab" * (n % 99) + BOOK[n * 7 :][:20] for n in range(400)),
    "stored": models.noise(20_000) + BOOK[:9000] + models.noise(20_000),
    "far": BOOK[:9000] + models.noise(24_000) + BOOK[:9000] + CODE[:9000] + BOOK[:9000],
}

Parts = tuple[bytes, bytes, list[bytes]]


def deflated(
    content: bytes, level: int = 6, window: int = -15, memory: int = 8, strategy: int = 0
) -> bytes:
    """Without a header, unless ``window`` asks for it."""
    coder = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    return coder.compress(content) + coder.flush()


def undone(data: bytes, most: int = MOST) -> Parts:
    """The parts, which are seen to give ``data`` again."""
    parts = _native.deflate_split(data, most)
    assert parts is not None
    rest, side, contents, places = parts
    assert _native.deflate_join(rest, side, contents, len(data)) == data
    ends = itertools.pairwise([(0, 0), *places, (len(data), 0)])
    assert rest == b"".join(data[stop:start] for (_, stop), (start, _) in ends)
    return rest, side, contents


def assert_exact(stream: bytes, content: bytes) -> None:
    """All of a stream comes from its content and a few bytes.

    It is found by a header, for without one, only a dynamic block is."""
    header = b"\x1f\x8b\x08" + bytes(7)
    rest, side, contents = undone(header + stream)
    assert (rest, b"".join(contents)) == (header, content)
    assert len(side) <= 20


# ---- what zlib writes ----


@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("name", CONTENTS)
def test_levels(name: str, level: int) -> None:
    assert_exact(deflated(CONTENTS[name], level), CONTENTS[name])


@pytest.mark.parametrize("memory", range(1, 10))
@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("name", ["text", "code", "far"])
def test_memory(name: str, level: int, memory: int) -> None:
    assert_exact(deflated(CONTENTS[name], level, memory=memory), CONTENTS[name])


@pytest.mark.parametrize("window", range(9, 15))
@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("name", ["text", "far"])
def test_windows(name: str, level: int, window: int) -> None:
    assert_exact(deflated(CONTENTS[name], level, -window), CONTENTS[name])


STRATEGIES = zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("name", CONTENTS)
def test_strategies(name: str, level: int, strategy: int) -> None:
    assert_exact(deflated(CONTENTS[name], level, strategy=strategy), CONTENTS[name])


@settings(max_examples=examples(60), deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([b"a", b"b", b"abc", b"abcd", bytes(300)]), max_size=200).map(
            b"".join
        ),
        st.integers(0, 30_000).map(lambda at: BOOK[at : at + 3000]),
    ),
    level=st.integers(0, 9),
    memory=st.integers(1, 9),
    strategy=st.sampled_from([0, *STRATEGIES]),
)
def test_anything_that_zlib_writes(content: bytes, level: int, memory: int, strategy: int) -> None:
    data = deflated(content, level, 15, memory, strategy)
    parts = _native.deflate_split(data, MOST)
    if parts is None:
        assert len(data) < 70  # what it takes to redo it would be more
    else:
        rest, side, contents = undone(data)
        assert rest == data[:2] and b"".join(contents) == content
        assert len(side) <= 12


# ---- what others write ----


def flushed(mode: int, level: int) -> bytes:
    coder = zlib.compressobj(level, zlib.DEFLATED, -15)
    pieces = [
        coder.compress(BOOK[at : at + 3001]) + coder.flush(mode) for at in range(0, 20_000, 3001)
    ]
    return b"".join(pieces) + coder.flush()


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("mode", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK])
def test_flushes(mode: int, level: int) -> None:
    data = flushed(mode, level)
    rest, side, _ = undone(data)
    assert rest == b"" and len(side) * (6 if mode == zlib.Z_FULL_FLUSH else 20) < len(data)


@pytest.mark.parametrize("path", sorted(OTHERS.iterdir()), ids=lambda path: path.name)
def test_other_encoders(path: Path) -> None:
    """What zlib-ng, ISA-L, libdeflate, zopfli and 7-Zip made of one text."""
    data = path.read_bytes()
    rest, side, contents = undone(data)
    assert rest == data[:2] and b"".join(contents) == zlib.decompress(data)
    assert len(side) * 6 <= len(data)


@pytest.mark.parametrize("name", ["zopfli", "7zip-9", "libdeflate-12"])
def test_the_cheapest_tokens(name: str) -> None:
    """Encoders that look for them need little beside a block's codes."""
    data = (OTHERS / name).read_bytes()
    assert len(undone(data)[1]) * 15 <= len(data)


@pytest.mark.parametrize("size", [5000, 7001, 12_000])
def test_the_cheapest_tokens_cut(size: int) -> None:
    data = (OTHERS / "libdeflate-12-long").read_bytes()[:size]
    rest, side, contents = undone(data)
    assert len(rest) + 300 < size and BOOK.startswith(b"".join(contents))
    assert len(side) * 15 <= size


# ---- what is around them ----


def test_zlib_with_its_checksum() -> None:
    data = b"before" + zlib.compress(BOOK) + b"behind"
    assert undone(data)[0] == b"before" + data[6:8] + b"behind"
    broken = data[:-7] + bytes([data[-7] ^ 1]) + data[-6:]
    assert undone(broken)[0] == b"before" + data[6:8] + broken[-10:]


def test_gzip_with_all_that_a_header_may_have() -> None:
    stream, tail = deflated(BOOK), struct.pack("<II", zlib.crc32(BOOK), len(BOOK))
    for flags in range(32):
        header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
        header += b"\3\0abc" if flags & 4 else b""
        header += b"name\0" if flags & 8 else b""
        header += b"comment\0" if flags & 16 else b""
        header += b"\1\2" if flags & 2 else b""
        assert undone(header + stream + tail)[0] == header
    whole = gzip.compress(BOOK)
    assert undone(whole)[0] == whole[:10]


def test_zip() -> None:
    dst = io.BytesIO()
    with zipfile.ZipFile(dst, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.md", BOOK[number * 999 : number * 999 + 2000])
        archive.writestr("program", CODE)
    rest, side, (text, other) = undone(dst.getvalue())
    assert text == b"".join(BOOK[n * 999 : n * 999 + 2000] for n in range(20)) and other == CODE
    assert len(side) <= 20 * 5 + 20 and len(rest) < 21 * 110


@pytest.mark.parametrize("sizes", [(), (1000, 1000), (1, 1, 0, 700), (0, 0)])
def test_png(sizes: tuple[int, ...]) -> None:
    data, around = filtering.png(CONTENTS["photo"], *sizes)
    rest, side, contents = undone(data)
    assert rest == around and contents == [b"", b"", CONTENTS["photo"]]
    assert len(side) <= 40
    assert len(undone(data * 3)[2]) == 5


# Bits of a sample, the number of a picture's colours, and bytes from a pixel to the next.
SHAPES = [(8, 0, 1), (8, 2, 3), (8, 3, 1), (8, 4, 2), (8, 6, 4), (16, 2, 6), (16, 6, 8), (1, 0, 1)]


def filtered(pixels: bytes, row: int, pixel: int, filters: bytes) -> bytes:
    """Rows of pixels as PNG has them, by its specification."""
    content, above = bytearray(), bytes(row)
    for y, filter in enumerate(filters):
        line = pixels[y * row : (y + 1) * row]
        content.append(filter)
        for x, value in enumerate(line):
            a = line[x - pixel] if x >= pixel else 0
            b, c = above[x], above[x - pixel] if x >= pixel else 0
            nearest = min((a, b, c), key=lambda it: abs(a + b - c - it))
            content.append((value - (0, a, b, (a + b) // 2, nearest)[filter]) % 256)
        above = line
    return bytes(content)


def picture(
    width: int, height: int, shape: tuple[int, int, int], filters: bytes
) -> tuple[bytes, bytes]:
    """A file, and its pixels."""
    depth, colours, pixel = shape
    row = -(-width * depth // 8) if colours in (0, 3) else width * pixel
    pixels = (CONTENTS["photo"] * 8)[: row * height]
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    return filtering.png(filtered(pixels, row, pixel, filters), header=header)[0], pixels


def test_rows_that_are_not_filtered_as_they_say_stay() -> None:
    """A photo, of which each row is said to be what Paeth's filter left."""
    _, pixels = picture(60, 100, (8, 2, 3), bytes(100))
    content = b"".join(b"\4" + pixels[at : at + 180] for at in range(0, len(pixels), 180))
    data, _ = filtering.png(content, header=struct.pack(">IIBBBBB", 60, 100, 8, 2, 0, 0, 0))
    assert undone(data)[2][2:] == [content]


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_become_pixels(shape: tuple[int, int, int]) -> None:
    filters = models.noise(100, 1).translate(bytes(i % 5 for i in range(256)))
    data, pixels = picture(400 if shape[0] == 1 else 60, 100, shape, filters)
    _, side, contents = undone(data)
    assert contents == [b"", b"", pixels]
    assert len(side) <= 80
    assert undone(data * 2)[2][2:] == [pixels, pixels]


def test_rows_that_stay() -> None:
    """Of another filter, interlaced, of another size, or in a small picture."""
    data, pixels = picture(300, 30, (8, 2, 3), b"\1" * 30)
    assert undone(data)[2][2] == pixels
    content = filtered(pixels, 900, 3, b"\1" * 30)
    for header in (
        (300, 30, 7),
        (300, 29, 8),
        (299, 30, 8),
        (300, 30, 16),
        (0, 0, 8),
        (1 << 31, 1, 8),
    ):
        width, height, depth = header
        changed = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
        assert undone(filtering.png(content, header=changed)[0])[2][2] == content
    strange = content[:9010] + b"\5" + content[9011:]
    header = struct.pack(">IIBBBBB", 300, 30, 8, 2, 0, 0, 0)
    assert undone(filtering.png(strange, header=header)[0])[2][2] == strange
    small = picture(30, 30, (8, 2, 3), b"\1" * 30)[0]
    assert undone(small)[2] == [b"", filtered(pixels[:2700], 90, 3, b"\1" * 30)]


def test_png_with_a_wrong_checksum() -> None:
    data, around = filtering.png(CONTENTS["photo"])
    assert undone(data[:-13] + bytes([data[-13] ^ 1]) + data[-12:])[0] != around


def test_many_pictures() -> None:
    data = b"".join(filtering.png(CONTENTS["photo"][n : n + 5000])[0] for n in range(60))
    assert len(undone(data)[2]) == 40


def test_what_has_no_streams() -> None:
    for data in (b"", b"x", BOOK, CODE, models.noise(100_000), bytes(100_000), b"\x78\x9c" * 5000):
        assert _native.deflate_split(data, MOST) is None


def test_limits() -> None:
    bomb = zlib.compress(bytes(1 << 22))
    assert _native.deflate_split(bomb, MOST) is None
    data = zlib.compress(BOOK) + zlib.compress(CODE)
    assert b"".join(undone(data, len(BOOK))[2]) == BOOK
    most = len(BOOK) + len(CODE) - 1
    cut = b"".join(undone(data, most)[2])
    assert (BOOK + CODE).startswith(cut) and most - 258 < len(cut) <= most
    assert _native.deflate_split(data, 1000) is None
    for most in (1 << 28) + 1, 1 << 40:
        with pytest.raises(ValueError, match="most"):
            _native.deflate_split(data, most)


# ---- across the ends of blocks ----

LONG = BOOK + b" ".join(random.Random(5).choices(BOOK.split(), k=120_000)) + CODE


def pieces(data: bytes, size: int) -> list[Parts | None]:
    """The parts of each ``size`` bytes, which are seen to give them again alone."""
    inside = None
    found = []
    for at in range(0, len(data), size):
        block = data[at : at + size]
        parts = _native.deflate_split(block, MOST, inside)
        if parts is not None:
            assert _native.deflate_join(*parts[:3], len(block)) == block
        found.append(parts and parts[:3])
        inside = _native.deflate_follow(block, inside)
    assert inside is None
    return found


@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("size", [99_999, 1 << 17])
def test_streams_are_cut(level: int, size: int) -> None:
    parts = pieces(b"before" + gzip.compress(LONG, level) + b"behind", size)
    assert len(parts) > 2
    for number, part in enumerate(parts[:-1]):
        assert part is not None
        rest, side, contents = part
        window = 0 if number == 0 else 1 << 15
        assert len(rest) < 40 and len(side) < (900 if level < 4 else 300)
        assert b"".join(contents)[window:] in LONG
        assert number == 0 or b"".join(contents)[:window] in LONG


def test_a_stream_is_followed_through_blocks_of_any_kind() -> None:
    coder = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = b""
    for number, content in enumerate((BOOK, models.noise(200_000), CODE, b"a" * 70_000) * 2):
        data += coder.compress(content) + coder.flush(
            (zlib.Z_SYNC_FLUSH, zlib.Z_NO_FLUSH)[number % 2]
        )
    data += coder.flush()
    for size in (1000, 40_000, 99_999, 200_003):
        pieces(data, size)


def test_one_byte_at_a_time() -> None:
    data = gzip.compress(BOOK)
    inside = _native.deflate_follow(data[:20])
    for at in range(20, len(data) - 8):
        assert inside is not None
        inside = _native.deflate_follow(data[at : at + 1], inside)
    assert inside is None


@pytest.mark.parametrize("n", [0, 1, 5])
def test_what_goes_on_otherwise_is_no_piece(n: int) -> None:
    data = gzip.compress(LONG)
    inside = _native.deflate_follow(data[:99_999])
    assert inside is not None
    other = models.noise(n) + data[1000:200_000]
    parts = _native.deflate_split(other, MOST, inside)
    assert parts is None or _native.deflate_join(*parts[:3], len(other)) == other
    for end in range(60):
        assert _native.deflate_split(data[99_999 : 99_999 + end], MOST, inside) is None


def test_blocks_of_a_frame_are_pieces() -> None:
    data = gzip.compress(LONG, 6, mtime=0)
    packed = nncomp.compress(data, 1, model="none", block_size=1 << 17)
    assert nncomp.decompress(packed) == data
    assert len(packed) < len(nncomp.compress(LONG, 1, model="none")) * 1.2
    compressor = nncomp.NNCompressor(1, model="none", block_size=1 << 17)
    fed = [compressor.compress(data[at : at + 77_777]) for at in range(0, len(data), 77_777)]
    assert b"".join([*fed, compressor.flush()]) == packed


@pytest.mark.parametrize("level", [2, 3, 7])
def test_a_small_file_of_a_large_stream(level: int) -> None:
    """Of 96 KiB or more a small frame has several lanes, where the frame it was coded for has one:
    it cannot hold them."""
    data = zlib.compress(BOOK * 4, 9)
    packed = nncomp.compress(data, level)
    assert len(data) <= MAX_SMALL_SIZE and packed.startswith(MAGICS[level == 2])
    assert nncomp.decompress(packed) == data


@pytest.mark.parametrize("end", [1, 2, 3, 4, 5, 10])
def test_a_piece_that_ends_right_behind_a_block(end: int) -> None:
    """The block began in the piece before. What a flush writes behind it is incomplete."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 15, 9)
    data = coder.compress(LONG[:70_000]) + coder.flush(zlib.Z_FULL_FLUSH)
    inside = _native.deflate_follow(data[:6000])
    block = data[6000:-end]
    parts = _native.deflate_split(block, MOST, inside)
    assert parts is not None and len(parts[0]) < 10
    assert _native.deflate_join(*parts[:3], len(block)) == block


# ---- as a filter ----


def test_filter() -> None:
    content = gzip.compress(BOOK) + zlib.compress(CODE)
    split = deflate.split(content)
    assert split is not None
    assert split.streams[2:] == (BOOK, CODE) and split.side == b""
    assert deflate.join(split.streams, split.side, len(content)) == content
    packed, *alone = (nncomp.compress(c, 1, model="none") for c in (content, BOOK, CODE))
    assert nncomp.decompress(packed) == content
    assert len(packed) < sum(map(len, alone)) + 100


@pytest.mark.parametrize(
    ("sizes", "side", "size"),
    [
        ([50, 49, 100, 100], b"", 99),
        ([50, 49, 100, 100], b"\x01", 100),
        ([50, 49, 100], b"", 100),
        ([50, 49, *[1] * 41], b"", 100),
        ([50, 49, 12800, 1], b"", 100),
    ],
)
def test_sizes_that_are_refused(sizes: list[int], side: bytes, size: int) -> None:
    deflate.check([50, 49, 100, 100], b"", 100)
    deflate.check([50, 49, *[1] * 40], b"", 100)
    deflate.check([50, 49, 12800, 0], b"", 100)
    with pytest.raises(FormatError):
        deflate.check(sizes, side, size)


def test_contents_fit_into_a_plan() -> None:
    for bits in range(27):
        for size in (1 << bits, (1 << bits) - 1):
            assert size + deflate.most_contents(size) <= MAX_STREAM_SIZE
    assert MAX_BLOCK_SIZE + deflate.most_contents(MAX_BLOCK_SIZE) == MAX_STREAM_SIZE


# ---- data that may be tried again and again ----

NOTHING = bytes.fromhex("04c2810800000000207feb2b")  # a dynamic block without content


@pytest.mark.parametrize(
    ("what", "n"),
    [
        (NOTHING, 250),
        (b"\x1f\x8b\x08\x08abcdef", 5000),  # gzip: a name that does not end
        (filtering.chunk(b"IDAT", b""), 5000),
    ],
    ids=["empty blocks", "gzip names", "empty chunks"],
)
def test_time_of_searching(what: bytes, n: int) -> None:
    """Whatever is found in vain is found a limited number of times."""
    assert zlib.decompressobj(-15).decompress(NOTHING * 3) == b""
    assert_linear(
        lambda data: _native.deflate_split(data, MOST), lambda n: what * n + b"\xff" * 64, n
    )


# ---- damage ----

SMALL = (
    zlib.compress(BOOK[:900])
    + (OTHERS / "libdeflate-12").read_bytes()
    + flushed(zlib.Z_SYNC_FLUSH, 6)[:2000]
    + filtering.png(CODE[:5000], 99)[0]
    + picture(40, 40, (8, 2, 3), bytes(i % 5 for i in range(40)))[0]
)


def outcome(call: Callable[[], bytes], size: int) -> None:
    try:
        assert len(call()) == size
    except FormatError as error:
        assert "\n" not in str(error)


@settings(max_examples=examples(200), deadline=None)
@given(draw=st.data(), size=st.one_of(st.just(len(SMALL)), st.integers(0, 1 << 15)))
def test_damage_gives_bytes_or_an_error(draw: st.DataObject, size: int) -> None:
    rest, side, contents = undone(SMALL)
    parts = [rest, side, *contents]
    number = draw.draw(st.integers(0, len(parts) - 1))
    damaged = bytearray(parts[number])
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(damaged)))
        damaged[place : place + draw.draw(st.integers(0, 2))] = draw.draw(st.binary(max_size=2))
    parts[number] = bytes(damaged)
    outcome(lambda: _native.deflate_join(parts[0], parts[1], parts[2:], size), size)


@given(side=st.binary(max_size=60), content=st.binary(max_size=400), size=st.integers(0, 1 << 12))
def test_any_side_gives_bytes_or_an_error(side: bytes, content: bytes, size: int) -> None:
    outcome(lambda: _native.deflate_join(b"rest", side, [content, content, content], size), size)


def test_streams_of_nothing_are_refused() -> None:
    """Few bytes of a side must not ask for many streams: each has some bytes."""
    side, most = SideWriter(), (1 << 31) - 1
    for number in range(1000):
        side.flag("more", True)
        for name, largest in (("gap", most), ("wrap", 3), ("group", 2), ("size", most)):
            side.number(name, 0, largest)
        for name in ("piece", "cut", "begun"):
            side.flag(name, True)
        for name, largest in (("window", 0), ("tokens", 1 << 20), ("offset", 7), ("low", 0)):
            side.number(name, 0, largest)
        side.flag("same", number > 0)
        if number == 0:
            for name, value, largest in (("preset", 10, 10), ("window bits", 6, 6)):
                side.number(name, value, largest)
            for name, value, largest in (("hash bits", 8, 8), ("buffer bits", 7, 8)):
                side.number(name, value, largest)
            side.flag("filtered", False)
            side.flag("truncated", False)
        for name, bit in (("exact", 1), ("dynamic", 0), ("last", 0), ("open", 1), ("padded", 0)):
            side.flag(name, bool(bit))
    side.flag("more", False)
    with pytest.raises(FormatError, match="do not fit together"):
        _native.deflate_join(b"rest", side.finish(), [b"", b""], 4)


def test_wrong_sizes_are_refused() -> None:
    rest, side, contents = undone(SMALL)
    for wrong in (
        (rest, side, contents, len(SMALL) - 1),
        (rest, side, contents, len(SMALL) + 1),
        (rest + b"x", side, contents, len(SMALL)),
        (rest, side + b"x", contents, len(SMALL)),
        (rest, side, contents[:1], len(SMALL)),
        (rest, side, [*contents, b""], len(SMALL)),
        (rest, side, [contents[0] + b"x", *contents[1:]], len(SMALL)),
    ):
        with pytest.raises(FormatError):
            _native.deflate_join(*wrong)
