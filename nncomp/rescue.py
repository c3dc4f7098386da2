"""Rescues the intact content of a damaged file: every block whose checksums match.

Frames are found by their indexes, from the end of the file; those before a damaged end, from the
front; and those between the two, by searching for the magic. Each block is decoded on its own, with
the blocks that it copies from, so that a damaged one only affects those that need it. The magic of
a frame is known, and the digest of its prime where one is given: where they are damaged they are
read as they have to be, and checksums decide whether that was right.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from nncomp import container, rawio
from nncomp.container import FrameIndex, HeadError
from nncomp.decode import Decoder
from nncomp.errors import (
    FormatError,
    MemoryLimitError,
    ModelError,
    ModelNotFoundError,
    PrimeError,
    SizeLimitError,
)
from nncomp.mended import Mended
from nncomp.options import Options
from nncomp.plan import layout
from nncomp.prime import required
from nncomp.rawio import Writable
from nncomp.schedule import Progress

__all__ = ["Gap", "Rescued", "rescue"]

_CHUNK = 1 << 20  # bytes that are searched for the beginning of a frame at a time
# How often the bytes between two ends are read, on average, in search of frames. Damage makes
# frames end early, and the search goes on behind their heads; but many heads that each lead through
# the same blocks are made to take time.
_MOST_READ = 16


@dataclass(frozen=True)
class Gap:
    """A range of the content that is missing."""

    start: int
    stop: int | None  # behind the last missing byte; None: it is not known how many are missing
    reason: str
    last: bool = True  # if ``stop`` is None: whether no content follows

    def __str__(self) -> str:
        if self.stop is None and not self.last:
            return (
                f"bytes are missing in front of byte {self.start}, unknown how many: {self.reason}"
            )
        end = "the end" if self.stop is None else f"{self.stop - 1}"
        return f"bytes {self.start} to {end} are missing: {self.reason}"


@dataclass(frozen=True)
class Rescued:
    """The result of rescuing a file."""

    size: int  # bytes that were written
    gaps: list[Gap]  # in order
    notes: list[str]  # damage that no content is missing for


def rescue(
    file: BinaryIO,
    dst: Writable,
    options: Options,
    *,
    zeros: bool = False,
    progress: Progress | None = None,
) -> Rescued:
    """Write the intact content of ``file``, which can seek, to ``dst``; with ``zeros``, also a zero
    for each missing byte, where their number is known.

    Raises ``MemoryLimitError`` where an index is too large, and ``SizeLimitError``; ``PrimeError``
    where nothing was written and a frame names a prime other than the one given, or one is missing;
    and what reading and writing raise.
    """
    mended = Mended(file)
    seekable = cast(BinaryIO, mended)
    notes: list[str] = []
    gaps: list[Gap] = []
    other: PrimeError | None = None  # the error of the first frame that names another prime
    written = position = 0
    decoder = Decoder(options, progress=progress)  # one, which keeps an embedded model
    for frame in _frames(mended, options.memory_limit, notes):
        if isinstance(frame, Gap):
            gaps.append(Gap(position, frame.stop, frame.reason, frame.last))
            continue
        wrong = _other_prime(frame, options)
        if wrong is not None and options.prime is not None:
            mended.put(_prime_at(frame), options.prime.digest[: len(frame.prime)])
        # Once for all blocks of the frame, and not at all where none needs a model.
        bearer = functools.cache(functools.partial(container.find_bearer, seekable, frame))
        primed = 0  # blocks that were decoded with the prime
        for number, entry in enumerate(frame.entries):
            size = entry.content_size
            decoder.start_at(0)
            before = decoder.summary.primed
            found = _content(seekable, frame, number, bearer, decoder)
            if isinstance(found, Exception):
                gaps.append(Gap(position, position + size, str(wrong or found)))
                found = [bytes(size)] if zeros else []
            else:
                primed += decoder.summary.primed - before
            if options.max_size is not None and written + sum(map(len, found)) > options.max_size:
                raise SizeLimitError.of(options.max_size)
            for part in found:
                rawio.write_all(dst, part)
                written += len(part)
            position += size
        if wrong is not None and primed:
            notes.append(f"damaged: of the frame at byte {frame.offset}, {wrong}; it was right")
        elif wrong is not None:
            other = other or wrong
    if other is not None and not written:
        raise other
    return Rescued(written, _joined(gaps), notes)


def _other_prime(frame: FrameIndex, options: Options) -> PrimeError | None:
    """The error of a prime that is not the one that a frame names, or of a missing one; else
    None."""
    try:
        required(frame.prime, options.prime)
    except PrimeError as error:
        return error
    return None


def _prime_at(frame: FrameIndex) -> int:
    """The position in the file of the digest by which a frame names its prime."""
    size = len(container.SMALL_MAGIC) + 2 if frame.small else len(container.MAGIC) + 3
    return frame.offset + size


def _frames(file: Mended, memory_limit: int, notes: list[str]) -> list[FrameIndex | Gap]:
    """The frames of a file in order, with a gap where some are missing."""
    tail, end, problem = _from_the_end(file, memory_limit, notes)
    if problem is None:
        return tail
    file.limit, size = end, file.limit
    front, stop = container.walk(cast(BinaryIO, file), memory_limit)
    found: list[FrameIndex | Gap] = [*front]
    if stop == end and tail:
        notes.append(problem)
    elif stop < end and (between := _between(file, stop, memory_limit)):
        found += [Gap(0, None, problem, last=False), *between]
    elif tail:
        found.append(Gap(0, None, problem, last=False))
    if not tail:
        found.append(Gap(0, None, problem))
    file.limit = size
    return [*found, *tail]


def _from_the_end(
    file: Mended, memory_limit: int, notes: list[str]
) -> tuple[list[FrameIndex | Gap], int, str | None]:
    """Return (the last frames of a file, where the first of them begins, why no frame before it was
    found; None: it is the first of the file)."""
    found: list[FrameIndex | Gap] = []
    end = file.limit
    room = memory_limit // container.ENTRY_COST
    while end > 0 or not found:
        room -= 1
        try:
            frame = _frame_before(file, end, room, notes)
        except HeadError as error:
            found.append(Gap(0, None, str(error), last=False))
            end = error.offset
            continue
        except FormatError as error:
            return found[::-1], end, str(error)
        room -= len(frame.entries)
        found.append(frame)
        end = frame.offset
    return found[::-1], end, None


def _frame_before(file: Mended, end: int, room: int, notes: list[str]) -> FrameIndex:
    """The frame that ends at ``end``, after mending its magic if need be. Raises ``HeadError``
    where only the place of its beginning is known."""
    try:
        return container.frame_before(cast(BinaryIO, file), end, room)
    except HeadError as error:
        place, magic = error.offset, error.expected
        same = sum(a == b for a, b in zip(file.at(place, len(magic)), magic, strict=False))
        if 2 * same <= len(magic):  # too little of the magic is there to take it for a frame
            raise FormatError(str(error)) from None
        file.put(place, magic)
    try:
        frame = container.frame_before(cast(BinaryIO, file), end, room)
    except FormatError:
        file.drop(place)
        raise
    notes.append(f"damaged: the head of the frame at byte {place} is read as it has to be")
    return frame


def _between(file: Mended, start: int, memory_limit: int) -> list[FrameIndex]:
    """Frames behind ``start`` that follow each other without a gap up to the file's limit. Anything
    else that looks like a frame may be a part of stored content."""
    most = file.bytes_read + _MOST_READ * (file.limit - start)
    stop = start
    for place in _magics(file, start + 1):
        if place < stop:
            continue
        if file.bytes_read > most:
            break
        frames, stop = container.walk(cast(BinaryIO, file), memory_limit, place)
        if stop == file.limit:
            return frames
    return []


def _magics(file: Mended, start: int) -> Iterator[int]:
    """The positions from ``start`` on where a frame may begin. Each byte is searched once."""
    magic = re.compile(b"|".join(map(re.escape, container.MAGICS)))
    longest = len(container.MAGIC) - 1
    while data := file.at(start, _CHUNK + longest):
        places = (match.start() for match in magic.finditer(data))
        yield from (start + place for place in places if place < _CHUNK)
        start += _CHUNK


def _content(
    file: BinaryIO,
    frame: FrameIndex,
    number: int,
    bearer: Callable[[], int | None],
    decoder: Decoder,
) -> Sequence[bytes] | Exception:
    """The content of a block, in parts, or the error that it raises."""
    items = container.read_blocks(
        file, frame, number, decoder.memory_limit, layout.sources, number + 1, bearer=bearer
    )
    try:
        return [part.new for part in decoder.results(items)]
    except (FormatError, MemoryLimitError, ModelError, ModelNotFoundError, PrimeError) as error:
        return error  # of memory, too: damage may ask for any, and other blocks need less


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Join gaps that follow each other and have the same reason."""
    joined: list[Gap] = []
    for gap in gaps:
        last = joined[-1] if joined else None
        if last is not None and (last.stop, last.reason) == (gap.start, gap.reason):
            joined[-1] = Gap(last.start, gap.stop, gap.reason)
        else:
            joined.append(gap)
    return joined
