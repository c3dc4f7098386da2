"""Bytes ⇄ values: a frame's head and its blocks, each field checked as it is read."""

from __future__ import annotations

import enum
import re
import zlib
from dataclasses import replace

from nncomp import rawio, varint
from nncomp.container.values import (
    ID_SIZE,
    LEAD_SIZE,
    MAGIC,
    MAX_BLOCK_SIZE,
    MAX_MODEL_SIZE,
    MAX_NAME,
    MAX_PLAN_SIZE,
    MAX_SMALL_SIZE,
    NAMED_SIZE,
    PRIME_SIZE,
    REACHES,
    SMALL_MAGIC,
    VERSION,
    Block,
    Header,
    ModelRef,
)
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, TruncatedError
from nncomp.mixing import Profile
from nncomp.rawio import Readable

__all__ = [
    "BLOCK",
    "CUT_SHORT",
    "END",
    "NETWORK_BLOCK",
    "PRIMED_END",
    "Scanner",
    "block_head",
    "block_problem",
    "check_block_size",
    "end_of",
    "footer",
    "frame_head",
    "head_size",
    "read_block",
    "read_frame_head",
    "read_model",
    "read_model_head",
    "read_small_block",
    "small_frame",
]

END, BLOCK, NETWORK_BLOCK, PRIMED_END = 0, 1, 2, 3  # types of records

CUT_SHORT = "the compressed data ended before the end-of-stream marker was reached"

_NAME = re.compile(rb"[a-z0-9][a-z0-9._-]{0,%d}" % (MAX_NAME - 1))
_EMBEDDED = 0x80  # bit of a model's flags: the model is embedded
_RESERVED = 0x40  # bit of a model's flags that must be 0
_PRIMED = 0x80  # bit of the version byte: the digest of a prime follows


class _Form(enum.IntEnum):
    """How the one block of a small frame is coded: bits 6 and 7 of the method."""

    MIXED = 0
    STORED = 1
    NETWORK = 2
    PLANNED = 3  # in any other way: the block's type and plan are written


_PLANS = {  # the plans of MIXED, STORED and NETWORK, by whether the frame is primed
    False: (b"\x00\x10\x00", b"\x00\x00", b"\x00\x20\x00"),
    True: (b"\x00\x50", b"\x00\x00", b"\x00\x60"),
}


class Scanner:
    """Reads fields and keeps a running CRC-32 from the last checksum on, that one included."""

    def __init__(self, src: Readable, crc: int = 0) -> None:
        self.position = 0  # bytes read so far
        self.crc = crc
        self.form = 0  # the _Form of a small frame's block
        self._src = src

    def start_frame(self, size: int) -> bytes:
        """Start the CRC anew and read up to ``size`` bytes, fewer only at the end of the stream."""
        self.crc = 0
        return self.rest_of(size)

    def rest_of(self, size: int) -> bytes:
        """Read up to ``size`` bytes, fewer only at the end of the stream."""
        data = rawio.read_full(self._src, size)
        self.position += len(data)
        self.crc = zlib.crc32(data, self.crc)
        return data

    def take(self, size: int) -> bytes:
        data = self.rest_of(size)
        if len(data) < size:
            raise TruncatedError(CUT_SHORT)
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        return varint.read(self.byte)

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def check(self) -> None:
        expected = self.crc
        self.crc = 0
        if self.uint32() != expected:
            raise ChecksumError("damaged: a checksum does not match")


# ---- frame head: magic, version, method, geometry, prime ----


def head_size(primed: bool) -> int:
    """The size of a frame's head in bytes."""
    return len(MAGIC) + 3 + (PRIME_SIZE if primed else 0)


def end_of(header: Header) -> int:
    """The type of the frame's last record."""
    return PRIMED_END if header.prime else END


def footer(size: int, *, small: bool = False) -> bytes:
    """The footer that ends a frame, without its checksum. It holds the size of the end record, or
    if ``small`` of all of the frame before it, and is read backwards."""
    return varint.dumps(2 * size + small)[::-1]


def frame_head(header: Header) -> bytes:
    version = VERSION | (_PRIMED if header.prime else 0)
    method = REACHES.index(header.reach) << 6 | header.profile << 4 | header.arithmetic
    geometry = (header.lanes.bit_length() - 1) << 5 | (header.block_size.bit_length() - 11)
    return MAGIC + bytes([version, method, geometry]) + header.prime


