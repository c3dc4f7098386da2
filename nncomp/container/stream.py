"""Writes and reads frames front to back, without seeking."""

from __future__ import annotations

import hashlib
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
_CHECK_SIZE = 4  # bytes of a checksum
_INDEX_PIECE = 1 << 12  # bytes of an index that are read at a time


def record_size(block: Block, model: ModelRef | None) -> int:
    """The size of ``block`` in a file, in bytes; with ``model``, as the first network block."""
    head = records.block_head(block, model)
    return len(head) + len(block.payload) + _CHECK_SIZE


def small_frame(header: Header, block: Block, model: ModelRef | None) -> bytes | None:
    """The small frame of a single block, which comes with ``model`` if it is a network block. None
    where there is no such form: the content is not small, or in several lanes, or the model is
    embedded."""
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
        self._entries = bytearray()
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
        head = records.block_head(block, model)
        self._write(head)
        self._write(block.payload)
        self._write_check()
        self._entries += self._index.add(block, len(head) + len(block.payload) + _CHECK_SIZE)

    def end(self) -> End:
        """Write index and footer. The writer is used up."""
        self._write(self._index.head() + self._entries + self._index.footer())
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
    block. Yields nothing where ``src`` is at its end and the frame is not the ``first``.

    A record is handed out once its checksum is verified. Holds one record at a time, less than
    twice ``block_size`` plus an embedded model. Raises ``FormatError``, ``ChecksumError``, and
    ``MemoryLimitError`` before it would have to hold more than ``memory_limit`` bytes.

    After an error out of ``src.read``, ``next`` can be called again once ``src`` is back where the
    failed call began.
    """

    def __init__(self, src: Readable, memory_limit: int, *, first: bool = True) -> None:
        self.header: Header | None = None
        self.finished = False
        self._src = src
        self._limit = memory_limit
        self._first = first
        self._crc = 0
        self._index: BlockIndex | None = None  # None before the header is read
        self._entries = hashlib.blake2b()  # their digest: there may be more of them than memory
        self._found: list[Item] = []  # items of the last record that were not handed out yet

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
        """Read the next record."""
        assert self.header is not None and self._index is not None
        kind = scanner.byte()
        if kind == records.end_of(self.header):
            self._read_end(scanner, self._index)
            self.finished = True
            return [self._index.end()]
        block, model = records.read_block(
            scanner, kind, self.header, self._index.has_network, self._limit
        )
        scanner.check()
        if self._index.count >= MAX_BLOCKS:
            raise FormatError("too many blocks in a frame")
        self._entries.update(self._index.add(block, scanner.position))
        return [block] if model is None else [model, block]

    def _read_end(self, scanner: Scanner, index: BlockIndex) -> None:
        """Read the rest of the end record, whose every byte is known beforehand."""
        head, footer = index.head()[1:], index.footer()
        matches = scanner.take(len(head)) == head
        found = hashlib.blake2b()
        for at in range(0, index.entries_size, _INDEX_PIECE):
            found.update(scanner.take(min(_INDEX_PIECE, index.entries_size - at)))
        matches &= found.digest() == self._entries.digest()
        matches &= scanner.take(len(footer)) == footer
        if not matches:
            # A wrong number may make the record longer or shorter. Then its checksum is elsewhere,
            # and cannot tell damage from a wrong index.
            raise FormatError(WRONG_INDEX)
        scanner.check()


def is_end(record: bytes | bytearray) -> bool:
    """Whether ``record``, the beginning of a record, is that of a frame's end record."""
    return record[:1] in (bytes([records.END]), bytes([records.PRIMED_END]))


def read(src: Readable, memory_limit: int) -> Iterator[Item]:
    """Yield the items of all frames of ``src``, to its end, as ``FrameReader`` does."""
    frame = FrameReader(src, memory_limit)
    yield from frame
    while frame.header is not None:
        frame = FrameReader(src, memory_limit, first=False)
        yield from frame


class BlockIndex:
    """What the blocks of a frame so far make of its end record.

    A reader knows every byte of it beforehand: there is nothing to parse, and no difference goes
    unnoticed.
    """

    def __init__(self, header: Header) -> None:
        self.count = 0
        self.has_network = False
        self.entries_size = 0  # bytes
        self._type = records.end_of(header)
        self._content_size = 0
        self._stored_size = records.head_size(bool(header.prime))

    def add(self, block: Block, stored_size: int) -> bytes:
        """Count ``block`` in, and return its entry."""
        entry = varint.dumps(stored_size) + varint.dumps(block.size)
        self.count += 1
        self.has_network |= block.network
        self.entries_size += len(entry)
        self._content_size += block.size
        self._stored_size += stored_size
        return entry

    def head(self) -> bytes:
        """The end record before its entries."""
        return bytes([self._type]) + varint.dumps(self.count)

    def footer(self) -> bytes:
        """The end record behind its entries, without its checksum."""
        return records.footer(len(self.head()) + self.entries_size)

    def end(self) -> End:
        size = len(self.head()) + self.entries_size + len(self.footer()) + _CHECK_SIZE
        return End(self._content_size, self._stored_size + size)
