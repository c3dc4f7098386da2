"""Frames → content: decodes the items that a container's reader finds to the content of blocks.

Content is handed out in order and only once it is verified; nothing is allocated before its size is
bounded, and at most a few blocks are in memory. A block's lead, its first bytes, has a checksum of
its own and is handed out before the rest is decoded where that is possible.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncomp import prime, resolve
from nncomp.container import LEAD_SIZE, Aside, Block, Header, Item, ModelRef
from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    NNCompError,
    SizeLimitError,
)
from nncomp.far import Found, Future, Split
from nncomp.filters import FILTERS, none
from nncomp.model import ARITHMETIC, Model
from nncomp.options import Options
from nncomp.places import Place, Places
from nncomp.plan import Part as Coded
from nncomp.plan import Plan, Stream, layout, memory, order
from nncomp.schedule import Meter, Progress, Task
from nncomp.summary import Summary

if TYPE_CHECKING:
    from nncomp.engine import Decoding
    from nncomp.prime import Prime

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
    """Decodes the items that a container's reader finds. ``content_size`` and ``progress`` as in
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
        self._places = Places(options, content_size)
        self._progress = progress
        self._header: Header | None = None
        self._ref: ModelRef | None = None  # of the frame, before its model is resolved
        self._model: Model | None = None
        # The last embedded model behind what it was unpacked from: blocks that are sought come with
        # it again, and unpacking takes longer than decoding many a block.
        self._embedded: tuple[tuple[bytes, str, bytes], Model] | None = None
        self._refused: tuple[tuple[bytes, str, bytes], NNCompError] | None = None  # likewise
        self._prime: Prime | None = None  # of the frame
        self._future = Future(0)
        self._number = 0  # of the next block; the first block that is asked for is 0
        self._aside: Aside | None = None  # set: the next block is decoded only to be copied from
        self._literals = 0  # bytes of the literals of all blocks of the frame so far

    def results(self, items: Iterable[Item]) -> Generator[Part, None, None]:
        """Yield the content of each block among ``items``, in order, in one part or two.

        Where the iterator ``items`` raises, the content before that comes first, then the error.
        Another call may go on from there: ``map`` and ``filter``, unlike a generator, survive an
        error. Raises ``FormatError`` and ``ChecksumError``, ``MemoryLimitError`` where decoding
        would need more than the limit, ``SizeLimitError``, ``PrimeError``, ``ModelNotFoundError``
        and ``ModelError``.
        """
        tasks = filter(None, map(self._accept, items))
        return _finished(self._places.run(tasks, self._progress))

    def _accept(self, item: Item) -> Task[_Finish] | None:
        """Return a task if ``item`` is a block, else note what it says."""
        if isinstance(item, Header):
            if item.arithmetic != ARITHMETIC:
                raise FormatError(f"arithmetic version {item.arithmetic} is not supported")
            self._prime = prime.required(item.prime, self._options.prime)
            self._header, self._ref, self._model = item, None, None
            self._future, self._number, self._literals = Future(item.reach), 0, 0
            self._aside = None  # of a block whose reading failed, perhaps
            self._places.expect(item, None, self._prime)
        elif isinstance(item, ModelRef):
            self._ref = item
        elif isinstance(item, Aside):
            self._aside = item
        elif isinstance(item, Block):
            aside, self._aside = self._aside, None
            return self._accept_block(item, aside)
        else:
            self.summary.frames += 1
            self.summary.content_size += item.content_size
            self.summary.stored_size += item.stored_size
        return None

    def start_at(self, offset: int) -> None:
        """Let the next block begin at this offset of the content, for the check of ``max_size``."""
        self._promised = offset

    def _accept_block(self, block: Block, aside: Aside | None) -> Task[_Finish]:
        assert self._header is not None
        plan = layout.loads(block, self._header)
        self._promised += block.size if aside is None else 0
        max_size = self._options.max_size
        if max_size is not None and self._promised > max_size:
            raise SizeLimitError.of(max_size)
        if self._ref is not None:  # only now, behind the checks: unpacking a model is work
            self._model = self._model_of(self._ref)
            self._places.expect(self._header, self._model, self._prime)
            self._ref = None
        held = min(self._header.reach, self._literals)
        need = memory.of_block(plan, block.size, self._model, self._prime)
        if held + need > self.memory_limit:
            raise MemoryLimitError.of("decoding", held + need, self.memory_limit)
        self._places.expect_block(need, held + self._kept_beside(held + need))
        self._literals += plan.literals(block.size)
        if aside is not None:
            return self._task(plan, block, need, self._number - aside.back, asked_for=False)
        self.summary.count(plan)
        self._number += 1
        return self._task(plan, block, need, self._number - 1, asked_for=True)

    def _model_of(self, ref: ModelRef) -> Model:
        """The model of a frame. Raises what ``resolve.for_frame`` raises."""
        if ref.data is None:
            self._embedded = None
            return resolve.for_frame(ref, self._options.model)
        source = ref.id, ref.name, hashlib.blake2b(ref.data).digest()
        if self._embedded is None or self._embedded[0] != source:
            self._embedded = None  # so that there is never more than one
            if self._refused is not None and self._refused[0] == source:
                raise self._refused[1].with_traceback(None)
            try:
                model = resolve.for_frame(ref, memory_limit=self.memory_limit)
            except NNCompError as error:
                self._refused = source, error
                raise
            self._embedded = source, model
        return self._embedded[1]

    def _kept_beside(self, need: int) -> int:
        """Bytes of memory of an embedded model that the next block does not use. It is kept only
        where there is room for it beside the ``need`` bytes of the block."""
        if self._embedded is None or self._model is not None:
            return 0
        kept = self._embedded[1].memory(1)
        if need + kept <= self.memory_limit:
            return kept
        self._embedded = None
        return 0

    def _task(
        self, plan: Plan, block: Block, need: int, number: int, *, asked_for: bool
    ) -> Task[_Finish]:
        """A task that decodes a block. What it yields is called in the order of blocks, in the
        caller's thread: so the literals that a block copies from are there by then, and no task
        waits for another."""
        future, model, primed = self._future, self._model, self._prime
        place = self._places.place
        root = plan.joined(block.size)
        # Else there is no lead: a filter may need all of its streams, and a copy may come first.
        alone = FILTERS[plan.filter] is none and plan.copies is None
        leads = alone and asked_for and block.size > LEAD_SIZE

        def decode(threads: int, report: Progress) -> Iterator[_Finish]:
            def coded(stream: Stream) -> _Coded:
                network = model if stream.network else None
                used = primed if stream.primed else None
                return _Coded(stream, network, used, place, threads)

            self._places.make_room(need)
            meter = Meter(report, block.size if asked_for else 0)
            known = 0
            copies = b""
            if plan.copies is not None and asked_for:
                copies = coded(plan.copies.stream).rest(meter)
            if leads and isinstance(root.streams[0], Stream):
                stream = coded(root.streams[0])
                if stream.in_steps:
                    lead = stream.lead(meter)
                    _require(zlib.crc32(lead) == block.lead_checksum)
                    known = len(lead)
                    yield functools.partial(Part, lead, last=False)
                literals = stream.rest(meter)
            else:
                literals = _whole(root, coded, meter)
            meter.finish()
            if plan.copies is None:
                _require(block.matches(literals))

            def finish() -> Part | None:
                content = literals
                if plan.copies is not None and asked_for:
                    split = Split(literals, Found(plan.copies.sources, copies))
                    content = future.join(number, split, block.size)
                    _require(block.matches(content))
                future.add(number, literals)
                return Part(content, known) if asked_for else None

            yield finish

        return decode