def read_frame_head(scanner: Scanner, *, first: bool) -> Header | None:
    """Read the next frame's header; None where the stream ends instead and this is not the
    ``first`` frame. ``read_small_block`` reads the rest of a small frame."""
    head = scanner.start_frame(len(SMALL_MAGIC))
    if head == SMALL_MAGIC:
        return _read_small_head(scanner)
    if len(head) == len(SMALL_MAGIC) and MAGIC.startswith(head):
        head += scanner.rest_of(len(MAGIC) - len(head))
    if head != MAGIC:
        if not head and not first:
            return None
        if head and (MAGIC.startswith(head) or SMALL_MAGIC.startswith(head)):
            raise TruncatedError(CUT_SHORT)
        if not first:
            raise FormatError("trailing bytes after the end-of-stream marker")
        if head[:4] == MAGIC[:4]:
            raise FormatError("damaged: line ends were converted (copied as text?)")
        if not head:
            raise TruncatedError("not an .nnc file: it is empty")
        raise FormatError("not an .nnc file")
    version, method, geometry = scanner.take(3)
    _check_version(version & ~_PRIMED)
    prime = scanner.take(PRIME_SIZE) if version & _PRIMED else b""
    log2_size = (geometry & 31) + 10
    if 1 << log2_size > MAX_BLOCK_SIZE:
        raise FormatError("block size is out of range")
    arithmetic, profile = _read_method(method)
    reach = REACHES[method >> 6]
    return Header(1 << log2_size, 1 << (geometry >> 5), arithmetic, profile, reach, prime)


def _check_version(version: int) -> None:
    if version != VERSION:
        raise FormatError(f"format version {version} is not supported")


def _read_method(method: int) -> tuple[int, Profile]:
    if method & 15 == 0:
        raise FormatError("arithmetic version is out of range")
    profile = method >> 4 & 3
    if profile not in tuple(Profile):
        raise FormatError(f"mixing profile {profile} is not supported")
    return method & 15, Profile(profile)


# ---- small frames ----


def small_frame(header: Header, block: Block, model: ModelRef | None) -> bytes | None:
    """The small frame of a single block, up to its checksum; None where there is no such form."""
    if block.size > MAX_SMALL_SIZE or header.lanes_of(block.size) > 1:
        return None
    if model is not None and model.data is not None:
        return None
    primed = bool(header.prime)
    plans = _PLANS[primed]
    form = plans.index(block.plan) if block.plan in plans else _Form.PLANNED
    planned = form == _Form.PLANNED
    version = VERSION | (_PRIMED if primed else 0)
    method = form << 6 | header.profile << 4 | header.arithmetic
    parts = [
        SMALL_MAGIC + bytes([version, method]) + header.prime[:NAMED_SIZE],
        bytes([_type_of(block)]) if planned else b"",
        b"" if model is None else model.id[:NAMED_SIZE],
        varint.dumps(block.size),
        varint.dumps(len(block.plan)) + block.plan if planned else b"",
        b"" if form == _Form.STORED else varint.dumps(len(block.payload)),
        block.payload,
    ]
    frame = b"".join(parts)
    return frame + footer(len(frame), small=True)


def _read_small_head(scanner: Scanner) -> Header:
    version, method = scanner.take(2)
    _check_version(version & ~_PRIMED)
    arithmetic, profile = _read_method(method)
    scanner.form = method >> 6
    prime = scanner.take(NAMED_SIZE) if version & _PRIMED else b""
    return Header.of_small(arithmetic, profile, prime)


def read_small_block(scanner: Scanner, header: Header) -> tuple[Block, ModelRef | None]:
    """Read the rest of a small frame. Its checksum covers the content, too, so it is verified only
    after decoding (``Block.matches``)."""
    form = scanner.form
    planned = form == _Form.PLANNED
    network = _read_type(scanner.byte()) if planned else form == _Form.NETWORK
    model = ModelRef(scanner.take(NAMED_SIZE), "") if network else None
    size = scanner.varint()
    _require(size_problem(header, size))
    plans = _PLANS[bool(header.prime)]
    plan = _read_plan(scanner) if planned else plans[form]
    if planned and plan in plans:
        raise FormatError("a small frame has a plan that it need not have")
    payload_size = size if form == _Form.STORED else scanner.varint()
    _require(payload_problem(size, payload_size))
    payload = scanner.take(payload_size)
    expected = footer(scanner.position, small=True)
    if scanner.take(len(expected)) != expected:
        raise FormatError("damaged: a small frame's end does not match its size")
    before = scanner.crc, scanner.position
    block = Block(size, network, plan, payload, scanner.uint32(), before=before)
    return block, model


