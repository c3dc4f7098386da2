"""JPEG pictures as coefficients: redone exactly, whatever they are, or left as they are.

Those in ``tests/jpeg`` are one photograph, written by libjpeg-turbo in different ways.
"""

from __future__ import annotations

import io
import itertools
import math
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import assert_linear, examples
from nncomp import _native, varint
from nncomp.container import Block, FrameReader
from nncomp.encode import Encoder
from nncomp.errors import FormatError, NNCompError
from nncomp.filters import FILTERS, Split, jpeg
from nncomp.options import Options, Writing
from sides import SideWriter

HERE = Path(__file__).parent
PICTURES = {path.stem: path.read_bytes() for path in sorted((HERE / "jpeg").glob("*.jpg"))}
SEQUENTIAL = [name for name in PICTURES if not name.startswith("progressive")]
BOOK = (HERE / "data" / "book.md").read_bytes()
MOST = 1 << 16  # blocks

any_picture = pytest.mark.parametrize("name", PICTURES)


def undone(data: bytes) -> tuple[bytes, bytes]:
    """What is around pictures, and these, which are seen to give ``data`` again."""
    parts = _native.jpeg_split(data, MOST)
    assert parts is not None
    rest, coded, blocks, places = parts
    assert _native.jpeg_join(rest, coded, len(data), blocks, MOST) == data
    assert all(data.startswith(b"\xff\xd8\xff", start) for start, _ in places)
    assert sum(stop - start for start, stop in places) >= len(data) - len(rest)
    return rest, coded


def joined(split: Split, size: int) -> bytes:
    return jpeg.join(split.streams, split.side, size)


def data_at(picture: bytes) -> int:
    """Where the first scan's data begins."""
    at = picture.index(b"\xff\xda")
    return at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big")


# ---- what is redone ----


@any_picture
def test_pictures(name: str) -> None:
    """All scans are taken, and need at most five sixths of what they had."""
    picture = PICTURES[name]
    rest, coded = undone(picture)
    assert rest.startswith(picture[: data_at(picture)]) and rest.endswith(b"\xff\xd9")
    assert len(coded) * 6 <= (len(picture) - len(rest)) * 5


@pytest.mark.parametrize("kernel", _native.kernels())
@any_picture
def test_kernels_agree(name: str, kernel: str) -> None:
    picture = PICTURES[name]
    parts = _native.jpeg_split(picture, MOST)
    assert parts is not None and _native.jpeg_split(picture, MOST, kernel=kernel) == parts
    rest, coded, blocks, _ = parts
    again = _native.jpeg_join(rest, coded, len(picture), blocks, MOST, kernel=kernel)
    assert again == picture


def test_the_kernel_that_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    split = jpeg.split(PICTURES["420"])
    assert split is not None
    monkeypatch.setenv("NNCOMP_KERNEL", "other")
    with pytest.raises(NNCompError, match="NNCOMP_KERNEL=other"):
        jpeg.split(PICTURES["420"])
    with pytest.raises(NNCompError, match="NNCOMP_KERNEL=other"):
        joined(split, len(PICTURES["420"]))


def test_pictures_among_other_things() -> None:
    data = BOOK[:900].join([b"", *PICTURES.values(), b""])
    rest, _ = undone(data)
    headers = sum(len(undone(picture)[0]) for picture in PICTURES.values())
    assert len(rest) == headers + 900 * (len(PICTURES) + 1)


def test_a_picture_in_another_ones_header() -> None:
    """As cameras have them."""
    small, large = PICTURES["420"], PICTURES["444"]
    size = (len(small) + 2).to_bytes(2, "big")
    picture = large[:2] + b"\xff\xe1" + size + small + large[2:]
    rest, _ = undone(picture)
    assert len(rest) == len(undone(small)[0]) + len(undone(large)[0]) + 4


def test_the_same_picture_again_is_no_larger() -> None:
    once, twice = (undone(PICTURES["422"] * n)[1] for n in (1, 2))
    assert len(twice) <= 2 * len(once)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_picture_that_is_cut(name: str) -> None:
    """Whole units are taken, wherever it ends."""
    picture = PICTURES[name]
    start = data_at(picture)
    for size in (*range(start + 1000, start + 1012), len(picture) - 3):
        rest, coded = undone(picture[:size])
        assert len(coded) < size - start
        assert len(rest) < start + 250  # two units, or what is up to a restart


