"""The ``.nnc`` layout: frames, blocks, index, checks. ``docs/format.md`` is the specification.

``FrameWriter`` writes a frame, ``FrameReader`` reads one, ``read`` all frames of a file: they work
on a stream and never seek. ``read_index`` and ``read_blocks`` are for files that can seek. Readers
hand out only what its checks have confirmed, and only what the specification allows: everything
else is a ``FormatError``. What payloads mean is not known here (``codec``).
"""

from __future__ import annotations

import enum
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nncomp import rawio
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, TruncatedError
from nncomp.mixing import Contexts, Mixing, Profile, Transform
from nncomp.rawio import Readable, Writable

__all__ = [
    "MAGIC",
    "MAX_BLOCK_SIZE",
    "MAX_LANES",
    "MIN_BLOCK_SIZE",
    "VERSION",
    "Block",
    "BlockType",
    "End",
    "FrameIndex",
    "FrameReader",
    "FrameWriter",
    "Header",
    "IndexEntry",
    "Item",
    "ModelRef",
    "Packed",
    "is_end",
    "read",
    "read_blocks",
    "read_index",
    "record_size",
]

MAGIC = b"\x89NNC\r\n"
VERSION = 5
MIN_BLOCK_SIZE = 1 << 10
MAX_BLOCK_SIZE = 1 << 26
MAX_LANES = 1 << 7
MAX_BLOCKS = 1 << 24  # in a frame
MAX_NAME = 64  # bytes of a model name
MAX_MODEL_SIZE = 1 << 26  # bytes of an embedded model
ID_SIZE = 16  # bytes of a model id

_MAX_VARINT = 9  # bytes: 63 bits
_NAME = re.compile(rb"[a-z0-9][a-z0-9._-]{0,63}")
_EMBEDDED = 0x80
_RESERVED = 0x40
_END = 0

_NO_INDEX = "no index was found at the end: damaged, or not an .nnc file"
_WRONG_INDEX = "damaged: the index does not match the blocks"
_CUT_SHORT = "the compressed data ended before the end-of-stream marker was reached"


class BlockType(enum.IntEnum):
    """What a block's payloads are."""

    STORED = 1  # the content itself
    REPEAT = 2  # a pattern; the content is the pattern over and over, cut to size
    NETWORK = 3  # one arithmetic-coded payload a lane
    NETWORK_MIX = 4  # the same, with the adaptive stage beside the network
    MIX = 5  # one arithmetic-coded payload, by the adaptive stage alone

    @property
    def has_network(self) -> bool:
        """Whether the block needs the frame's model, which the first such block carries."""
        return self in (BlockType.NETWORK, BlockType.NETWORK_MIX)

    @property
    def has_mixing(self) -> bool:
        """Whether the adaptive stage takes part."""
        return self in (BlockType.NETWORK_MIX, BlockType.MIX)

    @property
    def is_coded(self) -> bool:
        """Whether payloads are arithmetic-coded, one for each lane."""
        return self.has_network or self.has_mixing

    @property
    def label(self) -> str:
        """The name for people, such as ``network+mix``."""
        return self.name.lower().replace("_", "+")


