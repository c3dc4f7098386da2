"""Plans ⇄ bytes: ``docs/format.md``, section 6.

In a block the plan comes before the payload, which consists of the payloads of all streams and
lanes, one after the other. The size of the last one is not written: it is what is left.
"""

from __future__ import annotations

import itertools

from nncomp import varint
from nncomp.container import MAX_BLOCK_SIZE, Block, Header
from nncomp.errors import FormatError
from nncomp.filters import FILTERS
from nncomp.filters.deflate import most_contents
from nncomp.mixing import Contexts, Mixing
from nncomp.plan.values import (
    MAX_BACK,
    MAX_DEPTH,
    MAX_SOURCES,
    MAX_STREAM_SIZE,
    MAX_STREAMS,
    Copies,
    Joined,
    Part,
    Plan,
    Stream,
    most_coded,
)
from nncomp.varint import Reader

__all__ = ["dumps", "loads", "sources"]

_TOO_SHORT = "a block's plan does not fit into the block"

# Bits of the byte of a filter.
_SIDE = 0x80  # the filter's side information follows
_COPIES = 0x40  # the copies from earlier blocks follow
_FILTER = 0x3F  # the filter's place in FILTERS
# Bits of the byte of a stream.
_SIZE = 0x80  # the stream's size follows; without, it is that of the content
_PRIMED = 0x40  # the stream is coded with the prime
_MIX, _NETWORK_MIX, _JOINED = 1, 2, 3  # values of bits 4 and 5; 0: stored
_CONTEXTS = 0x0F  # the contexts of the stage


def dumps(plan: Plan, size: int, content_checksum: int, lead_checksum: int = 0) -> Block:
    """Make a block of ``size`` bytes of content from its plan and the payloads in it."""
    copies, literals = plan.copies, plan.literals(size)
    flags = (_SIDE if plan.side else 0) | (0 if copies is None else _COPIES)
    parts = [bytes([plan.filter | flags])]
    if copies is not None:
        steps = [b - a - 1 for a, b in itertools.pairwise((0, *copies.sources))]
        parts += map(varint.dumps, [len(steps) - 1, *steps, copies.literals])
        parts += [_coding(copies.stream, literals), *_sizes(copies.stream)]
    root = plan.joined(size)
    parts += [_side(root), *(field for part in root.streams for field in _part(part, literals))]
    last = plan.every_stream[-1]
    if last.mixing is not None:
        parts.pop()
    payload = b"".join(payload for stream in plan.every_stream for payload in stream.payloads)
    return Block(size, plan.network, b"".join(parts), payload, content_checksum, lead_checksum)


def loads(block: Block, header: Header) -> Plan:
    """Read the plan of a block. Raises ``FormatError``.

    All sizes in it are within the limits; nothing is allocated for them before decoding.
    """
    fields = Reader(block.plan, _TOO_SHORT)
    flags = fields.byte()
    number = flags & _FILTER
    if number >= len(FILTERS):
        raise FormatError(f"filter {number} is not supported")
    payload = Reader(block.payload, _TOO_SHORT)
    copies = _read_copies(fields, payload, block.size, header) if flags & _COPIES else None
    literals = block.size if copies is None else copies.literals
    side = _read_side(fields) if flags & _SIDE else b""
    streams: list[Part] = []
    while not streams or fields.left:
        streams.append(_read_part(fields, payload, literals, header, MAX_DEPTH if number else 0))
        _check_limits(Plan(tuple(streams), number, side, copies), block.size)
    if payload.left:
        raise FormatError("a block's payload is longer than its streams")
    plan = Plan(tuple(streams), number, side, copies)
    FILTERS[number].check([stream.size for stream in streams], side, literals)
    if plan.network != block.network:
        raise FormatError("a block's type and its streams differ about the network")
    return plan


def _check_limits(plan: Plan, size: int) -> None:
    """Raise ``FormatError`` where streams of a block of ``size`` bytes are beyond the limits."""
    literals = plan.literals(size)
    every = [*plan.joined(size).every, *([] if plan.copies is None else [plan.copies.stream])]
    total = sum(part.size for part in every)
    if len(every) > MAX_STREAMS or total > MAX_STREAM_SIZE:
        raise FormatError("a block has too many streams, or too large ones")
    most = literals + most_contents(literals)
    if any(isinstance(part, Joined) for part in every) and total > most:
        raise FormatError("a block's streams are too large for what it is joined of")
    if sum(stream.mixing is not None for stream in plan.every_stream) > most_coded(size):
        raise FormatError("a block has more coded streams than its size allows")


def sources(block: Block) -> tuple[int, ...]:
    """The blocks that ``block`` copies from: how many blocks back each is, ascending. Raises
    ``FormatError``."""
    fields = Reader(block.plan, _TOO_SHORT)
    return _read_sources(fields) if fields.byte() & _COPIES else ()


def _read_sources(fields: Reader) -> tuple[int, ...]:
    count = fields.number() + 1
    if count > MAX_SOURCES:
        raise FormatError("a block copies from too many others")
    found = tuple(itertools.accumulate(fields.number() + 1 for _ in range(count)))
    if found[-1] > MAX_BACK:
        raise FormatError("a block copies from too many blocks back")
    return found


def _read_copies(fields: Reader, payload: Reader, size: int, header: Header) -> Copies:
    if not header.reach:
        raise FormatError("a block copies from others, and each is said to stand alone")
    found = _read_sources(fields)
    literals = fields.number()
    if literals >= size:
        raise FormatError("a block copies nothing")
    stream = _read_stream(fields, payload, literals, header)
    if stream.size >= size:
        raise FormatError("a block's stream of copies is not smaller than its content")
    return Copies(found, literals, stream)


