"""What is whole in a damaged file: every block whose checks match, and what is missing.

Blocks are found by the index, or where that is damaged, from the front. Each is decoded for itself,
with those that it copies from; so one that is damaged takes no other along but those that need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from nncomp import container, rawio
from nncomp.container import FrameIndex
from nncomp.decode import Decoder
from nncomp.errors import FormatError, ModelError, ModelNotFoundError
from nncomp.options import Options
from nncomp.plan import layout
from nncomp.rawio import Writable
from nncomp.schedule import Progress

__all__ = ["Gap", "rescue"]


@dataclass(frozen=True)
class Gap:
    """Bytes of the content that are missing."""

    start: int
    stop: int | None  # behind the last; None: nobody knows how many there were
    reason: str

    def __str__(self) -> str:
        end = "the end" if self.stop is None else f"{self.stop - 1}"
        return f"bytes {self.start} to {end} are missing: {self.reason}"


def rescue(
    file: BinaryIO,
    dst: Writable,
    options: Options,
    *,
    zeros: bool = False,
    progress: Progress | None = None,
) -> tuple[int, list[Gap]]:
    """Write what is whole of ``file``, which can seek, to ``dst``, and with ``zeros`` as many of
    them for what is missing, where that is known.

    Returns how many bytes were written and what is missing, in order. Raises ``MemoryLimitError``,
    and what reading and writing raise.
    """
    frames, problem = _frames(file, options.memory_limit)
    gaps: list[Gap] = []
    written = position = 0
    for frame in frames:
        for number, entry in enumerate(frame.entries):
            size = entry.content_size
            found = _content(file, frame, number, Decoder(options, progress=progress))
            if isinstance(found, Exception):
                gaps.append(Gap(position, position + size, str(found)))
                found = [bytes(size)] if zeros else []
            for part in found:
                rawio.write_all(dst, part)
                written += len(part)
            position += size
    if problem is not None:
        gaps.append(Gap(position, None, problem))
    return written, _joined(gaps)


def _frames(file: BinaryIO, memory_limit: int) -> tuple[list[FrameIndex], str | None]:
    """What there is, and why that may not be all."""
    try:
        return container.read_index(file, memory_limit), None
    except FormatError as error:
        return container.walk(file, memory_limit), str(error)


def _content(
    file: BinaryIO, frame: FrameIndex, number: int, decoder: Decoder
) -> Sequence[bytes] | Exception:
    """A block's, or what is wrong with it."""
    items = container.read_blocks(
        file, frame, number, decoder.memory_limit, layout.sources, number + 1, lenient=True
    )
    try:
        return [part.new for part in decoder.results(items)]
    except (FormatError, ModelError, ModelNotFoundError) as error:
        return error


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Those that follow each other, and are for one reason, as one."""
    joined: list[Gap] = []
    for gap in gaps:
        last = joined[-1] if joined else None
        if last is not None and (last.stop, last.reason) == (gap.start, gap.reason):
            joined[-1] = Gap(last.start, gap.stop, gap.reason)
        else:
            joined.append(gap)
    return joined
