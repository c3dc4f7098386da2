"""Copies from earlier blocks: found, put back as docs/format.md says, sought, refused."""

from __future__ import annotations

import dataclasses
import io
import itertools
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commandline
import models
from conftest import Counted, examples, peak_of
from nncomp import (
    NNCompFile,
    NNCompressor,
    NNDecompressor,
    _native,
    compress,
    container,
    decompress,
    get_frame_info,
    varint,
)
from nncomp.container import REACHES, Block, FrameWriter, Header, read
from nncomp.errors import FormatError, MemoryLimitError, NNCompError
from nncomp.far import Found, Future, Past, Split
from nncomp.filters import deflate
from nncomp.options import DEFAULT_MEMORY_LIMIT, DEFAULT_REACH
from nncomp.plan import MAX_BACK, MAX_SOURCES, Copies, Plan, Stream, layout
from nncomp.plan.choose import LEAST_COPY

KIB = 1 << 10
NOISE = models.noise(40 * KIB)


def pack(content: bytes, reach: int | None = None, threads: int = 1) -> bytes:
    """In blocks of 4 KiB, without a network."""
    return compress(content, 1, model="none", block_size=4 * KIB, reach=reach, threads=threads)


def by_the_page(literals: bytes, copies: bytes, sources: Sequence[bytes]) -> bytes:
    """What docs/format.md says of copies, for what is well-formed."""
    src: Iterator[int] = iter(copies)
    content, position, expected = b"", 0, [0] * len(sources)
    while (gap := next(src, None)) is not None:
        src = itertools.chain([gap], src)
        gap, size, source, jump = (varint.read(src.__next__) for _ in range(4))
        content += literals[position : position + gap]
        position += gap
        start = expected[source] + (jump // 2 if jump % 2 == 0 else -(jump + 1) // 2)
        content += sources[source][start : start + size]
        expected[source] = start + size
    return content + literals[position:]


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Pieces of noise and text, again and again, changed here and there."""
    pieces = [NOISE, models.text(20 * KIB), bytes(5000), b"abc" * 3000]
    content = bytearray()
    for _ in range(draw(st.integers(0, 12))):
        piece = draw(st.sampled_from([*pieces, bytes(content)]))
        start = draw(st.integers(0, len(piece)))
        content += piece[start : start + draw(st.sampled_from([0, 1, 300, 3000, 12000]))]
        if content and draw(st.booleans()):
            content[draw(st.integers(0, len(content) - 1))] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("heads", "copied"),
    [
        ([], [(300, 6000), (7300, 2000)]),
        ([(0, 300)], [(300, 6000), (7300, 2000)]),
        ([(0, 301)], [(300, 6000), (7300, 2000)]),  # goes on behind it
        ([(6299, 6300)], [(300, 5999), (7300, 2000)]),
        ([(6300, 6400)], [(300, 6000), (7300, 2000)]),
        ([(300, 6300)], [(7300, 2000)]),
        ([(100, 200), (4000, 7000), (7300, 9299)], [(300, 3700), (7300, 2000)]),
        ([(200, 6300), (9000, 9500)], [(7300, 1700)]),
        ([(200, 6300), (7350, 9500)], None),
    ],
)
def test_no_copy_ends_in_a_head(
    heads: list[tuple[int, int]], copied: list[tuple[int, int]] | None
) -> None:
    past, new = models.noise(8000), models.noise(9700)[8000:]
    content = new[:300] + past[:6000] + new[300:1300] + past[6000:] + new[1300:]
    finder = _native.FarFinder(reach=1 << 20, least=256, share=32, sources=4, blocks=9)
    finder.add(past)
    found = finder.split(content, heads)
    if copied is None:
        assert found is None
        return
    assert found is not None
    fields = varint.Reader(found[2], "")
    end = 0
    sought = []
    while fields.left:
        gap, size, _, _ = (fields.number() for _ in range(4))
        sought.append((end + gap, size))
        end += gap + size
    assert sought == copied
    for bad in ([(5, 4)], [(0, 9), (8, 10)]):
        with pytest.raises(ValueError, match="out of order"):
            finder.split(content, bad)


@settings(max_examples=examples(50), deadline=None)
@given(contents(), st.sampled_from([50, 700, 4 * KIB]), st.sampled_from([100, 5000, 1 << 20]))
def test_what_is_found_is_put_back(content: bytes, size: int, reach: int) -> None:
    finder = _native.FarFinder(reach=reach, least=64, share=32, sources=4, blocks=6)
    future = Future(reach)
    held: list[bytes] = []
    for number, start in enumerate(range(0, len(content), size)):
        block = content[start : start + size]
        found = finder.split(block, [])
        literals = block
        if found is not None:
            literals, sources, copies = found
            assert sources == sorted(set(sources)) and 1 <= len(sources) <= 4
            assert 1 <= min(sources) and max(sources) <= 6
            assert len(literals) <= len(block) - len(block) // 32
            assert len(copies) < len(block)
            sought = [held[-back] for back in sources]
            assert sum(map(len, held[-sources[-1] :])) <= reach
            assert by_the_page(literals, copies, sought) == block
            split = Split(literals, Found(tuple(sources), copies))
            assert future.join(number, split, len(block)) == block
        finder.add(literals)
        future.add(number, literals)
        held.append(literals)


@settings(max_examples=examples(20), deadline=None)
@given(contents(), st.integers(1, 20_000), st.data())
def test_round_trips(content: bytes, piece: int, data: st.DataObject) -> None:
    packed = pack(content, threads=2)
    assert packed == pack(content)
    assert decompress(packed) == decompress(packed, threads=3) == content
    pieces = [content[i : i + piece] for i in range(0, len(content), piece)]
    compressor = NNCompressor(1, model="none", block_size=4 * KIB)
    assert b"".join(map(compressor.compress, pieces)) + compressor.flush() == packed
    decompressor = NNDecompressor()
    parts = [packed[i : i + piece] for i in range(0, len(packed), piece)]
    assert b"".join(map(decompressor.decompress, parts)) == content and decompressor.eof
    with NNCompFile(io.BytesIO(packed)) as file:
        for _ in range(5):
            start = data.draw(st.integers(0, len(content)))
            size = data.draw(st.sampled_from([1, 100, 9000]))
            file.seek(start)
            assert file.read(size) == content[start : start + size]


def test_copies_are_streams_of_the_block_too() -> None:
    """Literals whose streams leave a few bytes of the format's limits: the copies have to fit."""
    random = np.random.default_rng(3)
    numbers = np.tile(np.cumsum(random.integers(-40, 41, 750)).astype("<i2"), 300)
    numbers[random.integers(0, 700, 300) + 750 * np.arange(300)] += 1  # no two runs are alike

    def literals(size: int, padding: int) -> bytes:
        return NOISE[30 * KIB :][:padding] + zlib.compress(numbers.tobytes()[:size], 9)

    def left(size: int, padding: int) -> int:
        """What the limit leaves when numbers are taken apart in what was inflated."""
        content = literals(size, padding)
        split = deflate.split(content, None, 1 << 20)
        assert split is not None
        streams = [*split.streams, *split.streams[2:]]
        return len(content) + deflate.most_contents(len(content)) - sum(map(len, streams))

    size = next(size for size in range(404_000, 410_000, 2) if 0 <= left(size, 2000) % 128 < 6)
    padding = 2000 - left(size, 2000) // 128  # each byte of it is 128 that are left
    content = literals(size, padding)
    assert 0 <= left(size, padding) < 6

    def packed(content: bytes) -> bytes:
        return compress(content, 1, model="none", block_size=16 * KIB)

    assert "numbers" in next(iter(get_frame_info(packed(content)).blocks))
    content = NOISE[: 16 * KIB] + NOISE[1000:5000] + content
    assert any("far+deflate" in plan for plan in get_frame_info(packed(content)).blocks)
    assert decompress(packed(content)) == content


def test_copies_that_leave_fewer_literals_than_they_take() -> None:
    noise = models.noise(1 << 18)
    draw = random.Random(1)
    places = [draw.randrange(len(noise) - 500) for _ in range(520)]
    pieces = b"".join(noise[at : at + 500] for at in places)
    content = noise + b"aaaaabbbbb" + pieces[: len(noise) - 10]
    packed = compress(content, 1, block_size=1 << 18)
    assert decompress(packed) == content
    header, _, block, _ = read(io.BytesIO(packed), DEFAULT_MEMORY_LIMIT)
    assert isinstance(header, Header) and isinstance(block, Block)
    copies = layout.loads(block, header).copies
    assert copies is not None and 0 < 129 * copies.literals < copies.stream.size


def test_noise_twice_takes_as_much_as_once() -> None:
    once = pack(NOISE)
    twice = pack(NOISE + NOISE)
    assert len(twice) < len(once) + 500
    info = get_frame_info(twice)
    assert info.blocks == {"stored": 10, "far+stored": 10}
    assert (info.reach, info.sources) == (DEFAULT_REACH, 1)
    assert len(pack(NOISE + b"x" + NOISE)) < len(once) + 700
    thrice = pack(NOISE * 3)
    assert len(thrice) < len(once) + 900 and get_frame_info(thrice).sources == 1


def test_every_block_alone() -> None:
    packed = pack(NOISE * 2, reach=0)
    info = get_frame_info(packed)
    assert info.blocks == {"stored": 20} and (info.reach, info.sources) == (0, 0)
    assert decompress(packed) == NOISE * 2


def test_short_repeats_are_left_to_the_stage() -> None:
    for size, copied in ((LEAST_COPY - 1, False), (2 * LEAST_COPY, True)):
        past = Past(DEFAULT_REACH)
        assert past.split(NOISE[:8000]) is None
        split = past.split(NOISE[20_000:20_300] + NOISE[1000 : 1000 + size] + NOISE[:-300:-1])
        assert (split is not None) == copied


def test_runs_are_left_to_the_stage() -> None:
    for unit in (b"\0", b"ab", b"12345678"):
        content = unit * (20 * KIB // len(unit))
        assert get_frame_info(pack(NOISE[:100] + content)).sources == 0


def test_no_more_sources_than_a_block_may_have() -> None:
    blocks = [NOISE[i * 600 : i * 600 + 600] for i in range(30)]
    past = Past(DEFAULT_REACH)
    for block in blocks:
        assert past.split(block) is None
    split = past.split(b"".join(blocks))
    assert split is not None and len(split.found.sources) == MAX_SOURCES


def test_no_copies_from_too_many_blocks_back() -> None:
    for between, copied in ((MAX_BACK - 1, True), (MAX_BACK, False)):
        past = Past(DEFAULT_REACH)
        for block in (NOISE[:600], *[b"x"] * between):
            assert past.split(block) is None
        split = past.split(NOISE[:600])
        assert (split is not None and split.found.sources == (MAX_BACK,)) == copied


def test_frames_know_nothing_of_each_other() -> None:
    """What is appended, or concatenated, stays right."""
    one, two = pack(NOISE[:9000] * 2), pack(NOISE[:9000])
    assert decompress(one + two + one) == NOISE[:9000] * 5
    dst = io.BytesIO()
    for _ in range(2):
        with NNCompFile(dst, "a", level=1, model="none", block_size=4 * KIB) as file:
            file.write(NOISE[:9000] * 2)
    assert dst.getvalue() == one * 2
    dst.seek(0)
    with NNCompFile(dst) as file:
        for start in (30_000, 12_000, 35_999, 0):
            file.seek(start)
            assert file.read(500) == (NOISE[:9000] * 4)[start : start + 500]


def test_only_what_is_copied_from_is_read_besides() -> None:
    packed = pack(NOISE * 2)
    source = Counted(packed)
    with NNCompFile(source) as file:
        file.seek(60 * KIB)
        source.count = 0
        assert file.read(10) == NOISE[20 * KIB :][:10]
        assert 4 * KIB < source.count < 10 * KIB


def test_memory_is_refused_before_it_is_taken() -> None:
    packed = pack(NOISE * 2)
    need = get_frame_info(packed).memory_needed
    assert need is not None and need > len(NOISE)
    assert decompress(packed, memory_limit=need) == NOISE * 2
    with pytest.raises(MemoryLimitError):
        decompress(packed, memory_limit=need - 1)


# ---- harm ----


@given(st.binary(max_size=40), st.binary(max_size=20), st.lists(st.binary(max_size=30)))
def test_joining_anything_gives_content_or_one_error(
    literals: bytes, copies: bytes, sources: list[bytes]
) -> None:
    for size in (0, len(literals), len(literals) + 5):
        try:
            content = _native.far_join(literals, copies, sources, size)
        except FormatError:
            continue
        assert content == by_the_page(literals, copies, sources)


@pytest.mark.parametrize(
    ("copies", "size"),
    [
        ("00 05 00 00", 9),  # too little
        ("00 05 00 00", 6),  # too much
        ("04 05 00 00", 8),  # more literals than there are
        ("00 00 00 00", 3),  # nothing
        ("00 05 01 00", 8),  # no such source
        ("00 05 00 0C", 8),  # beyond its end
        ("00 05 00 01", 8),  # before its beginning
        ("00 05 00 FE FF FF FF FF FF FF FF 7F", 8),
        ("00 05 00", 8),  # cut
        ("80 00 05 00 00", 8),  # not the shortest form
        ("00 85 80 80 80 80 80 80 80 80 01 00 00", 8),  # too long
    ],
)
def test_copies_that_are_refused(copies: str, size: int) -> None:
    assert _native.far_join(b"abc", bytes.fromhex("01 05 00 02"), [b"0123456789"], 8) == b"a12345bc"
    with pytest.raises(FormatError):
        _native.far_join(b"abc", bytes.fromhex(copies), [b"0123456789"], size)


HEADER = Header(4 * KIB, 1, 1, reach=REACHES[1])


def stored(content: bytes) -> Block:
    plan = Plan((Stream(len(content), (content,)),))
    return layout.dumps(plan, len(content), zlib.crc32(content))


def copied(content: bytes, *sources: int) -> Block:
    """A block that is nothing but the beginning of its first source."""
    copies = b"\0" + varint.dumps(len(content)) + b"\0\0"
    plan = Plan((Stream(0, (b"",)),), copies=Copies(sources, 0, Stream(len(copies), (copies,))))
    return layout.dumps(plan, len(content), zlib.crc32(content))


def written(*blocks: Block, header: Header = HEADER) -> bytes:
    dst = io.BytesIO()
    writer = FrameWriter(dst, header)
    for block in blocks:
        writer.write(block)
    writer.end()
    return dst.getvalue()


@pytest.mark.parametrize(
    ("blocks", "header", "number"),
    [
        ([copied(b"abcdef", 1)], HEADER, 0),  # from before the frame
        ([stored(b"abcdef"), copied(b"abcdef", 2)], HEADER, 1),
        ([stored(b"abcdef"), copied(b"abcdef", 1 << 60)], HEADER, 1),
        ([stored(b"abcdef"), copied(b"abcdef", 1), copied(b"abcdef", 1)], HEADER, 2),  # no literals
        ([stored(b"abcdef"), copied(b"abcdex", 1)], HEADER, 1),  # another content
        ([stored(b"abcdef"), copied(b"abcdef", 1)], dataclasses.replace(HEADER, reach=0), 1),
    ],
)
def test_blocks_that_are_refused(blocks: list[Block], header: Header, number: int) -> None:
    assert decompress(written(stored(b"abcdef"), copied(b"abcdef", 1))) == b"abcdef" * 2
    data = written(*blocks, header=header)
    for file in (data, written(stored(b"abcdef" * 9)) + data):
        with pytest.raises(NNCompError):
            decompress(file)
        with pytest.raises(NNCompError), NNCompFile(io.BytesIO(file)) as reader:
            reader.seek(-1, io.SEEK_END)
            reader.read(1)


def test_what_is_beyond_the_reach_is_refused() -> None:
    future = Future(10)
    for number, literals in enumerate((b"abc", b"defgh", b"ij", b"")):
        future.add(number, literals)
    split = Split(b"", Found((4,), bytes.fromhex("00 03 00 00")))
    assert future.join(4, split, 3) == b"abc"
    future.add(4, b"k")
    with pytest.raises(FormatError, match="beyond the reach"):
        future.join(4, split, 3)


def test_what_is_too_many_blocks_back_is_refused() -> None:
    """In files of some 16,000 blocks, of which one copies from the first."""
    between = [stored(b"x")] * (MAX_BACK - 1)
    for more, good in (([], True), ([stored(b"y")], False)):
        blocks = [stored(b"abcdef"), *between, *more, copied(b"abcdef", MAX_BACK + len(more))]
        data = written(*blocks, stored(b"z"))
        with NNCompFile(io.BytesIO(data)) as file:
            file.seek(-7, io.SEEK_END)
            if good:
                assert decompress(data)[-7:] == file.read(7) == b"abcdefz"
                continue
            with pytest.raises(FormatError, match="too many blocks back"):
                file.read(7)
        with pytest.raises(FormatError, match="too many blocks back"):
            decompress(data)


def test_blocks_that_are_held_take_no_memory() -> None:
    """Neither are there more of them, nor do those count that hold nothing."""

    def hold() -> None:
        future = Future(DEFAULT_REACH)
        for number in range(10 * MAX_BACK):
            future.add(number, bytes(number % 3))

    assert peak_of(hold) < 4 << 20


def test_truncations_and_flips_are_noticed() -> None:
    packed = pack(models.text(6000) * 2)
    assert get_frame_info(packed).sources == 2
    for size in range(0, len(packed), 7):
        with pytest.raises(NNCompError):
            decompress(packed[:size])
    draw = random.Random(1)
    for _ in range(100):
        bad = bytearray(packed)
        bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
        with pytest.raises(NNCompError):
            decompress(bytes(bad))


# ---- the command ----


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "twice"
    file.write_bytes(NOISE * 2)
    options = ["-1c", "--model", "none", "--block-size", "4KiB"]
    packed = commandline.run(*options, file).stdout
    assert packed == pack(NOISE * 2) == commandline.run(*options, input=NOISE * 2).stdout
    assert commandline.run("-dc", input=packed).stdout == NOISE * 2
    alone = commandline.run(*options, "--no-long", file).stdout
    assert alone == pack(NOISE * 2, reach=0)
    far = commandline.run(*options, "--long", "512MiB", file).stdout
    assert get_frame_info(far).reach == REACHES[2] and len(far) == len(packed)
    result = commandline.run(*options, "--long", "63MiB", file, status=2)
    assert b"64MiB, 512MiB or 2GiB" in result.stderr
    (tmp_path / "twice.nnc").write_bytes(packed)
    text = commandline.run("info", "-v", tmp_path / "twice.nnc").stdout
    assert b"10 far+stored" in text and b"copies from up to 1 earlier block" in text
    bad = tmp_path / "bad.nnc"
    bad.write_bytes(written(stored(b"abcdef"), copied(b"abcdef", 2)))
    result = commandline.run("-dk", bad, status=1)
    assert len(commandline.errors(result)) == 1
    assert not (tmp_path / "bad").exists()


def test_defaults() -> None:
    assert DEFAULT_REACH == REACHES[1] < DEFAULT_MEMORY_LIMIT
    assert container.MAX_BLOCK_SIZE <= REACHES[1]  # a block is always within it
    for reach in (1, 1 << 25, -1):
        with pytest.raises(ValueError, match="reach"):
            compress(b"", reach=reach)