@pytest.mark.parametrize("name", ["progressive", "progressive-gray", "progressive-restarts"])
def test_progressive_pictures_are_whole(name: str) -> None:
    picture = PICTURES[name]
    assert _native.jpeg_split(picture[: len(picture) * 3 // 4], MOST) is None


@any_picture
def test_what_comes_behind(name: str) -> None:
    picture = PICTURES[name]
    rest, _ = undone(picture + b"and more")
    assert rest == undone(picture)[0] + b"and more"


def test_other_bits_before_markers() -> None:
    """They are ones everywhere; where one is not, is the end."""
    picture = bytearray(PICTURES["restarts"])
    start = data_at(picture)
    markers = [at.start() for at in re.finditer(rb"\xff[\xd0-\xd9]", picture[start:])]
    last = max(start + at - 1 for at in markers[:-2] if picture[start + at - 1] & 1)
    picture[last] &= 0xFE
    rest, _ = undone(bytes(picture))
    assert rest.endswith(picture[last + 1 :])


def test_noise_and_text_are_left_alone() -> None:
    for data in (b"", b"\xff\xd8\xff", BOOK, models.noise(100_000), b"\xff\xd8" * 50_000):
        assert _native.jpeg_split(data, MOST) is None


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC8, 0xC9, 0xCA, 0xCC, 0xDC])
def test_other_kinds_are_left_alone(marker: int) -> None:
    """Lossless, hierarchical and arithmetic coding, and a height that comes later."""
    picture = PICTURES["420"]
    at = picture.index(b"\xff\xc0")
    assert _native.jpeg_split(picture[: at + 1] + bytes([marker]) + picture[at + 2 :], MOST) is None


def test_too_many_blocks_are_left_alone() -> None:
    """288 are in the picture, 48 in a row of units. A sequential one is taken as far as it may."""
    for most, rows in ((47, 0), (48, 1), (287, 5), (288, 6)):
        parts = _native.jpeg_split(PICTURES["420"], most)
        assert (parts[2] if parts is not None else 0) == 48 * rows
        if parts is not None:
            rest, coded, blocks, _ = parts
            assert _native.jpeg_join(rest, coded, 4034, blocks, most) == PICTURES["420"]
    assert _native.jpeg_split(PICTURES["progressive"], 287) is None
    assert _native.jpeg_split(PICTURES["progressive"], 288) is not None


@any_picture
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_damaged_pictures(name: str, data: st.DataObject) -> None:
    picture = filtering.changed(data, PICTURES[name], 1, 4)
    parts = _native.jpeg_split(picture, MOST)
    if parts is not None:
        rest, coded, blocks, _ = parts
        assert _native.jpeg_join(rest, coded, len(picture), blocks, MOST) == picture


# ---- the filter ----


@any_picture
def test_filter(name: str) -> None:
    content = PICTURES[name] + BOOK[:500]
    split = jpeg.split(content)
    assert split is not None
    assert split.packed == 1 and split.streams[0].endswith(BOOK[:500])
    assert joined(split, len(content)) == content


def test_pictures_between_deflate_streams() -> None:
    """As documents have them."""
    content = zlib.compress(BOOK) + PICTURES["444"] + zlib.compress(BOOK[::-1])
    split = jpeg.split(content)
    assert split is not None
    assert split.streams[0].startswith(zlib.compress(BOOK))
    assert joined(split, len(content)) == content


@pytest.mark.parametrize("level", [1, 5])
def test_files(level: int) -> None:
    content = PICTURES["422"] + BOOK[:1000] + PICTURES["progressive"]
    packed = nncomp.compress(content, level=level, model="none")
    assert nncomp.decompress(packed) == content
    assert len(packed) < 6000