def _whole(part: Coded, coded: Callable[[Stream], _Coded], meter: Meter) -> bytes:
    """The bytes that a part of a plan stands for. A recursive closure in its place would be a cycle
    of references that keeps the model alive."""
    if isinstance(part, Stream):
        return coded(part).rest(meter)
    below = [_whole(stream, coded, meter) for stream in part.streams]
    joined = FILTERS[part.filter].join(below, part.side, part.size)
    _require(len(joined) == part.size)
    return joined


_Finish = Callable[[], Part | None]  # the work that needs the literals of the blocks before


def _finished(results: Generator[_Finish, None, None]) -> Generator[Part, None, None]:
    with contextlib.closing(results):
        for finish in results:
            part = finish()
            del finish
            if part is not None:
                yield part
            del part


class _Coded:
    """Decodes a stream: first its lead, if that is asked for, then all of it. Between the two the
    decoder's memory is held, but no thread is at work."""

    def __init__(
        self,
        stream: Stream,
        model: Model | None,
        primed: Prime | None,
        place: Place,
        threads: int,
    ) -> None:
        assert model is not None or not stream.network
        assert primed is not None or not stream.primed
        self._stream = stream
        self._model = model
        self._prime = primed
        self._place = place
        self._threads = threads
        self._decoding: Decoding | None = None
        self.in_steps = stream.mixing is not None and place.can_lead(model)

    def lead(self, report: Progress) -> bytes:
        """Decode the first bytes before the others. Only if ``in_steps``."""
        stream, lanes = self._stream, len(self._stream.payloads)
        assert stream.mixing is not None
        with self._place.in_steps() as cpu:
            self._decoding = cpu.start_decoding(
                self._model,
                list(stream.payloads),
                stream.size,
                stream.mixing,
                self._threads,
                prime=self._prime,
            )
            self._decoding.decode(order.lead_steps(lanes), progress=report)
        return order.lead(self._decoding.part, stream.size, lanes)

    def rest(self, report: Progress) -> bytes:
        """Decode all of the stream; reports only bytes that ``lead`` did not report."""
        stream = self._stream
        if stream.mixing is None:
            return stream.payloads[0]
        decoding, self._decoding = self._decoding, None
        with self._place.of(self._model) as engine:
            if decoding is not None:
                coded = decoding.finish(progress=report)
            else:
                coded = engine.decode_block(
                    self._model,
                    list(stream.payloads),
                    stream.size,
                    stream.mixing,
                    threads=self._threads,
                    progress=report,
                    prime=self._prime,
                )
        del decoding  # frees much memory before ``gather`` makes another copy
        return order.gather(coded, len(stream.payloads))


def _require(matches: bool) -> None:
    if not matches:
        raise ChecksumError("a block's content does not match its checksum")
