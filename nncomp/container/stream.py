"""Frames as streams: written and read front to back, without seeking."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from nncomp import rawio, varint
from nncomp.container import records
from nncomp.container.records import Scanner
from nncomp.container.values import (
    MAX_BLOCKS,
    Block,
    End,
    Header,
    Item,
    ModelRef,
)
from nncomp.errors import FormatError, NNCompError
from nncomp.rawio import Readable, Writable

__all__ = [
    "BlockIndex",
    "FrameReader",
    "FrameWriter",
    "is_end",
    "read",
    "record_size",
    "small_frame",
]

WRONG_INDEX = "damaged: the index does not match the blocks"


def record_size(block: Block, model: ModelRef | None = None) -> int:
    """Bytes that ``block`` takes in a file; with ``model`` as the first network block does."""
    head = records.block_head(block, model)
    return len(head) + len(block.payload) + 4


def small_frame(header: Header, block: Block, model: ModelRef | None = None) -> bytes | None:
    """All of the frame that has nothing but this block, which comes with the model if it is a
    network block, in its short form. None where it has no such form: its content is not small, or
    in several lanes, or the model is in full."""
    frame = records.small_frame(header, block, model)
    if frame is None:
        return None
    return frame + zlib.crc32(frame, block.content_checksum).to_bytes(4, "little")


class FrameWriter:
    """Writes one frame: the header at once, each block as it comes, the index in ``end``."""

    def __init__(self, dst: Writable, header: Header) -> None:
        self.header = header
        self._dst = dst
        self._crc = 0
        self._index = BlockIndex(header)
        self._write(records.frame_head(header))

    @property
    def has_network(self) -> bool:
        """Whether a network block, and so the model, is written already."""
        return self._index.has_network

    def write(self, block: Block, model: ModelRef | None = None) -> None:
        """Append a block; the first network block, and no other, comes with the model.

        Raises ``ValueError`` for what the format does not allow, ``NNCompError`` for more blocks
        than a frame has.
        """
        problem = records.block_problem(self.header, block)
        if problem:
            raise ValueError(problem)
        if self._index.count >= MAX_BLOCKS:
            raise NNCompError("too many blocks for a frame: use a larger block size")
        if (model is not None) != (block.network and not self.has_network):
            raise ValueError("the first network block, and no other, carries a model")
        self._write(records.block_head(block, model))
        self._write(block.payload)
        self._write_check()
        self._index.add(block, record_size(block, model))

    def end(self) -> End:
        """Write index and footer. The writer is used up."""
        self._write(self._index.end_record())
        self._write_check()
        return self._index.end()

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        rawio.write_all(self._dst, data)

    def _write_check(self) -> None:
        check = self._crc.to_bytes(4, "little")
        rawio.write_all(self._dst, check)
        self._crc = zlib.crc32(check)  # the next check covers this one


class FrameReader:
    """Iterates over one frame of ``src``: Header, {Block}, End; a ModelRef before the first network
    block. Nothing where ``src`` is at its end and the frame is not the ``first``.

    A record is handed out after its check. Holds one record at a time, less than twice
    ``block_size`` plus an embedded model. Raises ``FormatError``, ``ChecksumError``, and
    ``MemoryLimitError`` before it would have to hold more than ``memory_limit`` bytes.

    Where ``src.read`` raises, nothing is lost: the step can be repeated, with ``src`` back where
    the step began.
    """

    def __init__(self, src: Readable, memory_limit: int, *, first: bool = True) -> None:
        self.header: Header | None = None
        self.finished = False
        self._src = src
        self._limit = memory_limit
        self._first = first
        self._crc = 0
        self._index: BlockIndex | None = None  # once there is a header
        self._found: list[Item] = []  # in the record that was read last

    def __iter__(self) -> FrameReader:
        return self

    def __next__(self) -> Item:
        if not self._found and not self.finished:
            scanner = Scanner(self._src, self._crc)
            self._found = self._read_head(scanner) if self.header is None else self._read(scanner)
            self._crc = scanner.crc
        if not self._found:
            raise StopIteration
        return self._found.pop(0)

    def _read_head(self, scanner: Scanner) -> list[Item]:
        header = records.read_frame_head(scanner, first=self._first)
        if header is None:
            self.finished = True
            return []
        records.check_block_size(header, self._limit)
        if header.small:
            block, model = records.read_small_block(scanner, header)
            self.header, self.finished = header, True
            end = End(block.size, scanner.position)
            return [header, block, end] if model is None else [header, model, block, end]
        self.header, self._index = header, BlockIndex(header)
        return [header]

    def _read(self, scanner: Scanner) -> list[Item]:
        """The next record."""
        assert self.header is not None and self._index is not None
        kind = scanner.byte()
        if kind == records.end_of(self.header):
            _read_end(scanner, self._index)
            self.finished = True
            return [self._index.end()]
        block, model = records.read_block(
            scanner, kind, self.header, self._index.has_network, self._limit
        )
        scanner.check()
        if self._index.count >= MAX_BLOCKS:
            raise FormatError("too many blocks in a frame")
        self._index.add(block, scanner.position)
        return [block] if model is None else [model, block]


def is_end(record: bytes | bytearray) -> bool:
    """Whether what begins a record of a frame, if there is any of it, begins its last one."""
    return record[:1] in (bytes([records.END]), bytes([records.PRIMED_END]))


def read(src: Readable, memory_limit: int) -> Iterator[Item]:
    """Walk the frames of ``src`` to its end; each gives what ``FrameReader`` gives."""
    frame = FrameReader(src, memory_limit)
    yield from frame
    while frame.header is not None:
        frame = FrameReader(src, memory_limit, first=False)
        yield from frame


class BlockIndex:
    """The blocks of a frame so far, as their encoded index entries.

    A reader builds the end record that it expects and compares bytes: nothing to parse, nothing
    that could disagree unnoticed, a few bytes of memory a block.
    """

    def __init__(self, header: Header) -> None:
        self.count = 0
        self.has_network = False
        self._type = records.end_of(header)
        self._content_size = 0
        self._stored_size = records.head_size(bool(header.prime))
        self._entries = bytearray()

    def add(self, block: Block, stored_size: int) -> None:
        self.count += 1
        self.has_network |= block.network
        self._content_size += block.size
        self._stored_size += stored_size
        self._entries += varint.dumps(stored_size) + varint.dumps(block.size)

    def end_record(self) -> bytes:
        """The end record but for its check."""
        body = bytes([self._type]) + varint.dumps(self.count) + bytes(self._entries)
        return body + records.footer(len(body))

    def end(self) -> End:
        return End(self._content_size, self._stored_size + len(self.end_record()) + 4)


def _read_end(scanner: Scanner, index: BlockIndex) -> None:
    """The rest of the end record, whose every byte is known beforehand."""
    expected = index.end_record()[1:]
    found = scanner.take(len(expected))
    if found != expected:
        # A wrong number may make the record longer or shorter: then its check is elsewhere, and
        # damage and disagreement cannot be told apart.
        raise FormatError(WRONG_INDEX)
    scanner.check()
