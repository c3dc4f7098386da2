"""Damage done at random: to any bytes, and to frames whose checks are then mended."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from random import Random

from nncomp import container, varint

_PRIMED = 0x80  # of the byte behind the magic

# What counters, sizes and signs turn on, as bytes and as numbers of variable length.
BYTES = (0, 1, 0x7F, 0x80, 0xFF)
NUMBERS = (0, 1, 2, 127, 128, 129, 1023, 1024, 65535, 1 << 16, 1 << 26, 1 << 32, (1 << 63) - 1)


def _flip(draw: Random, data: bytearray, at: int) -> None:
    if at < len(data):
        data[at] ^= 1 << draw.randrange(8)


def _replace(draw: Random, data: bytearray, at: int) -> None:
    data[at : at + 1] = bytes([draw.choice(BYTES)])


def _number(draw: Random, data: bytearray, at: int) -> None:
    value = draw.choice([*NUMBERS, draw.randrange(1 << draw.randint(1, 63))])
    data[at : at + draw.choice([0, 1, 1, 2, 3])] = varint.dumps(value)


def _overlong(draw: Random, data: bytearray, at: int) -> None:
    if at < len(data):
        data[at : at + 1] = bytes([data[at] | 0x80]) + b"\x80" * draw.randrange(9) + b"\0"


def _insert(draw: Random, data: bytearray, at: int) -> None:
    data[at:at] = draw.randbytes(draw.randint(1, 9))


def _delete(draw: Random, data: bytearray, at: int) -> None:
    del data[at : at + draw.choice([1, 1, 2, 4, 16, 200])]


def _copy(draw: Random, data: bytearray, at: int) -> None:
    start = draw.randint(0, len(data))
    data[at:at] = data[start : start + draw.choice([1, 4, 30, 300])]


def _cut(draw: Random, data: bytearray, at: int) -> None:
    del data[at:]


_EDITS: Sequence[Callable[[Random, bytearray, int], None]] = (
    *(_flip, _replace, _number, _overlong, _insert, _delete, _copy),
)


def damaged(draw: Random, data: bytes) -> bytes:
    """``data`` after one to four edits, some of them near its start, where heads are."""
    out = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4])):
        at = draw.randint(0, min(len(out), draw.choice([20, 100, len(out), len(out)])))
        edit = _cut if draw.random() < 0.05 else draw.choice(_EDITS)
        edit(draw, out, at)
    return bytes(out)


def records(frame: bytes) -> tuple[bytes, list[bytes]]:
    """A frame's head, and its records without their checks; the last one is the index."""
    (index,) = container.read_index(io.BytesIO(frame), 1 << 30)
    found = [frame[e.offset : e.offset + e.stored_size - 4] for e in index.entries]
    head = len(container.MAGIC) + 3 + (container.PRIME_SIZE if _is_primed(frame) else 0)
    end = index.entries[-1].offset + index.entries[-1].stored_size if index.entries else head
    return frame[:head], [*found, frame[end:-4]]


def _is_primed(head: bytes) -> bool:
    return len(head) > len(container.MAGIC) and head[len(container.MAGIC)] >= _PRIMED


def mended(head: bytes, parts: Sequence[bytes]) -> bytes:
    """The frame of these records: every check is that of the bytes before it."""
    out, crc = bytearray(head), zlib.crc32(head)
    for part in parts:
        check = zlib.crc32(part, crc).to_bytes(4, "little")
        out += part + check
        crc = zlib.crc32(check)
    return bytes(out)


def index_of(head: bytes, blocks: Sequence[bytes]) -> bytes:
    """The end record of blocks whose second field is their size, as far as that can be read."""
    entries = bytearray()
    for block in blocks:
        size = shift = 0
        for byte in block[1:10]:
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        entries += varint.dumps(len(block) + 4) + varint.dumps(size)
    kind = b"\3" if _is_primed(head) else b"\0"
    body = kind + varint.dumps(len(blocks)) + bytes(entries)
    return body + varint.dumps(2 * len(body))[::-1]


def damaged_inside(draw: Random, frame: bytes) -> bytes:
    """A frame whose records are damaged, swapped, dropped or doubled, and whose checks match."""
    head, (*blocks, index) = records(frame)
    for _ in range(draw.choice([1, 1, 2])):
        if not blocks or draw.random() < 0.1:
            head = damaged(draw, head)
            continue
        which = draw.randrange(len(blocks))
        how = draw.random()
        if how < 0.7:
            blocks[which] = damaged(draw, blocks[which])
        elif how < 0.8:
            blocks.append(blocks.pop(which))
        elif how < 0.9:
            del blocks[which]
        else:
            blocks.append(blocks[which])
    if draw.random() < 0.8:
        index = index_of(head, blocks)
    elif draw.random() < 0.5:
        index = damaged(draw, index)
    return mended(head, [*blocks, index])