def test_memory() -> None:
    """Of coefficients, as the side names them; and none without."""
    content = PICTURES["420"]
    split = jpeg.split(content)
    assert split is not None
    sizes = [len(stream) for stream in split.streams]
    need = jpeg.memory(sizes, split.side, len(content))
    assert 288 * 128 < need < 1 << 25
    assert jpeg.memory([len(content)], b"", len(content)) == 0
    assert jpeg.most_blocks(1 << 30) * 128 == 1 << 29
    for size in (1, 50, 1056, 1057, 1058, 5000):  # from some on, what 16 a byte allow is too much
        least = size // 2 + (1 << 14)
        assert jpeg.most_blocks(size) == (16 * size if size <= 1057 else least)


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (b"", "too short"),
        (b"\x81", "too short"),
        (b"\x81\x00", "shortest form"),
        (b"\x01\x02", "too long"),
        (b"\xff\xff\x7f", "too large"),
    ],
)
def test_bad_sides(side: bytes, message: str) -> None:
    jpeg.check([2, 4], b"\x01", 100)
    with pytest.raises(FormatError, match=message):
        jpeg.check([2, 4], side, 100)
    with pytest.raises(FormatError, match=message):
        jpeg.join([b"ab", b"cdef"], side, 100)


def test_small_contents_have_small_pictures() -> None:
    """Some microseconds a block, of which a few bytes could name thousands."""
    jpeg.check([2, 4], varint.dumps(1600), 100)
    with pytest.raises(FormatError, match="too large for a block"):
        jpeg.check([2, 4], varint.dumps(1601), 100)


@pytest.mark.parametrize("sizes", [[], [2], [2, 4, 0], [50, 50]])
def test_bad_streams(sizes: list[int]) -> None:
    with pytest.raises(FormatError, match="not those"):
        jpeg.check(sizes, b"\x01", 100)


def test_parts_that_do_not_fit() -> None:
    picture = PICTURES["420"]
    parts = _native.jpeg_split(picture, MOST)
    assert parts is not None
    rest, coded, blocks, _ = parts
    size = len(picture)
    for bad in (
        (rest[:-1], coded, size, blocks, MOST),
        (rest + b"x", coded, size, blocks, MOST),
        (rest[3:], coded, size, blocks, MOST),
        (b"", coded, size, blocks, MOST),
        (rest, coded + b"x", size, blocks, MOST),
        (rest, b"", size, blocks, MOST),
        (rest, coded, size - 1, blocks, MOST),
        (rest, coded, size + 1, blocks, MOST),
        (rest, coded, size, blocks - 1, MOST),
        (rest, coded, size, blocks, blocks - 1),
    ):
        with pytest.raises(FormatError) as info:
            _native.jpeg_join(*bad)
        assert "\n" not in str(info.value)


# ---- pictures that no encoder writes ----


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def frame(marker: int, width: int, height: int) -> bytes:
    """Of one component."""
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return segment(marker, b"\x08" + size + bytes([1, 1, 0x11, 0]))


def code(kind: int, symbol: int) -> bytes:
    """Of a single symbol, which is the bit 0. The kind is 0 for DC, 16 for AC."""
    return segment(0xC4, bytes([kind, 1]) + bytes(15) + bytes([symbol]))


def scan(first: int, last: int) -> bytes:
    return segment(0xDA, bytes([1, 1, 0, first, last, 0]))


def test_time_of_headers() -> None:
    """Each may hold all the others, and none is that of a picture."""

    def headers(n: int) -> bytes:
        return b"\xff\xd8" + b"\xff\xe0\x00\x04\xff\xd8" * n + b"abcdef" * 100

    assert_linear(lambda data: _native.jpeg_split(data, MOST), headers, 5000)


def test_time_of_pictures_without_data() -> None:
    """Few bytes of headers name many blocks."""

    def pictures(n: int) -> bytes:
        def one(side: int) -> bytes:
            codes = code(0, 0) + code(16, 0)
            return b"\xff\xd8" + frame(0xC0, side, side) + codes + scan(0, 63) + b"\xff\xff"

        return one(8 * math.isqrt(jpeg.most_blocks(len(one(8)) * n))) * n

    assert_linear(jpeg.split, pictures, 300)


