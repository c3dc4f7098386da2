"""Random access to the frames of a seekable file: finds blocks, and reads some of them alone."""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nncomp import rawio, varint
from nncomp.container import records
from nncomp.container.records import CUT_SHORT, Scanner, head_size
from nncomp.container.stream import WRONG_INDEX, BlockIndex, is_end
from nncomp.container.values import (
    MAGIC,
    MAX_BLOCKS,
    MAX_PLAN_SIZE,
    MAX_SMALL_SIZE,
    SMALL_MAGIC,
    Aside,
    Block,
    Header,
    ModelRef,
)
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, TruncatedError

__all__ = [
    "ENTRY_COST",
    "FrameIndex",
    "HeadError",
    "IndexEntry",
    "find_bearer",
    "frame_before",
    "read_backwards",
    "read_blocks",
    "read_index",
    "walk",
]

ENTRY_COST = 256  # bytes of memory for a frame or a block of an index, roughly

_NO_INDEX = "no index was found at the end: damaged, or not an .nnc file"


class HeadError(FormatError):
    """The head of a frame is damaged. By its end, the frame begins at ``offset``, with the magic
    ``expected``."""

    def __init__(self, problem: str, offset: int, expected: bytes) -> None:
        super().__init__(problem)
        self.offset = offset
        self.expected = expected


@dataclass(frozen=True)
class IndexEntry:
    """The place of a block in a file."""

    offset: int  # of its first byte, the type, from the start of the file
    stored_size: int  # bytes
    content_size: int  # bytes


@dataclass(frozen=True)
class FrameIndex:
    """The places of a frame and its blocks in a file."""

    offset: int  # of its magic, from the start of the file
    stored_size: int  # bytes
    entries: tuple[IndexEntry, ...]
    small: bool = False  # whether it is a small frame; the entry of its block is all of it
    prime: bytes = b""  # as in its Header


def read_index(file: BinaryIO, memory_limit: int, start: int = 0) -> list[FrameIndex]:
    """Find all frames of a seekable ``file`` from ``start`` on, in order. Errors are those of
    ``read_backwards``."""
    return [*read_backwards(file, memory_limit, start)][::-1]


def read_backwards(file: BinaryIO, memory_limit: int, start: int = 0) -> Iterator[FrameIndex]:
    """Find all frames of a seekable ``file`` from ``start`` on, from its end: the last one first.

    Reads the indexes and verifies their checksums, but not the blocks, which have their own. Leaves
    the file's position anywhere. Raises ``FormatError``, ``ChecksumError`` and
    ``MemoryLimitError``.
    """
    end = size = file.seek(0, io.SEEK_END)
    room = memory_limit // ENTRY_COST
    while end > start or end == size:
        room -= 1  # a frame without blocks takes memory, too
        frame = frame_before(file, end, room)
        room -= len(frame.entries)
        yield frame
        end = frame.offset
    if end < start:
        raise FormatError(_NO_INDEX)


def read_blocks(
    file: BinaryIO,
    frame: FrameIndex,
    first: int,
    memory_limit: int,
    sources: Callable[[Block], Iterable[int]],
    stop: int,
    *,
    bearer: Callable[[], int | None] | None = None,
) -> Iterator[Header | ModelRef | Aside | Block]:
    """Read a frame from block number ``first`` on: its Header, then the items that ``read`` would
    give, up to but without block number ``stop``.

    Seeks to what is needed and reads nothing else. That may include blocks before ``first``: the
    one that names the model, and the sources of copies. ``sources`` returns how many blocks back
    those are that a block copies from; if they are before ``first``, each comes once, after an
    ``Aside``, in front of the first block that needs it. ``bearer``, if given, is called once the
    model is needed and returns the number of the block that carries it, as ``find_bearer`` does;
    where only the model is read of that block, it may be damaged otherwise. Raises what ``read``
    raises.
    """
    file.seek(frame.offset)
    scanner = Scanner(file)
    header = records.read_frame_head(scanner, first=True)
    assert header is not None  # the first: there is one
    if header.small != frame.small:
        raise FormatError(WRONG_INDEX)
    records.check_block_size(header, memory_limit)
    yield header
    if header.small:
        if first == 0 < stop:
            small, named = records.read_small_block(scanner, header)
            if named is not None:
                yield named
            yield small
        return
    blocks = _Blocks(file, frame, header, memory_limit, bearer)
    asides = set()
    for number in range(first, stop):
        *model, block = blocks.read(number)
        yield from model
        assert isinstance(block, Block)
        for back in sources(block):
            source = number - back
            if source < 0:
                raise FormatError("a block copies from before its frame")
            if source < first and source not in asides:
                asides.add(source)
                yield Aside(back)
                yield from blocks.read(source)
        yield block


