"""Content → a frame: has each block coded in several ways, and keeps the smallest.

The bytes depend on the content, the model and the options, never on threads, on the device or on
the pieces in which the input arrives.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from nncomp import container, levels, rawio, resolve
from nncomp.blocks import BlockCoder, Coded
from nncomp.container import MAX_LANES, Block, FrameWriter, Header, ModelRef
from nncomp.cuts import Cutter, Piece
from nncomp.errors import FormatError, NNCompError
from nncomp.far import Found, Past
from nncomp.model import ARITHMETIC
from nncomp.options import Options
from nncomp.places import Places
from nncomp.plan import Plan, layout
from nncomp.rawio import Readable, Writable
from nncomp.schedule import Progress
from nncomp.summary import Summary
from nncomp.ways import StreamCoder

__all__ = ["Before", "Encoder", "header_of"]


@dataclass(frozen=True)
class Before:
    """What has to be known of the earlier blocks to code a block."""

    first: int  # number of the block from which streams and pictures are followed into this one
    start: int  # the index in the content where that block begins
    found: Found | None  # what it copies from earlier blocks


def header_of(options: Options) -> Header:
    """The header of a frame that is written with these options."""
    level = levels.get(options.level)
    block_size = level.block_size if options.block_size is None else options.block_size
    lanes = min(level.full_lanes(block_size), MAX_LANES)
    prime = b"" if options.prime is None else options.prime.digest
    return Header(block_size, lanes, ARITHMETIC, level.profile, options.wanted_reach, prime)


class Encoder:
    """Writes a frame to ``dst``: header and blocks as content comes, the rest in ``end``. A small
    first block is held back until there is a second one: alone, it may become a small frame.

    ``content_size``, if known, only helps to choose where the device is "auto". ``progress`` is
    called in the caller's thread with the number of bytes done, and may raise to abort. After an
    error the frame cannot be completed any more. Raises ``ModelNotFoundError``, ``ModelError``, and
    ``NNCompError`` for a device that is not there.
    """

    def __init__(
        self,
        dst: Writable,
        options: Options,
        *,
        content_size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.header = header_of(options)
        level = levels.get(options.level)
        # Everything is looked up and loaded now, so that errors come before anything is written,
        # and nothing has to be imported while the interpreter ends.
        self._places = Places(options, content_size)
        self._model, self._packed = resolve.for_writing(options)
        self._places.expect(self.header, self._model, options.prime)
        place = self._places.place
        self._coder = BlockCoder(StreamCoder(self.header, level, self._model, place, options.prime))
        self._progress = progress
        self._cutter = Cutter(self.header.block_size)
        self._summary = Summary()
        self._past = Past(self.header.reach)
        self._usable = True  # whether the frame may be continued
        self._dst = dst
        self._held: Coded | None = None  # the first block, while it may become a small frame
        self._writer: FrameWriter | None = None

    def width(self) -> int:
        """How many blocks to give at a time, at least 1. It affects speed, never the bytes."""
        return self._places.width()

    def add(self, src: Readable, *, last: bool = True) -> int:
        """Compress all of ``src``; or, unless it is the ``last``, whole blocks of it. Returns how
        many bytes they have."""
        self._check_usable()
        self._usable = False
        size = 0
        with contextlib.closing(self._code(self._cutter.pieces(src, last=last))) as results:
            for coded in results:
                size += coded[0][1].size
                self._write(coded)
        self._usable = True
        return size

    # Several encoders can write one frame: one surveys, each codes a part, and one of them puts.

    def survey(self, src: Readable) -> Iterator[Before]:
        """Yield for each block of ``src`` what has to be known of the earlier ones to code it."""
        first = first_start = start = 0
        for number, piece in enumerate(self._cutter.pieces(src)):
            if not any(piece.inside):
                first, first_start = number, start
            start += len(piece.content)
            split = self._past.split(piece.content, piece.heads)
            yield Before(first, first_start, None if split is None else split.found)

    def code_part(
        self, src: BinaryIO, number: int, before: Sequence[Before]
    ) -> Generator[Coded, None, None]:
        """Code some blocks of ``src``, which can seek, for ``put``: one for each element of
        ``before``, starting with block ``number``."""
        src.seek(before[0].start)
        pieces = itertools.islice(self._cutter.pieces(src), number - before[0].first, None)
        tasks = (
            self._coder.task(
                content, None if one.found is None else one.found.split(content), inside
            )
            for one, (content, inside, _) in zip(before, pieces, strict=False)
        )
        return self._places.run(tasks, self._progress)

    def code(self, src: Readable, count: int | None = None) -> Generator[Coded, None, None]:
        """Code the first ``count`` blocks of ``src``, or all of them, for ``put``."""
        return self._code(itertools.islice(self._cutter.pieces(src), count))

    def _code(self, pieces: Iterable[Piece]) -> Generator[Coded, None, None]:
        tasks = (
            self._coder.task(content, self._past.split(content, heads), inside)
            for content, inside, heads in pieces
        )
        return self._places.run(tasks, self._progress)

    def put(self, coded: Coded) -> None:
        """Write the next block, which ``code`` or ``code_part`` has coded."""
        self._check_usable()
        self._usable = False
        self._write(coded)
        self._usable = True

    def end(self) -> Summary:
        """Complete the frame. Nothing can be added after that."""
        self._check_usable()
        self._usable = False
        if not self._write_small():
            end = self._begun().end()
            self._summary.content_size = end.content_size
            self._summary.stored_size = end.stored_size
        self._summary.frames = 1
        return self._summary

    def _begun(self) -> FrameWriter:
        """The frame's writer, once the block that was held back is written."""
        if self._writer is None:
            self._writer = FrameWriter(self._dst, self.header)
            held, self._held = self._held, None
            if held is not None:
                self._put(held, self._writer)
        return self._writer

    def _write_small(self) -> bool:
        """Write the block that is held back as a small frame, if it is the only block and a small
        frame is no larger than a usual one. Returns whether it was written."""
        if self._held is None:
            return False
        own = self.header
        header = Header.of_small(own.arithmetic, own.profile, own.prime)
        small = [
            (frame, plan)
            for plan, block in self._held
            if (not block.network or resolve.is_released(self._model))
            and _is_read(plan, block, header)
            and (frame := container.small_frame(own, block, self._carried(block)))
        ]
        if not small:
            return False
        frame, plan = min(small, key=lambda one: len(one[0]))
        writer = FrameWriter(io.BytesIO(), own)
        _, block, model = self._smallest(self._held, writer)
        writer.write(block, model)
        usual = writer.end().stored_size
        embeds = model is not None and model.data is not None
        if embeds or len(frame) > usual:
            return False
        rawio.write_all(self._dst, frame)
        self._summary.count(plan)
        self._summary.content_size, self._summary.stored_size = self._held[0][1].size, len(frame)
        return True

    def _check_usable(self) -> None:
        if not self._usable:
            raise ValueError("the frame has ended, or failed before: nothing can be added to it")

    def _write(self, coded: Coded) -> None:
        small = coded[0][1].size <= container.MAX_SMALL_SIZE
        if self._writer is None and self._held is None and small:
            self._held = coded
        else:
            self._put(coded, self._begun())

    def _put(self, coded: Coded, writer: FrameWriter) -> None:
        plan, block, model = self._smallest(coded, writer)
        if not _is_read(plan, block, self.header):
            raise NNCompError("internal error: a block would not be read as it was written")
        writer.write(block, model)
        self._summary.count(plan)

    def _smallest(self, coded: Coded, writer: FrameWriter) -> tuple[Plan, Block, ModelRef | None]:
        """Choose the smallest block, and return the model's record if this block would bring it.

        The size of that record counts, but not the data of an embedded model: the user asked for
        those.
        """

        def record_size(candidate: tuple[Plan, Block]) -> int:
            model = None if writer.has_network else self._carried(candidate[1])
            return container.record_size(candidate[1], named(model))

        def named(model: ModelRef | None) -> ModelRef | None:
            return model and dataclasses.replace(model, data=None)

        plan, block = min(coded, key=record_size)
        return plan, block, None if writer.has_network else self._carried(block)

    def _carried(self, block: Block) -> ModelRef | None:
        """The model that comes with a frame's first network block."""
        if not block.network:
            return None
        assert self._model is not None
        data = None if self._packed is None else self._packed.data
        return ModelRef(self._model.id, self._model.name, data)


def _is_read(plan: Plan, block: Block, header: Header) -> bool:
    """Whether this plan is read from ``block`` in a frame with this header."""
    try:
        return layout.loads(block, header) == plan
    except FormatError:
        return False