def test_time_of_pictures_behind_a_spent_budget() -> None:
    """What pictures share and cannot be decoded spends it: those behind get no memory."""

    def pictures(n: int) -> bytes:
        def one(side: int, data: bytes) -> bytes:
            codes = code(0, 0) + code(16, 0)
            return codes + frame(0xC0, side, side) + scan(0, 63) + data

        nested = b"".join(
            b"\xff\xd8\xff\xe0" + (2 + 6 * left).to_bytes(2, "big") for left in range(139, -1, -1)
        )
        data = nested + one(8, b"\x80" * (90 * n))
        side = 8 * math.isqrt(jpeg.most_blocks(len(data) + 70 * n))
        return data + (b"\xff\xd8" + one(side, b"\x80")) * n

    assert_linear(jpeg.split, pictures, 300)


@pytest.mark.parametrize("scans", [60, 64, 65, 200])
def test_as_many_scans_as_a_decoder_allows(scans: int) -> None:
    blocks = 128
    differences = models.noise(blocks).translate(bytes(60 + i % 8 for i in range(256)))
    picture = b"\xff\xd8" + frame(0xC2, 128, 64) + code(0, 7) + scan(0, 0) + differences
    picture += code(16, 0x70) + (scan(1, 63) + b"\0") * (scans - 1) + b"\xff\xd9"
    parts = _native.jpeg_split(picture, blocks)
    if scans > 64:
        assert parts is None
        more = _native.jpeg_split(picture, MOST)
        assert more is not None
        with pytest.raises(FormatError, match="do not fit together"):
            _native.jpeg_join(*more[:2], len(picture), blocks, blocks)
    else:
        assert parts is not None
        assert _native.jpeg_join(*parts[:2], len(picture), blocks, blocks) == picture