def _read_side(fields: Reader) -> bytes:
    size = fields.number()
    if size == 0:
        raise FormatError("a filter has bytes of its own, and they are none")
    return fields.take(size)


def _side(joined: Joined) -> bytes:
    return varint.dumps(len(joined.side)) + joined.side if joined.side else b""


def _part(part: Part, size: int) -> list[bytes]:
    """The fields of a stream of content of ``size`` bytes. In a plan's last stream, the last field,
    a payload's size, is left out."""
    if isinstance(part, Stream):
        return [_coding(part, size), *_sizes(part)]
    coding = _JOINED << 4 | (0 if part.size == size else _SIZE)
    fields = [bytes([coding]), varint.dumps(part.size) if coding & _SIZE else b""]
    fields += [bytes([part.filter | (_SIDE if part.side else 0)]), _side(part)]
    fields.append(varint.dumps(len(part.streams) - 1))
    return fields + [field for below in part.streams for field in _part(below, part.size)]


def _sizes(stream: Stream) -> list[bytes]:
    """The fields with the sizes of a stream's payloads; a stored stream has none."""
    if stream.mixing is None:
        return []
    return [varint.dumps(len(payload)) for payload in stream.payloads]


def _coding(stream: Stream, content_size: int) -> bytes:
    """The field of a stream without the sizes of its payloads."""
    coding = 0 if stream.size == content_size else _SIZE
    mixing = stream.mixing
    if mixing is not None:
        coding |= (_NETWORK_MIX if stream.network else _MIX) << 4 | mixing.contexts
        coding |= _PRIMED if stream.primed else 0
    parts = [bytes([coding])]
    if coding & _SIZE:
        parts.append(varint.dumps(stream.size))
    if mixing is not None and not stream.primed:
        parts.append(varint.dumps(mixing.period))
        parts.append(bytes([mixing.stride]) if mixing.contexts.has_stride else b"")
    return b"".join(parts)


def _read_part(
    fields: Reader, payload: Reader, outer_size: int, header: Header, depth: int
) -> Part:
    """Read a stream of content of ``outer_size`` bytes; at most ``depth`` − 1 filters may be nested
    in it."""
    coding = fields.byte()
    size = _read_size(fields, coding, outer_size)
    if coding & ~_SIZE != _JOINED << 4:
        return _read_coded(fields, payload, coding, size, header)
    flags = fields.byte()
    number = flags & ~_SIDE
    if number >= len(FILTERS):
        raise FormatError(f"filter {number} of a stream is not supported")
    side = _read_side(fields) if flags & _SIDE else b""
    count = fields.number() + 1
    if depth < 2 or count > MAX_STREAMS:
        raise FormatError("a block has too many streams, or too many in each other")
    below = tuple(
        _read_part(fields, payload, size, header, depth - 1 if number else 0) for _ in range(count)
    )
    FILTERS[number].check([part.size for part in below], side, size)
    return Joined(size, below, number, side)


def _read_size(fields: Reader, coding: int, outer_size: int) -> int:
    """Read the size of a stream, which is written only if it differs from ``outer_size``."""
    if not coding & _SIZE:
        return outer_size
    size = fields.number()
    if size == outer_size:
        raise FormatError("a stream's size is not in its shortest form")
    if size > MAX_STREAM_SIZE:
        raise FormatError("a block has too many streams, or too large ones")
    return size


def _read_stream(fields: Reader, payload: Reader, outer_size: int, header: Header) -> Stream:
    coding = fields.byte()
    size = _read_size(fields, coding, outer_size)
    return _read_coded(fields, payload, coding, size, header)


def _read_coded(fields: Reader, payload: Reader, coding: int, size: int, header: Header) -> Stream:
    way, primed = (coding & ~_SIZE & ~_PRIMED) >> 4, bool(coding & _PRIMED)
    if coding & ~_SIZE == 0:
        return Stream(size, (payload.take(size),))
    if way not in (_MIX, _NETWORK_MIX) or (primed and coding & _CONTEXTS):
        raise FormatError(f"coding {coding & ~_SIZE:#04x} of a stream is not supported")
    if primed and not header.prime:
        raise FormatError("a stream is primed, and the frame names no prime")
    if primed and size > MAX_BLOCK_SIZE:
        raise FormatError("a primed stream is too large")
    mixing = Mixing(header.profile) if primed else _read_mixing(fields, coding, header)
    network = way == _NETWORK_MIX
    sizes = [fields.number() for _ in range(header.lanes_of(size) - 1 if network else 0)]
    others = payload.left - sum(sizes)
    if fields.left:
        sizes.append(fields.number())
        if not fields.left:
            raise FormatError("a plan has the size of its last payload, which is what is left")
    else:
        sizes.append(others)
    if others < 0 or sum(sizes) >= size:
        raise FormatError("a stream's payload is not smaller than the stream")
    return Stream(size, tuple(payload.take(n) for n in sizes), mixing, network, primed)


def _read_mixing(fields: Reader, coding: int, header: Header) -> Mixing:
    contexts = coding & _CONTEXTS
    if contexts not in tuple(Contexts):
        raise FormatError(f"contexts {contexts} are not supported")
    period = fields.number()
    stride = fields.byte() if Contexts(contexts).has_stride else 1
    try:
        return Mixing(header.profile, Contexts(contexts), period=period, stride=stride)
    except ValueError as error:
        raise FormatError(str(error)) from None