def check_block_size(header: Header, memory_limit: int) -> None:
    """Raise ``MemoryLimitError`` where there is no room for a block's payload and content."""
    if 2 * header.block_size > memory_limit:
        what = f"a block of {header.block_size >> 10} KiB"
        raise MemoryLimitError.of(what, 2 * header.block_size, memory_limit)


# ---- blocks ----


def block_head(block: Block, model: ModelRef | None) -> bytes:
    """The bytes of a block that come before its payload."""
    parts = [
        bytes([_type_of(block)]),
        varint.dumps(block.size),
        b"" if model is None else _model_description(model),
        varint.dumps(len(block.plan)),
        block.plan,
        varint.dumps(len(block.payload)),
        block.lead_checksum.to_bytes(4, "little") if block.size > LEAD_SIZE else b"",
        block.content_checksum.to_bytes(4, "little"),
    ]
    return b"".join(parts)


def read_block(
    scanner: Scanner, kind: int, header: Header, has_network: bool, memory_limit: int
) -> tuple[Block, ModelRef | None]:
    """Read the rest of a block whose first byte was ``kind``, up to its checksum; and the model's
    description, if it is the first network block."""
    network = _read_type(kind)
    size = scanner.varint()
    _require(size_problem(header, size))
    model = None
    if network and not has_network:
        model = read_model(scanner, header, memory_limit)
    plan = _read_plan(scanner)
    payload_size = scanner.varint()
    _require(payload_problem(size, payload_size))
    lead_checksum = scanner.uint32() if size > LEAD_SIZE else 0
    content_checksum = scanner.uint32()
    payload = scanner.take(payload_size)
    return Block(size, network, plan, payload, content_checksum, lead_checksum), model


def _type_of(block: Block) -> int:
    return NETWORK_BLOCK if block.network else BLOCK


def _read_type(kind: int) -> bool:
    """Whether ``kind`` is the type of a network block. Raises ``FormatError`` for other records."""
    if kind not in (BLOCK, NETWORK_BLOCK):
        raise FormatError(f"block type {kind} is not supported")
    return kind == NETWORK_BLOCK


def _read_plan(scanner: Scanner) -> bytes:
    size = scanner.varint()
    _require(plan_problem(size))
    return scanner.take(size)


def block_problem(header: Header, block: Block) -> str | None:
    """The rule of the format that a block breaks, as a message; None if it breaks none."""
    return (
        size_problem(header, block.size)
        or plan_problem(len(block.plan))
        or payload_problem(block.size, len(block.payload))
    )


def size_problem(header: Header, size: int) -> str | None:
    return None if 1 <= size <= header.block_size else "a block's size is out of range"


def plan_problem(size: int) -> str | None:
    return None if 1 <= size <= MAX_PLAN_SIZE else "a plan's size is out of range"


def payload_problem(content_size: int, size: int) -> str | None:
    return None if size <= content_size else "a block's payload is larger than its content"


def _require(problem: str | None) -> None:
    if problem is not None:
        raise FormatError(problem)


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
    return head + varint.dumps(len(model.data)) + model.data


def read_model(scanner: Scanner, header: Header, memory_limit: int) -> ModelRef:
    """Read a model description; an embedded model must fit into memory beside a block."""
    model, size = read_model_head(scanner)
    if not size:
        return model
    need = 2 * header.block_size + size
    if need > memory_limit:
        raise MemoryLimitError.of("an embedded model", need, memory_limit)
    return replace(model, data=scanner.take(size))


def read_model_head(scanner: Scanner) -> tuple[ModelRef, int]:
    """Read a model description without the embedded model. Returns it, and the size of what was not
    read, 0 where no model is embedded."""
    flags = scanner.byte()
    if flags & _RESERVED:
        raise FormatError("a reserved bit is set")
    name = scanner.take((flags & 63) + 1)
    if not _NAME.fullmatch(name):
        raise FormatError("a model name is malformed")
    model_id = scanner.take(ID_SIZE)
    size = 0
    if flags & _EMBEDDED:
        size = scanner.varint()
        if not 1 <= size <= MAX_MODEL_SIZE:
            raise FormatError("an embedded model's size is out of range")
    return ModelRef(model_id, name.decode("ascii")), size