@pytest.mark.parametrize("scans", [10, 16, 17, 18, 60])
def test_as_many_scans_as_there_are_bytes_for(scans: int) -> None:
    """Of blocks that take two bits, all of them 16 times and, as there are headers, once more."""
    blocks = 1 << 14
    signs = bytes(0b00010001 if i % 7 else 0b01000001 for i in range(blocks // 4))  # of 1 and -1
    picture = b"\xff\xd8" + frame(0xC2, 1024, 1024) + code(0, 1) + scan(0, 0) + signs
    picture += code(16, 0xE0) + (scan(1, 63) + b"\0\1") * (scans - 1) + b"\xff\xd9"
    assert (blocks * scans <= 64 * len(picture)) == (scans <= 17)
    split = jpeg.split(picture)
    assert (split is not None) == (scans <= 17)
    if split is not None:
        assert joined(split, len(picture)) == picture


def test_pictures_that_repeat_themselves_are_left_to_the_stage() -> None:
    """Their bytes are smaller than what is made of them."""
    up = models.noise(250).translate(bytes((0x22, 0x24, 0x42, 0x44)[i & 3] for i in range(256)))
    down = up.translate(bytes(i ^ 0x66 for i in range(256)))  # DC grows by 2 and falls by 2
    picture = b"\xff\xd8" + frame(0xC0, 8000, 8000) + code(0, 2) + code(16, 0) + scan(0, 63)
    picture += (up + down) * 400 + b"\xff\xd9"
    split = jpeg.split(picture)
    assert split is not None and len(split.streams[1]) > 1000
    packed = nncomp.compress(picture, 1)
    assert nncomp.decompress(packed) == picture and len(packed) < 1000
    assert "jpeg" not in str(nncomp.get_frame_info(packed).blocks)


def side_of_empty(header: bytes, pictures: int, units: int) -> bytes:
    """Pictures that share a header in front of them, and have none of their scan's ``units``."""
    side, most = SideWriter(), (1 << 31) - 1
    side.flag("inside", False)
    for number in range(pictures):
        side.flag("more", True)
        side.number("gap", 0 if number else len(header), most)
        side.number("back", len(header), most)
        side.flag("whole", False)
        side.number("units", 0, units - 1)
        side.flag("padding", True)
        side.number("tail", 0, 127)
    side.flag("more", False)
    return side.finish()


def test_pictures_without_units_have_no_blocks() -> None:
    header = b"\xff\xd8" + code(0, 0) + code(16, 0) + frame(0xC0, 65500, 65500) + scan(0, 63)
    side = side_of_empty(header, 60, 8188 * 8188)
    assert _native.jpeg_join(header, side, len(header), 0, 0) == header


@pytest.mark.parametrize("pictures", [30, 100])
def test_headers_are_read_a_few_times(pictures: int) -> None:
    """Few bytes of a side must not ask for a long header to be read again and again."""
    codes = b"".join(bytes([kind]) + bytes(16) for kind in (0, 0x10))
    header = b"\xff\xd8" + segment(0xC4, codes * 400) * 4
    header += frame(0xC0, 8, 8) + scan(0, 63)
    parts = header, side_of_empty(header, pictures, 1), len(header), 1, MOST
    if pictures < 64:
        assert _native.jpeg_join(*parts) == header
    else:
        with pytest.raises(FormatError, match="do not fit together"):
            _native.jpeg_join(*parts)


@any_picture
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_damaged_parts(name: str, data: st.DataObject) -> None:
    """Content of the size that was asked for, or one error."""
    picture = PICTURES[name]
    parts = _native.jpeg_split(picture, MOST)
    assert parts is not None
    rest, coded = (filtering.changed(data, part, 0) for part in parts[:2])
    try:
        found = _native.jpeg_join(rest, coded, len(picture), parts[2], MOST)
    except FormatError:
        pass
    else:
        assert len(found) == len(picture)


def test_number() -> None:
    assert FILTERS.index(jpeg) == 6


# ---- pictures and the ends of blocks ----


@any_picture
def test_pictures_are_found(name: str) -> None:
    """Where they begin, and end; a picture in a picture's header is none."""
    picture = PICTURES[name]
    segment = b"\xff\xe1" + (2 + len(picture)).to_bytes(2, "big") + picture
    outer = picture[:2] + segment + picture[2:]
    at = len(BOOK)
    for one in (picture, outer):
        ((start, behind, end),) = jpeg.pictures(BOOK + one + BOOK)
        assert (start, end) == (at, at + len(one))
        scan = one.index(b"\xff\xda", len(segment) if one is outer else 0)
        assert behind == at + scan + 2 + int.from_bytes(one[scan + 2 : scan + 4], "big")
        for cut in (3, 4, scan, scan + 3, len(one) - 3, len(one) - 1):
            start, behind, _ = next(jpeg.pictures(one))
            assert list(jpeg.pictures(one[:cut])) == [(0, min(behind, cut), None)]
            *_, last = jpeg.pictures(BOOK + one + one[:cut])
            assert last == (at + len(one), at + len(one) + min(behind, cut), None)
    for none in (BOOK, picture[:2] * 99, b"\xff\xd8\xff\x20" + picture[4:], b"\xff\xd8\xff\xd9"):
        assert list(jpeg.pictures(none)) == []


def test_pictures_are_found_in_linear_time() -> None:
    for some in (b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\xff\xff", b"\xff\xd8\xff\xda\0\2"):
        assert_linear(lambda data: list(jpeg.pictures(data)), lambda n, some=some: some * n, 20000)


def test_a_block_ends_before_a_picture_that_goes_on() -> None:
    """And no picture loses its header to a copy, though all have the same tables."""
    block = 1 << 13
    pictures = [PICTURES[name] for name in ("420", "progressive", "422", "cmyk", "gray")]
    content = BOOK[:2000] + b"".join(pictures) + BOOK[:300]
    options: Writing = {"level": 1, "block_size": block}
    packed = nncomp.compress(content, **options)
    assert nncomp.decompress(packed) == content
    items = FrameReader(io.BytesIO(packed), 1 << 30)
    ends = list(itertools.accumulate(one.size for one in items if isinstance(one, Block)))
    at = 2000
    for picture in pictures:
        assert not any(at < end < at + len(picture) for end in ends)
        at += len(picture)
    assert at + 300 == ends[-1]
    alone = sum(len(nncomp.compress(one, **options)) for one in (BOOK[:2300], *pictures))
    assert len(packed) < alone


def test_a_picture_that_was_there_is_copied() -> None:
    picture = PICTURES["cmyk"]
    other = picture[:2] + b"\xff\xfe\0\7other" + picture[2:]
    first = BOOK[:900] + picture
    for again in (picture, other):
        content = first + BOOK[1000 : (1 << 13) - len(first) + 1000] + again
        packed = nncomp.compress(content, level=1, block_size=1 << 13)
        assert nncomp.decompress(packed) == content
        assert len(packed) < len(nncomp.compress(content[: 1 << 13], level=1)) + 150


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.sampled_from([*PICTURES.values(), BOOK[:3000], b"\xff\xd8\xff"]), max_size=6),
    st.lists(st.integers(1, 9000), max_size=9),
)
def test_pieces_do_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    """Blocks are cut at the same places however the content arrives."""
    content = b"".join(parts)
    options: Writing = {"level": 1, "block_size": 1 << 12}
    compressor = nncomp.NNCompressor(**options)
    packed = b""
    at = 0
    for cut in cuts:
        packed += compressor.compress(content[at : at + cut])
        at += cut
    packed += compressor.compress(content[at:]) + compressor.flush()
    assert packed == nncomp.compress(content, **options)
    assert nncomp.decompress(packed) == content


# ---- pictures that go on in the next block ----


def pieces(picture: bytes, size: int) -> list[tuple[bytes, bytes]]:
    """What remains of pieces of a picture, and is seen to give them again; each has up to ``size``
    bytes and ends between two rows."""
    inside = None
    found = []
    while picture:
        followed = _native.jpeg_follow(picture[:size], 0, inside)
        end = size if followed is None else followed[0]
        assert 0 < end <= size
        piece, picture = picture[:end], picture[end:]
        parts = _native.jpeg_split(piece, MOST, inside)
        assert parts is not None
        rest, coded, blocks, _ = parts
        assert _native.jpeg_join(rest, coded, len(piece), blocks, MOST) == piece
        found.append((rest, coded))
        inside = None if followed is None else followed[1]
    return found


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("size", [1800, 2000, 2200, 3001])
def test_a_picture_in_pieces(name: str, size: int) -> None:
    """Nothing is left but its markers, in each piece those that matter, and its end."""
    picture = PICTURES[name]
    at = data_at(picture)
    parts = pieces(picture, size)
    assert len(parts) > 1
    first, *others = (rest for rest, _ in parts)
    assert first == picture[:at]
    segments = picture[picture.index(b"\xff\xdb") : at]  # behind SOI and what tells of JFIF
    assert others == [*[segments] * (len(others) - 1), segments + b"\xff\xd9"]
    whole = undone(picture)[1]
    assert sum(len(coded) for _, coded in parts) < len(whole) + 300 * len(others)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_wherever_a_picture_is_cut(name: str) -> None:
    """It can be followed from its second row on until its data has ended."""
    picture = PICTURES[name]
    start = data_at(picture)
    ends = set()
    for size in range(start, len(picture) + 1):
        followed = _native.jpeg_follow(picture[:size], 0)
        if followed is not None and followed[0] not in ends:
            end, inside = followed
            ends.add(end)
            assert start < end <= size < len(picture)
            left = picture[end:]
            parts = _native.jpeg_split(left, MOST, inside)
            if parts is not None:  # not of the last bytes
                assert len(parts[0]) < start
                assert _native.jpeg_join(*parts[:2], len(left), parts[2], MOST) == left
    assert len(ends) >= 5


@any_picture
def test_what_cannot_be_followed(name: str) -> None:
    picture = PICTURES[name]
    start = data_at(picture)
    for size in (2, 3, start - 1, start, start + 1, len(picture)):
        assert _native.jpeg_follow(picture[:size], 0) is None
    if name not in SEQUENTIAL:
        assert _native.jpeg_follow(picture[:-100], 0) is None
        return
    noise = models.noise(10_000).replace(b"\xff", b"")
    assert _native.jpeg_follow(picture[:-1000] + noise, 0) is None  # the data is damaged
    with pytest.raises(ValueError, match="begin is out of range"):
        _native.jpeg_follow(picture, len(picture) - 1)


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(SEQUENTIAL), st.data())
def test_what_goes_on_otherwise(name: str, data: st.DataObject) -> None:
    """A piece is taken as far as it is what it should be."""
    picture = PICTURES[name]
    followed = _native.jpeg_follow(picture[:2500], 0)
    assert followed is not None
    start = followed[0] + data.draw(st.sampled_from([0, 0, 1, 2, 700]))
    other = filtering.changed(data, picture[start:], 0)
    parts = _native.jpeg_split(other, MOST, followed[1])
    if parts is not None:
        assert _native.jpeg_join(*parts[:2], len(other), parts[2], MOST) == other


