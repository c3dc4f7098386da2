"""Frames → content: what a container's reader finds becomes the content of blocks, in order.

Nothing is handed out before it is verified, nothing allocated before it is bounded, and at most a
few blocks are in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable

from nncomp import resolve
from nncomp.container import Block, Header, Item, ModelRef
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, SizeLimitError
from nncomp.filters import FILTERS
from nncomp.model import ARITHMETIC, Model
from nncomp.options import Options
from nncomp.places import Places
from nncomp.plan import Plan, Stream, layout, memory
from nncomp.schedule import Meter, Progress, Task
from nncomp.summary import Summary

__all__ = ["Decoder"]


class Decoder:
    """Turns what a container's reader finds into content. ``content_size`` and ``progress`` as in
    ``Encoder``."""

    def __init__(
        self,
        options: Options,
        *,
        content_size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.summary = Summary()
        self.memory_limit = options.memory_limit
        self._options = options
        self._promised = 0  # bytes of content of the blocks accepted so far
        self._places = Places(options.device, options.threads, content_size, options.memory_limit)
        self._progress = progress
        self._header: Header | None = None
        self._ref: ModelRef | None = None  # of the frame, before its model is resolved
        self._model: Model | None = None

    def results(self, items: Iterable[Item]) -> Generator[bytes, None, None]:
        """The content of each block among ``items``, in order.

        Where drawing an item fails, the content before it comes first, then the error. Another call
        may go on from there: ``map`` and ``filter``, unlike a generator, survive an error. Raises
        ``FormatError`` and ``ChecksumError``, ``MemoryLimitError`` where decoding would need more
        than the limit, ``SizeLimitError``, ``ModelNotFoundError`` and ``ModelError``.
        """
        tasks = filter(None, map(self._accept, items))
        return self._places.run(tasks, self._progress)

    def _accept(self, item: Item) -> Task[bytes] | None:
        """A task if ``item`` is a block."""
        if isinstance(item, Header):
            if item.arithmetic != ARITHMETIC:
                raise FormatError(f"arithmetic version {item.arithmetic} is not supported")
            self._header, self._ref, self._model = item, None, None
            self._places.expect(item, None)
        elif isinstance(item, ModelRef):
            self._ref = item
        elif isinstance(item, Block):
            return self._accept_block(item)
        else:
            self.summary.frames += 1
            self.summary.content_size += item.content_size
            self.summary.stored_size += item.stored_size
        return None

    def start_at(self, offset: int) -> None:
        """What is drawn next stands at this offset of the content, where ``max_size`` counts."""
        self._promised = offset

    def _accept_block(self, block: Block) -> Task[bytes]:
        assert self._header is not None
        plan = layout.loads(block, self._header)
        self._promised += block.size
        max_size = self._options.max_size
        if max_size is not None and self._promised > max_size:
            raise SizeLimitError(f"the content is larger than {max_size} bytes")
        if self._ref is not None:  # only now: unpacking a model is work, too
            self._model = resolve.for_frame(self._ref, self._options.model, self.memory_limit)
            self._places.expect(self._header, self._model)
            self._ref = None
        need = memory.of_block(plan, block.size, self._model)
        if need > self.memory_limit:
            raise MemoryLimitError.of("decoding", need, self.memory_limit)
        self._places.expect_block(need)
        self.summary.count(plan)
        return self._task(plan, block.size, block.content_checksum, self._model)

    def _task(self, plan: Plan, size: int, checksum: int, model: Model | None) -> Task[bytes]:
        def decode(threads: int, report: Progress) -> bytes:
            meter = Meter(report, size)
            streams = [self._decoded(stream, model, threads, meter) for stream in plan.streams]
            meter.finish()
            content = FILTERS[plan.filter].join(streams, plan.side, size)
            if len(content) != size or zlib.crc32(content) != checksum:
                raise ChecksumError("a block's content does not match its checksum")
            return content

        return decode

    def _decoded(
        self, stream: Stream, model: Model | None, threads: int, report: Progress
    ) -> bytes:
        if stream.mixing is None:
            return stream.payloads[0]
        assert model is not None or not stream.network
        used = model if stream.network else None
        with self._places.of(used) as place:
            return place.decode_block(
                used,
                list(stream.payloads),
                stream.size,
                stream.mixing,
                threads=threads,
                progress=report,
            )