class _Blocks:
    """Blocks of a frame, any of them, and the model that they need."""

    def __init__(
        self,
        file: BinaryIO,
        frame: FrameIndex,
        header: Header,
        memory_limit: int,
        find: Callable[[], int | None] | None,
    ) -> None:
        self._file, self._frame, self._header = file, frame, header
        self._memory_limit, self._find = memory_limit, find
        self._bearer: int | None = None  # number of the block that carries the model, once needed

    def read(self, number: int) -> list[ModelRef | Block]:
        """A block, behind the model where that was not needed before."""
        if self._bearer is not None or not self._is_network(number):
            return self._read_alone(number)[-1:]
        if self._find is None:
            self._bearer = next(i for i in range(number + 1) if self._is_network(i))
            model = self._read_alone(self._bearer)[:1]
        else:
            self._bearer = self._find()
            if self._bearer is None:
                raise FormatError("damaged: no block names the frame's model")
            scanner = _at_model(self._file, self._frame.entries[self._bearer])
            model = [records.read_model(scanner, self._header, self._memory_limit)]
        return model + self._read_alone(number)[-1:]

    def _is_network(self, number: int) -> bool:
        return _is_network(self._file, self._frame.entries[number])

    def _read_alone(self, number: int) -> list[ModelRef | Block]:
        """A block, behind the model if it is the one that carries it."""
        header, entry = self._header, self._frame.entries[number]
        before = 4 if number else head_size(bool(header.prime))  # bytes that its check covers, too
        self._file.seek(entry.offset - before)
        most = header.block_size + MAX_PLAN_SIZE  # but for a model, all of any block
        scanner = Scanner(_Ahead(self._file, min(before + entry.stored_size, most)))
        scanner.take(before)
        start = scanner.position
        block, model = records.read_block(
            scanner, scanner.byte(), header, number != self._bearer, self._memory_limit
        )
        scanner.check()
        if (scanner.position - start, block.size) != (entry.stored_size, entry.content_size):
            raise FormatError(WRONG_INDEX)
        return [block] if model is None else [model, block]


def find_bearer(file: BinaryIO, frame: FrameIndex) -> int | None:
    """The number of the block that carries the model of a damaged frame; None: there is none.

    It is the first that has a model's description in its place. Network blocks by their type are
    tried first, but any type may be damaged. Other blocks have the size of their plan and a filter
    there, which are hardly ever a name.
    """
    entries = frame.entries
    likely = sorted(range(len(entries)), key=lambda i: not _is_network(file, entries[i]))
    return next((i for i in likely if _has_model(file, entries[i])), None)


def _is_network(file: BinaryIO, entry: IndexEntry) -> bool:
    file.seek(entry.offset)
    return Scanner(file).byte() == records.NETWORK_BLOCK


def _has_model(file: BinaryIO, entry: IndexEntry) -> bool:
    """Whether a block has a model's description, and room for all of it."""
    scanner = _at_model(file, entry)
    try:
        _, size = records.read_model_head(scanner)
    except FormatError:
        return False
    return scanner.position + size < entry.stored_size


def _at_model(file: BinaryIO, entry: IndexEntry) -> Scanner:
    """Reads from where a block has its model, if it carries one: behind type and content size, of
    which the index says how long they are."""
    file.seek(entry.offset + 1 + len(varint.dumps(entry.content_size)))
    return Scanner(file)


def walk(file: BinaryIO, memory_limit: int, start: int = 0) -> tuple[list[FrameIndex], int]:
    """Find the frames of a damaged ``file`` from ``start`` on, as far as records can be parsed,
    without verifying checksums. Returns them, and where the last complete one ends. Raises
    ``MemoryLimitError``."""
    frames: list[FrameIndex] = []
    end = file.seek(start)
    room = memory_limit // ENTRY_COST
    with contextlib.suppress(FormatError):
        while True:
            file.seek(end)
            scanner = Scanner(file)
            header = records.read_frame_head(scanner, first=not frames)
            if header is None:
                break
            records.check_block_size(header, memory_limit)
            room -= 2 if header.small else 1
            _check_room(room)
            if header.small:
                frames.append(_small(end, header, scanner))
                end += scanner.position
                continue
            entries: list[IndexEntry] = []
            stored = 0
            index = BlockIndex(header)
            try:
                while (kind := scanner.byte()) != records.end_of(header):
                    at = scanner.position - 1
                    block, _ = records.read_block(
                        scanner, kind, header, index.has_network, memory_limit
                    )
                    scanner.take(4)
                    stored = scanner.position
                    index.add(block, stored - at)
                    entries.append(IndexEntry(end + at, stored - at, block.size))
                    room -= 1
                    _check_room(room)
            finally:
                frames.append(FrameIndex(end, stored, tuple(entries), prime=header.prime))
            if file.seek(0, io.SEEK_END) < end + index.end().stored_size:
                break
            end += index.end().stored_size
    return frames, end