def tall(count: int) -> bytes:
    """The picture with restart markers, so often below itself: five rows of it, in eight parts."""
    picture = PICTURES["restarts"]
    start, height = data_at(picture), picture.index(b"\xff\xc0") + 5
    parts = re.split(rb"\xff[\xd0-\xd7]", picture[start:-2])[:8] * count
    data = b"".join(part + bytes([0xFF, 0xD0 + i % 8]) for i, part in enumerate(parts))[:-2]
    high = (5 * 16 * count).to_bytes(2, "big")
    return picture[:height] + high + picture[height + 2 : start] + data + b"\xff\xd9"


@pytest.mark.parametrize("level", [1, 5])
def test_a_picture_larger_than_a_block(level: int) -> None:
    """Each block has its part of it; whatever is copied, and whoever codes a block."""
    picture = tall(9)
    content = BOOK[:700] + picture + BOOK[:3000] + picture[:-1] + b"\0"
    options: Writing = {"level": level, "model": "none", "block_size": 1 << 13}
    packed = nncomp.compress(content, **options)
    assert nncomp.decompress(packed) == content
    whole = nncomp.compress(content, level=level, model="none")
    assert len(packed) < len(whole) + 5 * 700
    source, dst = io.BytesIO(content), io.BytesIO()
    encoder = Encoder(dst, Options(**options))
    before = list(Encoder(io.BytesIO(), Options(**options)).survey(source))
    assert any(number > one.first > 0 for number, one in enumerate(before))
    for number, one in enumerate(before):
        for coded in Encoder(io.BytesIO(), Options(**options)).code_part(source, number, [one]):
            encoder.put(coded)
    encoder.end()
    assert dst.getvalue() == packed


