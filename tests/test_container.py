"""docs/format.md without plans: bytes pinned, rules of section 9, every truncation and bit flip."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import pytest

from conftest import peak_of
from nncomp import container, rawio, varint
from nncomp.container import Block, End, FrameIndex, FrameWriter, Header, ModelRef
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, NNCompError
from nncomp.mixing import Profile

HEADER = Header(1 << 10, 4, 1)
MODEL = ModelRef(bytes(range(16)), "tiny-1")
LIMIT = 1 << 20


def stored(content: bytes) -> Block:
    return Block(len(content), False, b"\0\0", content, zlib.crc32(content))


def mix(size: int, payload: bytes, plan: bytes = b"\0\x10\0") -> Block:
    return Block(size, False, plan, payload, 0x01020304)


def network(size: int, payload: bytes, plan: bytes = b"\0\x20\0") -> Block:
    return Block(size, True, plan, payload, 0x01020304)


def frame(*blocks: Block, model: ModelRef = MODEL, header: Header = HEADER) -> bytes:
    dst = io.BytesIO()
    writer = FrameWriter(dst, header)
    for block in blocks:
        first = block.network and not writer.has_network
        writer.write(block, model if first else None)
    end = writer.end()
    assert end.stored_size == len(dst.getvalue())
    assert end.content_size == sum(block.size for block in blocks)
    return dst.getvalue()


def items(data: bytes, limit: int = LIMIT) -> list[Header | ModelRef | Block | End]:
    return list(container.read(io.BytesIO(data), limit))


def reseal(*records: bytes) -> bytes:
    """Records with right checks: a forger knows how to compute a CRC."""
    out = b""
    previous = b""
    for record in records:
        check = zlib.crc32(previous + record).to_bytes(4, "little")
        out += record + check
        previous = check
    return out


MIXED = [
    stored(b"hello"),
    network(800, b"abcdefg" * 9, b"any plan"),
    mix(1024, b"xy", b"1"),
    network(256, b"z"),
    mix(1000, b"", b"of a filter" * 20),
]


# ---- bytes ----


def test_empty_frame_bytes() -> None:
    assert frame() == reseal(bytes.fromhex("894E4E430D0A 1A 21 40 00 00 04"))
    assert len(frame()) == 16


def test_network_frame_bytes() -> None:
    head = bytes.fromhex("894E4E430D0A 1A 21 40")
    block = (
        bytes.fromhex("02 AC02 05")
        + b"tiny-1"
        + MODEL.id
        + bytes.fromhex("03 002000 03 04030201")
        + b"abc"
    )
    entry = bytes([len(block) + 4]) + bytes.fromhex("AC02")
    end = b"\0\1" + entry + bytes([2 * (2 + len(entry))])
    assert frame(network(300, b"abc")) == reseal(head + block, end)


def test_mixed_frame_bytes() -> None:
    head = bytes.fromhex("894E4E430D0A 1A 11 40")
    first = bytes.fromhex("01 AC02 03 001000 03 04030201") + b"abc"
    second = (
        bytes.fromhex("02 AC02 05")
        + b"tiny-1"
        + MODEL.id
        + bytes.fromhex("04 706C616E 03 04030201")
        + b"def"
    )
    third = bytes.fromhex("01 AC02 01 31 00 04030201")
    entries = b"".join(bytes([len(r) + 4]) + bytes.fromhex("AC02") for r in (first, second, third))
    end = b"\0\3" + entries + bytes([2 * (2 + len(entries))])
    blocks = [mix(300, b"abc"), network(300, b"def", b"plan"), mix(300, b"", b"1")]
    header = Header(1 << 10, 4, 1, Profile.LEAN)
    assert frame(*blocks, header=header) == reseal(head + first, second, third, end)


def test_overhead_of_small_files() -> None:
    """As in section 10."""
    header = Header(1 << 22, 8, 1)
    for block, overhead in (
        (stored(bytes(1000)), 13),
        (mix(1000, bytes(300)), 15),
        (network(1000, bytes(300)), 19),
        (mix(1000, bytes(300), b"\0\x11\x0d"), 20),
    ):
        small = container.small_frame(header, block, MODEL if block.network else None)
        assert small is not None and len(small) - len(block.payload) == overhead
        found = items(small)
        assert isinstance(read := found[-2], Block)
        assert (read.plan, read.payload, read.network) == (block.plan, block.payload, block.network)
        if block.network:
            assert found[1] == ModelRef(MODEL.id[:4], "")
        (index,) = container.read_index(io.BytesIO(small), LIMIT)
        assert index.small and index.stored_size == len(small)


def test_what_no_small_frame_holds() -> None:
    block = network(1000, bytes(300))
    assert container.small_frame(Header(1 << 12, 8, 1), block, MODEL) is None  # several lanes
    embedded = ModelRef(MODEL.id, MODEL.name, b"model")
    assert container.small_frame(Header(1 << 22, 8, 1), block, embedded) is None
    for size, is_small in ((1 << 16, True), ((1 << 16) + 1, False)):
        found = container.small_frame(Header(1 << 22, 8, 1), mix(size, bytes(300)), None)
        assert (found is not None) == is_small


def test_index_leads_to_every_block() -> None:
    frames = [frame(), frame(*MIXED), frame(stored(b"x")), frame()]
    data = b"".join(frames)
    found = container.read_index(io.BytesIO(data), LIMIT)
    assert [f.stored_size for f in found] == [len(f) for f in frames]
    assert [f.offset for f in found] == [0, 16, 16 + len(frames[1]), len(data) - 16]
    blocks = [block for item in items(data) if isinstance(block := item, Block)]
    entries = [entry for f in found for entry in f.entries]
    assert [entry.content_size for entry in entries] == [block.size for block in blocks]
    for entry, block in zip(entries, blocks, strict=True):
        assert data[entry.offset] == 1 + block.network
        record = data[entry.offset : entry.offset + entry.stored_size]
        assert record[: -4 - len(block.payload)].endswith(
            block.content_checksum.to_bytes(4, "little")
        )
        assert record[-4 - len(block.payload) : -4] == block.payload


def test_index_damage_is_an_error() -> None:
    data = frame(*MIXED)
    start = data.rindex(b"\0\5")
    for position in [*range(6), *range(start, len(data))]:
        for bit in range(8):
            bad = bytearray(data)
            bad[position] ^= 1 << bit
            with pytest.raises((FormatError, MemoryLimitError)):
                container.read_index(io.BytesIO(bytes(bad)), LIMIT)
    for size in range(len(data)):
        with pytest.raises((FormatError, MemoryLimitError)):
            container.read_index(io.BytesIO(data[:size]), LIMIT)
    with pytest.raises(MemoryLimitError):
        container.read_index(io.BytesIO(data), 1000)


def test_index_within_the_memory_limit() -> None:
    """Frames take room as blocks do, small ones too: from the end and from the front."""
    small = container.small_frame(HEADER, stored(b"x"), None)
    assert small is not None
    for one, rooms in ((small, 2), (frame(), 1), (frame(stored(b"x")), 2)):
        limit = 1000 * rooms * container.ENTRY_COST
        data = one * 1000
        places = [i * len(one) for i in range(1000)]
        assert [f.offset for f in container.read_index(io.BytesIO(data), limit)] == places
        assert [f.offset for f in container.walk(io.BytesIO(data), limit)[0]] == places
        for read in (container.read_index, container.walk):
            with pytest.raises(MemoryLimitError, match="index needs more"):
                read(io.BytesIO(data + one), limit)


def blocks_from(file: io.BytesIO, found: FrameIndex, first: int) -> Iterator[object]:
    """The items from block number ``first`` on, of which none copies from another."""
    return container.read_blocks(file, found, first, LIMIT, lambda block: (), len(found.entries))


def test_blocks_can_be_read_from_any_on() -> None:
    """What ``read`` gives, from a block on; the model first where an earlier block has it."""
    data = frame() + frame(*MIXED) + frame(*MIXED)
    file = io.BytesIO(data)
    empty, *both = container.read_index(file, LIMIT)
    assert list(blocks_from(file, empty, 0)) == [HEADER]
    for found in both:
        for first in range(len(MIXED) + 1):
            rest = list(MIXED[first:])
            model = next((i for i, b in enumerate(rest) if b.network), None)
            expected = rest if model is None else [*rest[:model], MODEL, *rest[model:]]
            assert list(blocks_from(file, found, first)) == [HEADER, *expected]


def test_damage_of_single_blocks_is_an_error() -> None:
    data = frame(*MIXED)
    found = container.read_index(io.BytesIO(data), LIMIT)[0]
    for number, entry in enumerate(found.entries):
        covered = range(entry.offset - 4 if number else 0, entry.offset + entry.stored_size)
        for position in covered:
            bad = bytearray(data)
            bad[position] ^= 4
            with pytest.raises((FormatError, MemoryLimitError)):
                blocks = blocks_from(io.BytesIO(bad), found, number)
                while not isinstance(next(blocks), Block):
                    pass


def test_a_frame_can_be_read_as_it_arrives() -> None:
    """A step that fails for want of input is repeated from the beginning of its record."""

    class Later(Exception):
        pass

    class Arriving(io.BytesIO):
        there = 0

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() + (size or 0) > self.there:
                raise Later
            return super().read(size)

    data = frame(*MIXED)
    src = Arriving(data)
    reader = container.FrameReader(src, LIMIT)
    found = []
    while not reader.finished:
        begin = src.tell()
        try:
            found.append(next(reader))
        except Later:
            src.seek(begin)
            src.there += 1
    assert found == items(data) and src.there == len(data)


# ---- round trip ----


def test_a_reader_holds_no_index() -> None:
    data = frame(*[stored(b"x")] * 20_000)
    assert len(data) > 20_000 * 10
    src = io.BytesIO(data)

    def count() -> None:
        assert sum(isinstance(item, Block) for item in container.read(src, LIMIT)) == 20_000

    assert peak_of(count) < 32 << 10  # its entries are 40 KB


def test_read_gives_what_was_written() -> None:
    data = frame(*MIXED)
    expected = [
        HEADER,
        MIXED[0],
        MODEL,
        *MIXED[1:],
        End(sum(block.size for block in MIXED), len(data)),
    ]
    assert items(data) == expected
    assert items(data + data) == expected * 2


def test_embedded_model_travels() -> None:
    model = ModelRef(MODEL.id, "n" * 64, b"weights" * 100)
    assert items(frame(network(300, b"abc"), model=model))[1] == model


@pytest.mark.parametrize("size", [1, 2, 100])
def test_short_reads_and_writes_do_not_matter(size: int) -> None:
    class Dribble(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(min(count or 0, size))

        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            return super().write(bytes(data[:size]))

    data = frame(*MIXED)
    assert list(container.read(Dribble(data), LIMIT)) == items(data)
    dst = Dribble()
    rawio.write_all(dst, data)
    assert dst.getvalue() == data


@pytest.mark.parametrize("log2_lanes", range(8))
def test_lanes_are_1_to_full_and_never_empty(log2_lanes: int) -> None:
    header = Header(1 << 10, 1 << log2_lanes, 1)
    counts = [header.lanes_of(n) for n in range(1, 1025)]
    assert counts[0] == 1 and counts[-1] == 1 << log2_lanes
    assert counts == sorted(counts)
    full = 1024 >> log2_lanes
    for n, count in enumerate(counts, 1):
        assert count <= n
        assert count in (1, 2, 4, 8, 16, 32, 64, 128)
        assert (3 * full * count <= 4 * n or count == 1) and 4 * n < 6 * full * count
    assert header.lanes_of(1 << 28) == 128  # a filter may make streams larger than the block


# ---- damage ----


def test_every_truncation_is_an_error() -> None:
    data = frame(*MIXED) + frame(stored(b"x"))
    boundary = len(frame(*MIXED))
    for size in range(len(data)):
        if size == boundary:  # the one exception: a shorter concatenation
            assert items(data[:size]) == items(data)[: len(items(data[:size]))]
            continue
        with pytest.raises(FormatError, match=r"end-of-stream marker|it is empty"):
            items(data[:size])


def test_every_bit_flip_is_an_error() -> None:
    data = frame(*MIXED) + frame() + frame(stored(b"x"))
    for i in range(len(data)):
        for bit in range(8):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            with pytest.raises((FormatError, MemoryLimitError)):
                items(bytes(bad))


def test_every_inserted_or_deleted_byte_is_an_error() -> None:
    data = frame(*MIXED)
    for i in range(len(data)):
        with pytest.raises((FormatError, MemoryLimitError)):
            items(data[:i] + data[i + 1 :])
    for i in range(len(data) + 1):
        for byte in (b"\0", b"\1", b"\xff"):
            with pytest.raises((FormatError, MemoryLimitError)):
                items(data[:i] + byte + data[i:])


def test_moved_doubled_and_dropped_blocks_are_errors() -> None:
    blocks = [stored(bytes([i]) * 9) for i in range(3)]
    data = frame(*blocks)
    size = container.record_size(blocks[0], None)
    a, b, c = (data[9 + i * size : 9 + (i + 1) * size] for i in range(3))
    rest = data[9 + 3 * size :]
    assert data[:9] + a + b + c + rest == data
    for order in [b + a + c, a + c + b, a + a + b, a + b, a + b + b + c]:
        with pytest.raises(FormatError, match="damaged"):
            items(data[:9] + order + rest)


# ---- rules of section 9, by number; checks are right throughout; plans: test_plan.py ----

HEAD = bytes.fromhex("894E4E430D0A 1A 21 40")
CRC = bytes.fromhex("04030201")
END_0 = bytes.fromhex("00 00 02")
DESCRIPTION = b"\5tiny-1" + MODEL.id


def end_of(*blocks: tuple[bytes, int]) -> bytes:
    """The end record of blocks (record without check, content size)."""
    body = bytes([0, len(blocks)])
    for record, size in blocks:
        body += varint.dumps(len(record) + 4) + varint.dumps(size)
    return body + varint.dumps(2 * len(body))[::-1]


def test_reseal_makes_valid_files() -> None:
    block = b"\1\3\2\0\0\3" + CRC + b"abc"
    items(reseal(HEAD + block, end_of((block, 3))))


def test_rule_1_no_magic() -> None:
    for data in (b"", b"hello world", b"\x1f\x8b\x08\0", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(FormatError, match=r"not an \.nnc file"):
            items(data)
    with pytest.raises(FormatError, match="copied as text"):
        items(frame().replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(
    ("rule", "head", "message"),
    [
        (2, "894E4E430D0A 00 01 40", "version 0 is not supported"),
        (2, "894E4E430D0A 01 01 40", "version 1 is not supported"),
        (2, "894E4E430D0A 02 01 40", "version 2 is not supported"),
        (2, "894E4E430D0A 03 01 40", "version 3 is not supported"),
        (2, "894E4E430D0A 04 01 40", "version 4 is not supported"),
        (2, "894E4E430D0A 06 21 40", "version 6 is not supported"),
        (2, "894E4E430D0A 07 21 40", "version 7 is not supported"),
        (2, "894E4E430D0A 09 21 40", "version 9 is not supported"),
        (2, "894E4E430D0A 0D 21 40", "version 13 is not supported"),
        (2, "894E4E430D0A 1B 21 40", "version 27 is not supported"),
        (2, "894E4E430D0A 9B 21 40", "version 27 is not supported"),
        (3, "894E4E430D0A 1A 20 40", "arithmetic version"),
        (3, "894E4E430D0A 1A 01 40", "mixing profile 0 is not supported"),
        (3, "894E4E430D0A 1A 41 40", "mixing profile 0 is not supported"),
        (3, "894E4E430D0A 1A C1 40", "mixing profile 0 is not supported"),
        (4, "894E4E430D0A 1A 21 11", "block size"),
        (4, "894E4E430D0A 1A 21 FF", "block size"),
    ],
)
def test_rules_2_to_4_head(rule: int, head: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        items(reseal(bytes.fromhex(head) + END_0))


def test_rule_5_trailing_bytes() -> None:
    for junk in (b"\0", b"\n", b"hello", b"\0" * 512, frame()[1:]):
        with pytest.raises(FormatError, match="trailing bytes"):
            items(frame() + junk)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        # 6: numbers
        (b"\1\x83\0\2\0\0\3" + CRC + b"abc", "shortest form"),
        (b"\1\3\x82\0\0\0\3" + CRC + b"abc", "shortest form"),
        (b"\1\3\2\0\0\x83\0" + CRC + b"abc", "shortest form"),
        (b"\1" + b"\x80" * 9 + b"\1" + CRC, "too long"),
        # 7: types and reserved bits
        (b"\3\3\2\0\0\3" + CRC + b"abc", "type 3 is not supported"),
        (b"\x81\3\2\0\0\3" + CRC + b"abc", "type 129 is not supported"),
        (b"\2\x20\x45tiny-1" + MODEL.id + b"\1\0\1" + CRC + b"a", "reserved bit"),
        # 8: sizes
        (b"\1\0\2\0\0\0" + CRC, "size is out of range"),
        (b"\1\x81\x08\2\0\0\1" + CRC + bytes(1025), "size is out of range"),
        (b"\1\3\0\3" + CRC + b"abc", "plan's size is out of range"),
        (b"\1\3\x81\x80\4" + bytes(65537) + b"\3" + CRC + b"abc", "plan's size is out of range"),
        (b"\1\3\2\0\0\4" + CRC + b"abcd", "larger than its content"),
        # 9: model
        (b"\2\x20\5TINY-1" + MODEL.id + b"\1\0\1" + CRC + b"a", "name is malformed"),
        (b"\2\x20\5tiny\n1" + MODEL.id + b"\1\0\1" + CRC + b"a", "name is malformed"),
        (b"\2\x20\x85tiny-1" + MODEL.id + b"\0\1\0\1" + CRC + b"a", "model's size is out of range"),
    ],
)
def test_rules_6_to_9_block(record: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        items(reseal(HEAD + record, END_0))


def test_rule_9_model_in_a_second_network_block() -> None:
    record = b"\2\x20" + DESCRIPTION + b"\3\0\x20\0\1" + CRC + b"a"
    with pytest.raises(FormatError):
        items(reseal(HEAD + record, record, end_of((record, 32), (record, 32))))


def test_rule_9_no_model_in_the_first_network_block() -> None:
    record = b"\2\x20\3\0\x20\0\1" + CRC + b"a"
    with pytest.raises(FormatError):
        items(reseal(HEAD + record, end_of((record, 32))))


def test_rule_9_another_block_has_no_model() -> None:
    record = b"\1\x20" + DESCRIPTION + b"\3\0\x10\0\1" + CRC + b"a"
    with pytest.raises(FormatError):
        items(reseal(HEAD + record, end_of((record, 32))))


def test_rule_13_and_18_checks() -> None:
    data = frame(stored(b"abc"))
    for position in (9 + 13, len(data) - 1):
        bad = bytearray(data)
        bad[position] ^= 1
        with pytest.raises(ChecksumError):
            items(bytes(bad))


def test_rule_16_number_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = frame(stored(b"a"), stored(b"b"), stored(b"c"))
    monkeypatch.setattr("nncomp.container.stream.MAX_BLOCKS", 2)
    with pytest.raises(FormatError, match="too many blocks"):
        items(data)
    with pytest.raises(NNCompError, match="too many blocks") as caught:
        frame(stored(b"a"), stored(b"b"), stored(b"c"))
    assert type(caught.value) is NNCompError  # nothing that was read is wrong


def test_rule_17_index() -> None:
    block = b"\1\3\2\0\0\3" + CRC + b"abc"
    good = end_of((block, 3))
    assert items(reseal(HEAD + block, good))
    wrong = [
        END_0,
        end_of((block, 4)),
        end_of((block + b"x", 3)),
        end_of((block, 3), (block, 3)),
        good[:-1] + b"\5",
        good[:-1] + b"\3",
        good[:1] + b"\x81\0" + good[2:],
        good + b"\0",
    ]
    for end in wrong:
        with pytest.raises(FormatError):
            items(reseal(HEAD + block, end))


def test_rule_19_memory() -> None:
    big = frame(header=Header(1 << 26, 128, 1))
    with pytest.raises(MemoryLimitError):
        items(big, 1 << 26)
    assert items(big, 1 << 27)
    # The size of an embedded model is believed only as far as there is room; no byte of it follows.
    record = b"\2\x20\x85tiny-1" + MODEL.id + varint.dumps(1 << 25)
    with pytest.raises(MemoryLimitError):
        items(HEAD + record, 1 << 20)


# ---- the writer keeps the rules, too ----


@pytest.mark.parametrize(
    "block",
    [
        stored(b""),
        stored(bytes(1025)),
        Block(3, False, b"", b"abc", 0),
        Block(3, False, bytes(65537), b"abc", 0),
        Block(3, False, b"\0\0", b"abcd", 0),
        network(3, b"abcd"),
    ],
)
def test_writer_refuses_what_a_reader_would_reject(block: Block) -> None:
    writer = FrameWriter(io.BytesIO(), HEADER)
    with pytest.raises(ValueError):
        writer.write(block, MODEL if block.network else None)


def test_writer_wants_the_model_exactly_once() -> None:
    writer = FrameWriter(io.BytesIO(), HEADER)
    with pytest.raises(ValueError):
        writer.write(network(100, b"x"))
    with pytest.raises(ValueError):
        writer.write(stored(b"x"), MODEL)
    with pytest.raises(ValueError):
        writer.write(mix(100, b"x"), MODEL)
    writer.write(network(100, b"x"), MODEL)
    with pytest.raises(ValueError):
        writer.write(network(100, b"x"), MODEL)


@pytest.mark.parametrize(
    "model",
    [
        ModelRef(bytes(15), "tiny-1"),
        ModelRef(bytes(16), ""),
        ModelRef(bytes(16), "Tiny"),
        ModelRef(bytes(16), "x" * 65),
        ModelRef(bytes(16), "tiny-1", b""),
    ],
)
def test_writer_refuses_a_malformed_model(model: ModelRef) -> None:
    with pytest.raises(ValueError):
        frame(network(100, b"x"), model=model)


@pytest.mark.parametrize(
    "values",
    [
        (512, 1, 1),
        (1 << 27, 1, 1),
        (3000, 1, 1),
        (1024, 0, 1),
        (1024, 3, 1),
        (1024, 256, 1),
        (1024, 1, 0),
        (1024, 1, 16),
        (1024, 1, 1, 0),
        (1024, 1, 1, 4),
        (1024, 1, 1, -1),
    ],
)
def test_header_limits(values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        Header(*values)
