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
    """The content of ``file``, from where it stands now to its end.

    Read through a ``BufferedReader``: its lock makes threads take turns, and refuses a call within
    a call. Where a read fails, its buffer is empty, so that the next ``seek`` comes here, wherever
    that leads. Until then, every read is refused.
    """

    def __init__(self, file: BinaryIO, decoder: Decoder) -> None:
        self._file = file
        self._decoder = decoder
        self._limit = decoder.memory_limit
        self._origin = file.tell() if self.seekable() else 0
        # The parts of blocks to come; none: they begin with the block that the position is in.
        self._results: Generator[Part, None, None] | None = decoder.results(
            container.read(file, self._limit)
        )
        self._content = b""  # content of the block that was decoded last, or its lead
        self._ended = True  # whether ``_content`` is all of the block
        self._start = 0  # where the block begins in the content
        self._position = 0  # where in the content the next read begins
        self._unfinished = False  # whether a read has begun, and not succeeded

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return hasattr(self._file, "seekable") and self._file.seekable()

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        if self.closed:  # by another thread, for which this one has waited
            raise ValueError("read of closed file")
        if self._unfinished:
            raise ValueError("reading has failed before")
        self._unfinished = True  # first: wherever a signal interrupts this, it has to be sought
        if self._results is None:
            self._results = self._begin()
        while self._position >= self._start + len(self._content):
            if not self._next_part(self._results):
                self._unfinished = False
                return 0
        with memoryview(buffer).cast("B") as view:
            begin = self._position - self._start
            piece = self._content[begin : begin + len(view)]
            view[: len(piece)] = piece
        count = len(piece)
        self._unfinished = False
        self._position += count  # no call follows, in which a signal could lose the piece
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position. Where this fails or is interrupted, nothing has happened."""
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
        if self._unfinished or not within:
            self._blocks_for(offset)  # here, not at the next read, a damaged index is an error
            self._drop()
        self._unfinished = False
        self._position = offset  # no call follows, as above
        return offset

    def close(self) -> None:
        if self._results is not None:
            self._results.close()  # stops what is being decoded
        super().close()

    def _next_part(self, results: Generator[Part, None, None]) -> bool:
        """Decode the rest of the block, or the next one, if there is one."""
        part = next(results, None)
        if part is None:
            return False
        if self._ended:
            self._start += len(self._content)
        self._content, self._ended = part.content, part.last
        return True

    def _drop(self) -> None:
        """Stop what is being decoded; the next read begins anew."""
        results, self._results = self._results, None
        if results is not None:
            results.close()

    def _begin(self) -> Generator[Part, None, None]:
        """Return the parts from the block on that the position is in; none if that is the end."""
        blocks = self._blocks_for(self._position)
        if blocks is None:
            self._file.seek(self._origin)
            start, items = 0, container.read(self._file, self._limit)
        else:
            number = bisect.bisect_right(blocks.starts, self._position) - 1
            start, items = blocks.starts[number], blocks.read(self._file, number, self._limit)
        self._decoder.start_at(start)
        self._content, self._ended, self._start = b"", True, start
        return self._decoder.results(items)

    def _blocks_for(self, offset: int) -> Blocks | None:
        """The blocks, to find ``offset`` in; none for 0, where the index may be damaged."""
        return self._blocks if offset else None

    @functools.cached_property
    def _blocks(self) -> Blocks:
        position = self._file.tell()
        results, self._results = self._results, None  # they read on from there
        try:
            return Blocks.of(self._file, self._limit, self._origin)
        finally:
            self._file.seek(position)
            self._results = results


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