@dataclass(frozen=True)
class Header:
    """What holds for a whole frame. Raises ``ValueError`` for what the format cannot express."""

    block_size: int  # no block has more content; a power of two, 2**10..2**26
    lanes: int  # of a block of ``block_size`` bytes; a power of two, 1..128
    arithmetic: int  # version of docs/numerics.md, 1..15
    profile: int = 0  # a Profile; 0: no adaptive stage

    def __post_init__(self) -> None:
        if not _is_power_of_two(self.block_size, MIN_BLOCK_SIZE, MAX_BLOCK_SIZE):
            raise ValueError(f"block size {self.block_size} is not a power of two, 2^10..2^26")
        if not _is_power_of_two(self.lanes, 1, MAX_LANES):
            raise ValueError(f"{self.lanes} lanes are not a power of two, 1..128")
        if not (1 <= self.arithmetic <= 15 and 0 <= self.profile <= max(Profile)):
            raise ValueError("arithmetic version or profile is out of range")

    def block_lanes(self, size: int) -> int:
        """Lanes of a network block of ``size`` bytes, 1..``lanes``: as near as can be to full."""
        full = self.block_size // self.lanes
        return max(1, (size + full // 2) // full)


@dataclass(frozen=True)
class ModelRef:
    """Which model a frame's network blocks need: by id and name, or in full."""

    id: bytes  # 16 bytes
    name: str  # 1..64 characters of [a-z0-9._-]
    data: bytes | None = None  # the packed model if it is embedded


@dataclass(frozen=True)
class Packed:
    """A model in the form in which files embed it (``weights``)."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Block:
    """A block as stored. ``payloads`` has an entry a lane; blocks without network have one."""

    type: BlockType
    size: int  # bytes of content, 1..block_size
    payloads: tuple[bytes, ...]
    content_checksum: int  # CRC-32 of the content
    mixing: Mixing | None = None  # of the adaptive stage, where it takes part


@dataclass(frozen=True)
class End:
    """The end of a frame."""

    content_size: int
    stored_size: int  # of the whole frame, from magic to last check


@dataclass(frozen=True)
class IndexEntry:
    """Where a block is."""

    offset: int  # of its type, from the start of the file
    stored_size: int
    content_size: int


@dataclass(frozen=True)
class FrameIndex:
    """Where a frame and its blocks are."""

    offset: int  # of its magic, from the start of the file
    stored_size: int
    entries: tuple[IndexEntry, ...]


Item = Header | ModelRef | Block | End  # what readers hand out


def record_size(block: Block, model: ModelRef | None = None) -> int:
    """Bytes that ``block`` takes in a file; with ``model`` as the first network block does."""
    head = _block_head(block, model)
    return len(head) + sum(map(len, block.payloads)) + 4


class FrameWriter:
    """Writes one frame: the header at once, each block as it comes, the index in ``end``."""

    def __init__(self, dst: Writable, header: Header) -> None:
        self.header = header
        self._dst = dst
        self._crc = 0
        self._index = _Index()
        self._write(_frame_head(header))

    @property
    def has_network(self) -> bool:
        """Whether a network block, and so the model, is written already."""
        return self._index.has_network

    def write(self, block: Block, model: ModelRef | None = None) -> None:
        """Append a block; the first network block, and no other, comes with the model.

        Raises ``ValueError`` for what the format does not allow.
        """
        header = self.header
        problem = _block_problem(header, block.type, block.size, [len(p) for p in block.payloads])
        if problem:
            raise ValueError(problem)
        if (0 if block.mixing is None else block.mixing.profile) != (
            header.profile if block.type.has_mixing else 0
        ):
            raise ValueError("the adaptive stage does not suit the frame or the type of the block")
        if self._index.count >= MAX_BLOCKS:
            raise FormatError("too many blocks for a frame: use a larger block size")
        if (model is not None) != (block.type.has_network and not self.has_network):
            raise ValueError("the first network block, and no other, carries a model")
        self._write(_block_head(block, model))
        for payload in block.payloads:
            self._write(payload)
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
        self._index = _Index()
        self._found: list[Item] = []  # in the record that was read last

    def __iter__(self) -> FrameReader:
        return self

    def __next__(self) -> Item:
        if not self._found and not self.finished:
            scanner = _Scanner(self._src, self._crc)
            self._found = self._read_head(scanner) if self.header is None else self._read(scanner)
            self._crc = scanner.crc
        if not self._found:
            raise StopIteration
        return self._found.pop(0)

    def _read_head(self, scanner: _Scanner) -> list[Item]:
        self.header = _read_frame_head(scanner, first=self._first)
        if self.header is None:
            self.finished = True
            return []
        _check_block_size(self.header, self._limit)
        return [self.header]

    def _read(self, scanner: _Scanner) -> list[Item]:
        """The next record."""
        assert self.header is not None
        kind = scanner.byte()
        if kind == _END:
            _read_end(scanner, self._index)
            self.finished = True
            return [self._index.end()]
        block, model = _read_block(scanner, kind, self.header, self._index.has_network, self._limit)
        scanner.check()
        if self._index.count >= MAX_BLOCKS:
            raise FormatError("too many blocks in a frame")
        self._index.add(block, scanner.position)
        return [block] if model is None else [model, block]


def is_end(record: bytes | bytearray) -> bool:
    """Whether what begins a record of a frame, if there is any of it, begins its last one."""
    return record[:1] == bytes([_END])


def read(src: Readable, memory_limit: int) -> Iterator[Item]:
    """Walk the frames of ``src`` to its end; each gives what ``FrameReader`` gives."""
    frame = FrameReader(src, memory_limit)
    yield from frame
    while frame.header is not None:
        frame = FrameReader(src, memory_limit, first=False)
        yield from frame


def read_index(file: BinaryIO, memory_limit: int, start: int = 0) -> list[FrameIndex]:
    """All frames of a seekable ``file`` from ``start`` on, in order, found from its end backwards.

    Reads the indexes and verifies their checks, nothing else: blocks have their own. Leaves the
    position anywhere. Raises ``FormatError``, ``ChecksumError`` and ``MemoryLimitError``.
    """
    frames: list[FrameIndex] = []
    end = file.seek(0, io.SEEK_END)
    room = memory_limit // _ENTRY_COST
    while end > start or not frames:
        room -= 1  # a frame without blocks takes memory, too
        frame = _read_index_before(file, end, room)
        room -= len(frame.entries)
        frames.append(frame)
        end = frame.offset
    if end < start:
        raise FormatError(_NO_INDEX)
    return frames[::-1]


def read_blocks(
    file: BinaryIO, frame: FrameIndex, first: int, memory_limit: int
) -> Iterator[Header | ModelRef | Block]:
    """A frame from its block number ``first`` on: the Header, then what ``read`` gives.

    Seeks to what is needed and reads nothing else: a network block's model may be named by a block
    before ``first``. Raises what ``read`` raises.
    """

    def scan(number: int) -> _Scanner:
        """A scanner at a block, behind the bytes before it that the block's check covers."""
        file.seek(frame.entries[number].offset - 4 if number else frame.offset)
        scanner = _Scanner(file)
        scanner.take(4 if number else FRAME_HEAD_SIZE)
        return scanner

    def is_network(number: int) -> bool:
        return scan(number).byte() in (BlockType.NETWORK, BlockType.NETWORK_MIX)

    def read_block(number: int) -> list[ModelRef | Block]:
        scanner = scan(number)
        start = scanner.position
        block, model = _read_block(scanner, scanner.byte(), header, number != bearer, memory_limit)
        scanner.check()
        entry = frame.entries[number]
        if (scanner.position - start, block.size) != (entry.stored_size, entry.content_size):
            raise FormatError(_WRONG_INDEX)
        return [block] if model is None else [model, block]

    file.seek(frame.offset)
    found = _read_frame_head(_Scanner(file), first=True)
    assert found is not None  # the first: there is one
    header = found
    _check_block_size(header, memory_limit)
    yield header
    bearer: int | None = None  # number of the block that carries the model
    for number in range(first, len(frame.entries)):
        if bearer is None and is_network(number):
            bearer = next(i for i in range(number + 1) if is_network(i))
            if bearer < number:
                yield from read_block(bearer)[:1]
        yield from read_block(number)


class _Index:
    """The blocks of a frame so far, as their encoded index entries.

    A reader builds the end record that it expects and compares bytes: nothing to parse, nothing
    that could disagree unnoticed, a few bytes of memory a block.
    """

    def __init__(self) -> None:
        self.count = 0
        self.has_network = False
        self._content_size = 0
        self._stored_size = FRAME_HEAD_SIZE
        self._entries = bytearray()

    def add(self, block: Block, stored_size: int) -> None:
        self.count += 1
        self.has_network |= block.type.has_network
        self._content_size += block.size
        self._stored_size += stored_size
        self._entries += _varint(stored_size) + _varint(block.size)

    def end_record(self) -> bytes:
        """The end record but for its check."""
        body = bytes([_END]) + _varint(self.count) + bytes(self._entries)
        return body + _varint(len(body))[::-1]

    def end(self) -> End:
        return End(self._content_size, self._stored_size + len(self.end_record()) + 4)


class _Scanner:
    """Reads fields and keeps the running CRC-32 since the last check, that one included."""

    def __init__(self, src: Readable, crc: int = 0) -> None:
        self.position = 0  # bytes read so far
        self.crc = crc
        self._src = src

    def start_frame(self, size: int) -> bytes:
        """Up to ``size`` bytes: fewer only at the end of the stream."""
        self.crc = 0
        data = self._read_up_to(size)
        self.crc = zlib.crc32(data)
        return data

    def take(self, size: int) -> bytes:
        data = self._read_up_to(size)
        if len(data) < size:
            raise TruncatedError(_CUT_SHORT)
        self.crc = zlib.crc32(data, self.crc)
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        """LEB128, at most 63 bits, in its shortest form."""
        value = 0
        for i in range(_MAX_VARINT):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if byte == 0 and i > 0:
                    raise FormatError("a number is not in its shortest form")
                return value
        raise FormatError("a number is too long")

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def check(self) -> None:
        expected = self.crc
        self.crc = 0
        if self.uint32() != expected:
            raise ChecksumError("damaged: a checksum does not match")

    def _read_up_to(self, size: int) -> bytes:
        data = rawio.read_full(self._src, size)
        self.position += len(data)
        return data


# ---- frame head: magic, version, method, geometry ----

FRAME_HEAD_SIZE = len(MAGIC) + 3


def _frame_head(header: Header) -> bytes:
    method = header.profile << 4 | header.arithmetic
    geometry = (header.lanes.bit_length() - 1) << 5 | (header.block_size.bit_length() - 11)
    return MAGIC + bytes([VERSION, method, geometry])


def _read_frame_head(scanner: _Scanner, *, first: bool) -> Header | None:
    """The next frame's header; None where the stream ends instead, after at least one frame."""
    head = scanner.start_frame(len(MAGIC))
    if head != MAGIC:
        if not head and not first:
            return None
        if head and MAGIC.startswith(head):
            raise TruncatedError(_CUT_SHORT)
        if not first:
            raise FormatError("trailing bytes after the end-of-stream marker")
        if head[:4] == MAGIC[:4]:
            raise FormatError("damaged: line ends were converted (copied as text?)")
        if not head:
            raise TruncatedError("not an .nnc file: it is empty")
        raise FormatError("not an .nnc file")
    version, method, geometry = scanner.take(3)
    if version != VERSION:
        raise FormatError(f"format version {version} is not supported")
    log2_size = (geometry & 31) + 10
    if 1 << log2_size > MAX_BLOCK_SIZE:
        raise FormatError("block size is out of range")
    if method & 15 == 0:
        raise FormatError("arithmetic version is out of range")
    if method >> 4 > max(Profile):
        raise FormatError(f"mixing profile {method >> 4} is not supported")
    return Header(1 << log2_size, 1 << (geometry >> 5), method & 15, method >> 4)


def _check_block_size(header: Header, memory_limit: int) -> None:
    if 2 * header.block_size > memory_limit:
        what = f"a block of {header.block_size >> 10} KiB"
        raise MemoryLimitError.of(what, 2 * header.block_size, memory_limit)


# ---- blocks ----


def _block_head(block: Block, model: ModelRef | None) -> bytes:
    """A block up to its payloads."""
    parts = [bytes([block.type]), _varint(block.size)]
    if model is not None:
        parts.append(_model_description(model))
    if block.mixing is not None:
        parts.append(_mixing_description(block.mixing))
    if block.type != BlockType.STORED:
        parts += [_varint(len(payload)) for payload in block.payloads]
    parts.append(block.content_checksum.to_bytes(4, "little"))
    return b"".join(parts)


def _read_block(
    scanner: _Scanner, kind: int, header: Header, has_network: bool, memory_limit: int
) -> tuple[Block, ModelRef | None]:
    """The rest of a block whose first byte was ``kind``, up to its check."""
    try:
        block_type = BlockType(kind)
    except ValueError:
        raise FormatError(f"block type {kind} is not supported") from None
    size = scanner.varint()
    if not 1 <= size <= header.block_size:
        raise FormatError("a block's size is out of range")
    model = None
    if block_type.has_network and not has_network:
        model = _read_model_description(scanner, memory_limit - 2 * header.block_size)
    mixing = _read_mixing_description(scanner, header) if block_type.has_mixing else None
    if block_type == BlockType.STORED:
        payload_sizes = [size]
    else:
        payload_sizes = [scanner.varint() for _ in range(_payload_count(header, block_type, size))]
    problem = _block_problem(header, block_type, size, payload_sizes)
    if problem:
        raise FormatError(problem)
    content_checksum = scanner.uint32()
    payloads = tuple(scanner.take(n) for n in payload_sizes)
    return Block(block_type, size, payloads, content_checksum, mixing), model


def _payload_count(header: Header, block_type: BlockType, size: int) -> int:
    return header.block_lanes(size) if block_type.has_network else 1


def _block_problem(
    header: Header, block_type: BlockType, size: int, payload_sizes: list[int]
) -> str | None:
    """The rule of the format that a block breaks, if any: one text for writer and reader."""
    total = sum(payload_sizes)
    if not 1 <= size <= header.block_size:
        return "a block's size is out of range"
    if len(payload_sizes) != _payload_count(header, block_type, size):
        return "a block has the wrong number of payloads"
    if block_type == BlockType.STORED:
        return None if total == size else "a stored block's payload has the wrong size"
    if block_type == BlockType.REPEAT and total == 0:
        return "a repeated pattern is empty"
    return None if total < size else "a block's payload is not smaller than its content"


def _model_description(model: ModelRef) -> bytes:
    name = model.name.encode("ascii")
    if not _NAME.fullmatch(name) or len(model.id) != ID_SIZE:
        raise ValueError("model name or id is malformed")
    flags = len(name) - 1 | (0 if model.data is None else _EMBEDDED)
    head = bytes([flags]) + name + model.id
    if model.data is None:
        return head
    if not 1 <= len(model.data) <= MAX_MODEL_SIZE:
        raise ValueError("an embedded model's size is out of range")
    return head + _varint(len(model.data)) + model.data


def _read_model_description(scanner: _Scanner, room: int) -> ModelRef:
    """A model description; an embedded model must fit into ``room`` bytes of memory."""
    flags = scanner.byte()
    if flags & _RESERVED:
        raise FormatError("a reserved bit is set")
    name = scanner.take((flags & 63) + 1)
    if not _NAME.fullmatch(name):
        raise FormatError("a model name is malformed")
    model_id = scanner.take(ID_SIZE)
    data = None
    if flags & _EMBEDDED:
        size = scanner.varint()
        if not 1 <= size <= MAX_MODEL_SIZE:
            raise FormatError("an embedded model's size is out of range")
        if size > room:
            raise MemoryLimitError.of("an embedded model", size, max(0, room))
        data = scanner.take(size)
    return ModelRef(model_id, name.decode("ascii"), data)


def _mixing_description(mixing: Mixing) -> bytes:
    head = bytes([mixing.transform << 4 | mixing.contexts]) + _varint(mixing.period)
    return head + bytes([mixing.stride]) if mixing.contexts.has_stride else head


def _read_mixing_description(scanner: _Scanner, header: Header) -> Mixing:
    if header.profile == 0:
        raise FormatError("a block needs an adaptive stage, and the frame has none")
    kind = scanner.byte()
    if kind & 15 > max(Contexts) or kind >> 4 > max(Transform):
        raise FormatError(f"mixing kind {kind} is not supported")
    contexts = Contexts(kind & 15)
    period = scanner.varint()
    stride = scanner.byte() if contexts.has_stride else 1
    try:
        return Mixing(
            Profile(header.profile), contexts, Transform(kind >> 4), period=period, stride=stride
        )
    except ValueError as error:
        raise FormatError(str(error)) from None


# ---- end record ----


def _read_end(scanner: _Scanner, index: _Index) -> None:
    """The rest of the end record, whose every byte is known beforehand."""
    expected = index.end_record()[1:]
    found = scanner.take(len(expected))
    if found != expected:
        # A wrong number may make the record longer or shorter: then its check is elsewhere, and
        # damage and disagreement cannot be told apart.
        raise FormatError(_WRONG_INDEX)
    scanner.check()


_ENTRY_COST = 256  # bytes of memory for an index entry, roughly


def _read_index_before(file: BinaryIO, end: int, room: int) -> FrameIndex:
    """The index of the frame that ends at ``end``, which may have ``room`` blocks."""

    def read_at(start: int, stop: int) -> bytes:
        if not 0 <= start <= stop:
            raise FormatError(_NO_INDEX)
        file.seek(start)
        data = rawio.read_full(file, stop - start)
        if len(data) != stop - start:
            raise TruncatedError(_CUT_SHORT)
        return data

    tail = read_at(max(0, end - 4 - _MAX_VARINT), end)
    body_size, footer_size = _parse_varint(tail[:-4][::-1], 0)
    stop = end - 4 - footer_size
    if body_size > 2 + _MAX_VARINT + 2 * _MAX_VARINT * MAX_BLOCKS:
        raise FormatError(_NO_INDEX)
    if body_size // 2 > room:  # an entry has two bytes at least
        raise MemoryLimitError("the index needs more memory than the limit allows")
    start = stop - body_size
    body = read_at(start, stop)
    if body[:1] != bytes([_END]):
        raise FormatError(_NO_INDEX)
    count, position = _parse_varint(body, 1)
    sizes = []
    while position < len(body):
        size, position = _parse_varint(body, position)
        sizes.append(size)
    if len(sizes) != 2 * count:
        raise FormatError(_NO_INDEX)
    offset = start - sum(sizes[::2]) - FRAME_HEAD_SIZE
    head = read_at(offset, offset + FRAME_HEAD_SIZE)
    if not head.startswith(MAGIC):
        raise FormatError(_NO_INDEX)
    covered = read_at(start - 4 if count else offset, start) + body + tail[-4 - footer_size : -4]
    if zlib.crc32(covered).to_bytes(4, "little") != tail[-4:]:
        raise ChecksumError("damaged: the index does not match its checksum")
    header = _read_frame_head(_Scanner(io.BytesIO(head)), first=True)
    if header is None or not all(1 <= size <= header.block_size for size in sizes[1::2]):
        raise FormatError(_WRONG_INDEX)
    entries = []
    position = offset + FRAME_HEAD_SIZE
    for stored_size, content_size in zip(sizes[::2], sizes[1::2], strict=True):
        entries.append(IndexEntry(position, stored_size, content_size))
        position += stored_size
    return FrameIndex(offset, end - offset, tuple(entries))


def _parse_varint(data: bytes, position: int) -> tuple[int, int]:
    """A varint at ``position`` of ``data``, and the position after it."""
    value = 0
    for i, byte in enumerate(data[position : position + _MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if byte == 0 and i > 0:
                break
            return value, position + i + 1
    raise FormatError(_NO_INDEX)


def _varint(value: int) -> bytes:
    """LEB128: seven bits a byte, lowest first, bit 7 set on all but the last."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _is_power_of_two(value: int, low: int, high: int) -> bool:
    return low <= value <= high and value & (value - 1) == 0