def test_no_bytes_of_a_picture_in_which_data_begins() -> None:
    """Its markers are read, and are no part of the content."""
    header = code(0, 0) + code(16, 0) + frame(0xC0, 32, 32) + scan(0, 63)
    progressive = code(0, 0) + code(16, 0) + frame(0xC2, 32, 32) + scan(0, 0)
    size = len(header)

    def side(markers: int = size, row: int = 2, dc: int = 0, units: int = 0) -> bytes:
        writer = SideWriter()
        writer.flag("inside", True)
        writer.number("markers", markers, (1 << 31) - 1)
        writer.number("row", row, 7)
        writer.number("bits", 3, 7)
        writer.number("dc", dc, (1 << 16) - 1)
        writer.flag("whole", False)
        writer.number("units", units, 15)
        writer.flag("padding", True)
        writer.number("tail", 0, 127)
        writer.flag("more", False)
        return writer.finish()

    def joined(rest: bytes, side: bytes) -> bytes:
        return _native.jpeg_join(rest, side, 4, 16, MOST)

    assert joined(header + b"rest", side()) == b"rest"
    assert joined(header + b"rest", side(row=3, dc=1 << 15)) == b"rest"
    for rest, bad in (
        (header + b"rest", side(markers=size + 1)),
        (header + b"rest", side(markers=size - 1)),
        (header + b"rest", side(markers=size + 5)),
        (header + b"rest", side(markers=0)),
        (header[:-1], side()),
        (header + b"rest", side(row=4)),
        (header + b"rest", side(dc=(1 << 15) + 1)),
        (header + b"rest", side(units=8)),  # of four rows of four, the last two
        (progressive + b"rest", side(markers=len(progressive))),
        (segment(0xE0, bytes(300)) + header + b"rest", side(markers=size + 304)),  # 64 a byte
    ):
        with pytest.raises(FormatError):
            joined(rest, bad)
