"""The content of a ``.nnc`` file as a raw stream, which can seek where its source can."""

from __future__ import annotations

import bisect
import contextlib
import functools
import io
import itertools
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, BinaryIO

from nncomp import container
from nncomp.decode import Decoder, Part
from nncomp.plan import layout

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Blocks", "ContentReader", "pieces"]


def pieces(
    file: BinaryIO, blocks: Blocks, start: int, stop: int, decoder: Decoder
) -> Iterator[bytes]:
    """Yield bytes ``start`` … ``stop`` − 1 of the content in order. Only the blocks that they are
    in, and those that these copy from, are read. Raises what ``Decoder.results`` raises."""
    if start >= stop:
        return
    first = bisect.bisect_right(blocks.starts, start) - 1
    behind = bisect.bisect_left(blocks.starts, stop)
    at = blocks.starts[first]
    decoder.start_at(at)
    items = blocks.read(file, first, decoder.memory_limit, behind)
    with contextlib.closing(decoder.results(items)) as results:
        for part in results:
            new = part.new
            if at + len(new) > start:
                yield new[max(0, start - at) : stop - at]
            at += len(new)
            if at >= stop:
                return


class ContentReader(io.RawIOBase):
    """The content of ``file``, from where it stands now to its end."""

    def __init__(self, file: BinaryIO, decoder: Decoder) -> None:
        self._file = file
        self._decoder = decoder
        self._limit = decoder.memory_limit
        self._origin = file.tell() if self.seekable() else 0
        # The parts of blocks to come; None after an error.
        self._results: Generator[Part, None, None] | None = decoder.results(
            container.read(file, self._limit)
        )
        self._content = b""  # content of the block that was decoded last, or its lead
        self._ended = True  # whether ``_content`` is all of the block
        self._start = 0  # where the block begins in the content
        self._position = 0  # where in the content the next read begins

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return hasattr(self._file, "seekable") and self._file.seekable()

    @property
    def has_failed(self) -> bool:
        """Whether reading has failed, or was interrupted: then it goes on where it is sought."""
        return self._results is None

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        if self._results is None:
            raise ValueError("reading has failed before")
        while self._position >= self._start + len(self._content):
            if not self._next_part():
                return 0
        with memoryview(buffer).cast("B") as view:
            begin = self._position - self._start
            piece = self._content[begin : begin + len(view)]
            view[: len(piece)] = piece
        count = len(piece)
        self._position += count  # no call follows, in which a signal could lose the piece
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if not self.seekable():
            raise io.UnsupportedOperation("the source of the compressed data cannot seek")
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self._blocks.starts[-1]
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        within = self._start <= offset <= self._start + len(self._content)
        if within and self._results is not None:
            self._position = offset
            return offset
        start, results = self._jump(offset)  # where reading has failed, too: it begins anew
        self._content, self._ended, self._start = b"", True, start
        self._position = offset
        self._results = results  # last: what is interrupted has to be sought anew
        return offset

    def close(self) -> None:
        if self._results is not None:
            self._results.close()  # stops what is being decoded
        super().close()

    def _next_part(self) -> bool:
        """Decode the rest of the block, or the next one, if there is one."""
        results, self._results = self._results, None
        assert results is not None
        part = next(results, None)
        if part is not None:
            if self._ended:
                self._start += len(self._content)
            self._content, self._ended = part.content, part.last
        self._results = results  # last, as there
        return part is not None

    def _jump(self, offset: int) -> tuple[int, Generator[Part, None, None]]:
        """Return where the block begins that ``offset`` is in, or the end, and the parts from there
        on."""
        blocks = self._blocks if offset else None  # for 0 without the index, which may be damaged
        results, self._results = self._results, None
        if results is not None:
            results.close()
        if blocks is None:
            self._file.seek(self._origin)
            start, items = 0, container.read(self._file, self._limit)
        else:
            number = bisect.bisect_right(blocks.starts, offset) - 1
            start, items = blocks.starts[number], blocks.read(self._file, number, self._limit)
        self._decoder.start_at(start)
        return start, self._decoder.results(items)

    @functools.cached_property
    def _blocks(self) -> Blocks:
        position = self._file.tell()
        try:
            return Blocks.of(self._file, self._limit, self._origin)
        finally:
            self._file.seek(position)


class Blocks:
    """The blocks of all frames, numbered from 0."""

    def __init__(self, frames: list[container.FrameIndex]) -> None:
        self._frames = frames
        self._firsts = list(itertools.accumulate((len(f.entries) for f in frames), initial=0))
        sizes = (entry.content_size for frame in frames for entry in frame.entries)
        self.starts = list(itertools.accumulate(sizes, initial=0))  # the last one is the end

    @classmethod
    def of(cls, file: BinaryIO, memory_limit: int, origin: int = 0) -> Blocks:
        """The blocks of a seekable file from ``origin`` on, found by its indexes. Raises what
        ``container.read_index`` raises."""
        return cls(container.read_index(file, memory_limit, origin))

    def read(
        self, file: BinaryIO, number: int, memory_limit: int, stop: int | None = None
    ) -> Iterator[container.Item]:
        """Read the blocks from ``number`` on, up to but without ``stop`` if that is given, and the
        earlier ones that they copy from."""
        for frame, first in zip(self._frames, self._firsts, strict=False):
            count = len(frame.entries)
            skipped = max(0, number - first)
            end = count if stop is None else min(stop - first, count)
            if skipped < end:
                yield from container.read_blocks(
                    file, frame, skipped, memory_limit, layout.sources, end
                )
