"""Frames → content: what a container's reader finds becomes the content of blocks, in order.

Nothing is handed out before it is verified, nothing allocated before it is bounded, and at most a
few blocks are in memory. A block's lead, its first bytes, has a check of its own, and is handed out
before the rest is decoded where that is possible.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncomp import container, resolve
from nncomp.container import LEAD_SIZE, Block, Header, Item, ModelRef
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError, SizeLimitError
from nncomp.filters import FILTERS, none
from nncomp.model import ARITHMETIC, Model
from nncomp.options import Options
from nncomp.places import Places
from nncomp.plan import Plan, Stream, layout, memory, order
from nncomp.schedule import Meter, Progress, Task
from nncomp.summary import Summary

if TYPE_CHECKING:
    from nncomp.engine import Decoding

__all__ = ["Decoder", "Part"]


@dataclass(frozen=True)
class Part:
    """Verified content of a block, from its beginning on: its lead, or all of it."""

    content: bytes
    known: int = 0  # how many of its bytes were handed out before
    last: bool = True  # whether this is all of the block

    @property
    def new(self) -> bytes:
        return self.content[self.known :] if self.known else self.content


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

    def results(self, items: Iterable[Item]) -> Generator[Part, None, None]:
        """The content of each block among ``items``, in order, in one part or two.

        Where drawing an item fails, the content before it comes first, then the error. Another call
        may go on from there: ``map`` and ``filter``, unlike a generator, survive an error. Raises
        ``FormatError`` and ``ChecksumError``, ``MemoryLimitError`` where decoding would need more
        than the limit, ``SizeLimitError``, ``ModelNotFoundError`` and ``ModelError``.
        """
        tasks = filter(None, map(self._accept, items))
        return self._places.run(tasks, self._progress)

    def _accept(self, item: Item) -> Task[Part] | None:
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

    def _accept_block(self, block: Block) -> Task[Part]:
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
        return self._task(plan, block, self._model)

    def _task(self, plan: Plan, block: Block, model: Model | None) -> Task[Part]:
        def decode(threads: int, report: Progress) -> Iterator[Part]:
            meter = Meter(report, block.size)
            known, streams = 0, []
            for stream in plan.streams:
                coded = _Coded(stream, model if stream.network else None, self._places, threads)
                # What a filter joins may need all of its streams.
                if FILTERS[plan.filter] is none and block.size > LEAD_SIZE and coded.in_steps:
                    lead = coded.lead(meter)
                    _require(zlib.crc32(lead) == block.lead_checksum)
                    yield Part(lead, last=False)
                    known = len(lead)
                streams.append(coded.rest(meter))
            meter.finish()
            content = FILTERS[plan.filter].join(streams, plan.side, block.size)
            _require(len(content) == block.size)
            _require(zlib.crc32(content) == block.content_checksum)
            _require(container.lead_checksum(content) == block.lead_checksum)
            yield Part(content, known)

        return decode


class _Coded:
    """A stream on its way out: its lead, and then all of it. Between the two, what decoding takes
    is held, and nothing runs."""

    def __init__(self, stream: Stream, model: Model | None, places: Places, threads: int) -> None:
        assert model is not None or not stream.network
        self._stream = stream
        self._model = model
        self._places = places
        self._threads = threads
        self._decoding: Decoding | None = None
        self.in_steps = stream.mixing is not None and places.can_lead(model)

    def lead(self, report: Progress) -> bytes:
        """The first bytes, where they can be had before the others: ``in_steps``."""
        stream, lanes = self._stream, len(self._stream.payloads)
        assert stream.mixing is not None
        with self._places.in_steps() as place:
            self._decoding = place.start_decoding(
                self._model, list(stream.payloads), stream.size, stream.mixing, self._threads
            )
            self._decoding.decode(order.lead_steps(lanes), progress=report)
        return order.lead(self._decoding.part, stream.size, lanes)

    def rest(self, report: Progress) -> bytes:
        """All of the stream; reports what was not reported before."""
        stream = self._stream
        if stream.mixing is None:
            return stream.payloads[0]
        decoding, self._decoding = self._decoding, None
        with self._places.of(self._model) as place:
            if decoding is not None:
                coded = decoding.finish(progress=report)
            else:
                coded = place.decode_block(
                    self._model,
                    list(stream.payloads),
                    stream.size,
                    stream.mixing,
                    threads=self._threads,
                    progress=report,
                )
        del decoding  # and with it much memory, before there is another copy
        return order.gather(coded, len(stream.payloads))


def _require(matches: bool) -> None:
    if not matches:
        raise ChecksumError("a block's content does not match its checksum")
