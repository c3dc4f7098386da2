"""Plans ⇄ bytes: ``docs/format.md``, section 6.

A plan stands in a block in front of the payload, which is those of all streams and lanes, one
behind the other. The size of the last one is what is left, and is not written.
"""

from __future__ import annotations

import io
import itertools

from nncomp import rawio, varint
from nncomp.container import Block, Header
from nncomp.errors import FormatError
from nncomp.filters import FILTERS
from nncomp.mixing import Contexts, Mixing
from nncomp.plan.values import MAX_SOURCES, MAX_STREAM_SIZE, MAX_STREAMS, Copies, Plan, Stream

__all__ = ["dumps", "loads", "sources"]

_SIDE = 0x80  # of a filter: bytes of its own follow
_COPIES = 0x40  # what is copied from earlier blocks follows
_FILTER = 0x3F
_SIZE = 0x80  # of a stream: its size follows, which is not the content's
_MIX, _NETWORK_MIX = 1, 2  # bits 4 and 5 of a stream; 0: stored
_CONTEXTS = 0x0F


def dumps(plan: Plan, size: int, content_checksum: int, lead_checksum: int = 0) -> Block:
    """The block of ``size`` bytes of content whose plan this is."""
    copies, literals = plan.copies, plan.literals(size)
    flags = (_SIDE if plan.side else 0) | (0 if copies is None else _COPIES)
    parts = [bytes([plan.filter | flags])]
    if copies is not None:
        steps = [b - a - 1 for a, b in itertools.pairwise((0, *copies.sources))]
        parts += map(varint.dumps, [len(steps) - 1, *steps, copies.literals])
        parts += [_coding(copies.stream, literals), *_sizes(copies.stream)]
    if plan.side:
        parts += [varint.dumps(len(plan.side)), plan.side]
    for stream in plan.streams:
        last = _sizes(stream)
        parts += [_coding(stream, literals), *last]
    if last:
        parts.pop()
    payload = b"".join(payload for stream in plan.every_stream for payload in stream.payloads)
    return Block(size, plan.network, b"".join(parts), payload, content_checksum, lead_checksum)


def loads(block: Block, header: Header) -> Plan:
    """The plan of a block. Raises ``FormatError``.

    Whatever it says of sizes is within the limits, and needs memory only once it is decoded.
    """
    fields = _Fields(block.plan)
    flags = fields.byte()
    number = flags & _FILTER
    if number >= len(FILTERS):
        raise FormatError(f"filter {number} is not supported")
    payload = _Fields(block.payload)
    copies = _read_copies(fields, payload, block.size, header) if flags & _COPIES else None
    literals = block.size if copies is None else copies.literals
    side = b""
    if flags & _SIDE:
        side_size = varint.read(fields.byte)
        if side_size == 0:
            raise FormatError("a filter has bytes of its own, and they are none")
        side = fields.take(side_size)
    every = [] if copies is None else [copies.stream]
    first = len(every)
    while len(every) == first or fields.left:
        every.append(_read_stream(fields, payload, literals, header))
        if len(every) > MAX_STREAMS or sum(s.size for s in every) > MAX_STREAM_SIZE:
            raise FormatError("a block has too many streams, or too large ones")
    if payload.left:
        raise FormatError("a block's payload is longer than its streams")
    plan = Plan(tuple(every[first:]), number, side, copies)
    FILTERS[plan.filter].check([stream.size for stream in plan.streams], side, literals)
    if plan.network != block.network:
        raise FormatError("a block's type and its streams differ about the network")
    return plan


def sources(block: Block) -> tuple[int, ...]:
    """How many blocks back those are that the block copies from. Raises ``FormatError``."""
    fields = _Fields(block.plan)
    return _read_sources(fields) if fields.byte() & _COPIES else ()


class _Fields:
    """Bytes, taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._src = io.BytesIO(data)
        self.left = len(data)

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise FormatError("a block's plan does not fit into the block")
        self.left -= size
        return rawio.read_full(self._src, size)

    def byte(self) -> int:
        return self.take(1)[0]


def _read_sources(fields: _Fields) -> tuple[int, ...]:
    count = varint.read(fields.byte) + 1
    if count > MAX_SOURCES:
        raise FormatError("a block copies from too many others")
    steps = (varint.read(fields.byte) + 1 for _ in range(count))
    return tuple(itertools.accumulate(steps))


def _read_copies(fields: _Fields, payload: _Fields, size: int, header: Header) -> Copies:
    if not header.reach:
        raise FormatError("a block copies from others, and each is said to stand alone")
    found = _read_sources(fields)
    literals = varint.read(fields.byte)
    if literals >= size:
        raise FormatError("a block copies nothing")
    return Copies(found, literals, _read_stream(fields, payload, literals, header))


def _sizes(stream: Stream) -> list[bytes]:
    """Those of the payloads, unless it is the stream itself."""
    if stream.mixing is None:
        return []
    return [varint.dumps(len(payload)) for payload in stream.payloads]


def _coding(stream: Stream, content_size: int) -> bytes:
    """A stream but for the sizes of its payloads."""
    coding = 0 if stream.size == content_size else _SIZE
    mixing = stream.mixing
    if mixing is not None:
        coding |= (_NETWORK_MIX if stream.network else _MIX) << 4 | mixing.contexts
    parts = [bytes([coding])]
    if coding & _SIZE:
        parts.append(varint.dumps(stream.size))
    if mixing is not None:
        parts.append(varint.dumps(mixing.period))
        parts.append(bytes([mixing.stride]) if mixing.contexts.has_stride else b"")
    return b"".join(parts)


def _read_stream(fields: _Fields, payload: _Fields, content_size: int, header: Header) -> Stream:
    coding = fields.byte()
    size = content_size
    if coding & _SIZE:
        size = varint.read(fields.byte)
        if size == content_size:
            raise FormatError("a stream's size is not in its shortest form")
    if size > MAX_STREAM_SIZE:
        raise FormatError("a block has too many streams, or too large ones")
    way = (coding & ~_SIZE) >> 4
    if way == 0 and coding & _CONTEXTS == 0:
        return Stream(size, (payload.take(size),))
    if way not in (_MIX, _NETWORK_MIX):
        raise FormatError(f"coding {coding & ~_SIZE:#04x} of a stream is not supported")
    mixing = _read_mixing(fields, coding & _CONTEXTS, header)
    network = way == _NETWORK_MIX
    sizes = [varint.read(fields.byte) for _ in range(header.lanes_of(size) - 1 if network else 0)]
    others = payload.left - sum(sizes)
    if fields.left:
        sizes.append(varint.read(fields.byte))
        if not fields.left:
            raise FormatError("a plan has the size of its last payload, which is what is left")
    else:
        sizes.append(others)
    if others < 0 or sum(sizes) >= size:
        raise FormatError("a stream's payload is not smaller than the stream")
    return Stream(size, tuple(payload.take(n) for n in sizes), mixing, network)


def _read_mixing(fields: _Fields, contexts: int, header: Header) -> Mixing:
    if contexts not in tuple(Contexts):
        raise FormatError(f"contexts {contexts} are not supported")
    period = varint.read(fields.byte)
    stride = fields.byte() if Contexts(contexts).has_stride else 1
    try:
        return Mixing(header.profile, Contexts(contexts), period=period, stride=stride)
    except ValueError as error:
        raise FormatError(str(error)) from None