def _small(offset: int, header: Header, scanner: Scanner) -> FrameIndex:
    """The index of the small frame at ``offset``, whose head ``scanner`` has read."""
    block, _ = records.read_small_block(scanner, header)
    stored = scanner.position
    entries = (IndexEntry(offset, stored, block.size),)
    return FrameIndex(offset, stored, entries, small=True, prime=header.prime)


class _Ahead:
    """``file`` with its next ``size`` bytes read at once: on a remote file each read may be a
    request."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._read = io.BytesIO(rawio.read_full(file, size))

    def read(self, size: int, /) -> bytes:
        return self._read.read(size) or self._file.read(size)


def frame_before(file: BinaryIO, end: int, room: int) -> FrameIndex:
    """Read the index of the frame that ends at ``end``, which may have at most ``room`` blocks.
    Raises what ``read_backwards`` raises, and ``HeadError``."""

    def read_at(start: int, stop: int) -> bytes:
        if not 0 <= start <= stop:
            raise FormatError(_NO_INDEX)
        file.seek(start)
        data = rawio.read_full(file, stop - start)
        if len(data) != stop - start:
            raise TruncatedError(CUT_SHORT)
        return data

    tail = read_at(max(0, end - 4 - varint.MAX_SIZE), end)
    number, footer_size = _parse_varint(tail[:-4][::-1], 0)
    body_size, is_small = divmod(number, 2)
    stop = end - 4 - footer_size
    if is_small:
        small = _read_small(read_at, stop - body_size, end)
        _check_room(room - len(small.entries))
        return small
    if body_size > 2 + varint.MAX_SIZE + 2 * varint.MAX_SIZE * MAX_BLOCKS:
        raise FormatError(_NO_INDEX)
    start = stop - body_size
    least = (body_size - 2) // 2  # in bytes; an entry has at least two bytes
    if least > room and not is_end(read_at(start, start + 1)):
        raise FormatError(_NO_INDEX)  # no index is there: the size was read from other bytes
    _check_room(room - least)
    body = read_at(start, stop)
    if not is_end(body):
        raise FormatError(_NO_INDEX)
    primed = body[0] == records.PRIMED_END
    count, position = _parse_varint(body, 1)
    sizes = []
    while position < len(body):
        size, position = _parse_varint(body, position)
        sizes.append(size)
    if len(sizes) != 2 * count:
        raise FormatError(_NO_INDEX)
    offset = start - sum(sizes[::2]) - head_size(primed)
    head = read_at(offset, offset + head_size(primed))
    if not head.startswith(MAGIC):
        raise HeadError(_NO_INDEX, offset, MAGIC)
    covered = read_at(start - 4 if count else offset, start) + body + tail[-4 - footer_size : -4]
    if zlib.crc32(covered).to_bytes(4, "little") != tail[-4:]:
        raise ChecksumError("damaged: the index does not match its checksum")
    header = _read_head(Scanner(io.BytesIO(head)), offset, MAGIC)
    if bool(header.prime) != primed:
        raise FormatError(WRONG_INDEX)
    if not all(1 <= size <= header.block_size for size in sizes[1::2]):
        raise FormatError(WRONG_INDEX)
    entries = []
    position = offset + len(head)
    for stored_size, content_size in zip(sizes[::2], sizes[1::2], strict=True):
        entries.append(IndexEntry(position, stored_size, content_size))
        position += stored_size
    return FrameIndex(offset, end - offset, tuple(entries), prime=header.prime)


def _check_room(room: int) -> None:
    if room < 0:
        raise MemoryLimitError("the index needs more memory than the limit allows")


def _read_small(read_at: Callable[[int, int], bytes], start: int, end: int) -> FrameIndex:
    """The index of the small frame from ``start`` to ``end``. Its checksum, which covers the
    content, is verified only by whoever decodes it."""
    if end - start > 2 * MAX_SMALL_SIZE:
        raise FormatError(_NO_INDEX)
    scanner = Scanner(io.BytesIO(read_at(start, end)))
    header = _read_head(scanner, start, SMALL_MAGIC)
    if not header.small:
        raise FormatError(_NO_INDEX)
    found = _small(start, header, scanner)
    if found.stored_size != end - start:
        raise FormatError(_NO_INDEX)
    return found


def _read_head(scanner: Scanner, offset: int, expected: bytes) -> Header:
    """Read the head of the frame at ``offset``. Raises ``HeadError`` where it is damaged."""
    try:
        header = records.read_frame_head(scanner, first=True)
    except FormatError as error:
        raise HeadError(str(error), offset, expected) from None
    assert header is not None  # the first: there is one
    return header


def _parse_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return (the varint at ``position`` of ``data``, the position after it)."""
    rest = iter(data[position : position + varint.MAX_SIZE])
    try:
        value = varint.read(rest.__next__)
    except (FormatError, StopIteration):
        raise FormatError(_NO_INDEX) from None
    return value, position + len(varint.dumps(value))
