"""Frames ⇄ content: cuts input into blocks, picks each block's type, runs engines on threads.

Container, models and engines meet here only. The bytes depend on the content, the model and the
options, never on threads, device or how the input arrives. Nothing is written to the output before
it is verified, and at most a few blocks are in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import threading
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from nncomp import arguments, choice, container, engine, levels, probe, rawio, registry, weights
from nncomp.container import Block, BlockType, FrameWriter, Header, Item, ModelRef, Packed
from nncomp.engine import Engine
from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    ModelError,
    NNCompError,
    SizeLimitError,
)
from nncomp.levels import NO_MODEL
from nncomp.mixing import Mixing, Profile
from nncomp.model import ARITHMETIC, Model, ModelConfig
from nncomp.rawio import Readable, Writable
from nncomp.schedule import Progress, Task, in_order

if TYPE_CHECKING:
    from typing_extensions import Buffer

    ModelLike = str | os.PathLike[str] | Model
    Embeddable = ModelLike | Packed

__all__ = [
    "DEFAULT_MEMORY_LIMIT",
    "Decoder",
    "Encoder",
    "Summary",
    "compress",
    "compress_stream",
    "decompress",
    "decompress_stream",
    "find_model",
    "memory_needed",
    "prepare",
]

DEFAULT_MEMORY_LIMIT = 1 << 30  # bytes

_T = TypeVar("_T")

_LANE_COST = 10  # 1/1024 of what is coded, for each doubling of lanes, where it is text
# Gains in a sample, in units of what is needed, between which a block is coded in both ways. Of 59
# blocks at -3 and -5 the network lost on all 17 below, and won 2 % and more on all 16 above.
_DOUBT = 1, 8
_MAX_THREADS = 1024  # more than that is as many
_MIN_CODED_SIZE = 8  # bytes; below, a coded block's head costs more than coding can save


@dataclasses.dataclass
class Summary:
    """What a call has read or written."""

    content_size: int = 0  # bytes
    stored_size: int = 0  # bytes
    frames: int = 0
    blocks: Counter[BlockType] = dataclasses.field(default_factory=Counter)
    mixings: Counter[Mixing] = dataclasses.field(default_factory=Counter)

    def count(self, block: Block) -> None:
        self.blocks[block.type] += 1
        if block.mixing is not None:
            self.mixings[block.mixing] += 1


def prepare(device: str) -> None:
    """Load what coding on ``device`` needs, but for models: what ends the process for want of
    memory does so before a caller has begun to write. Raises ``NNCompError`` for a device that is
    not there."""
    engine.check(device)
    engine.get("cpu" if device == "auto" else device)


def compress(
    data: Buffer,
    level: int | None = None,
    *,
    model: Embeddable | None = None,
    embed_model: bool = False,
    block_size: int | None = None,
    device: str = "auto",
    threads: int = 1,
) -> bytes:
    """``data`` as one frame. Options and errors are those of ``compress_stream``."""
    view = arguments.contiguous(data)
    dst = io.BytesIO()
    compress_stream(
        io.BytesIO(view),
        dst,
        level=level,
        model=model,
        embed_model=embed_model,
        block_size=block_size,
        device=device,
        threads=threads,
        content_size=view.nbytes,
    )
    return dst.getvalue()


def decompress(
    data: Buffer,
    *,
    model: ModelLike | None = None,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    max_size: int | None = None,
    device: str = "auto",
    threads: int = 1,
) -> bytes:
    """The content of all frames in ``data``. Options and errors are those of
    ``decompress_stream``."""
    dst = io.BytesIO()
    decompress_stream(
        io.BytesIO(arguments.contiguous(data)),
        dst,
        model=model,
        memory_limit=memory_limit,
        max_size=max_size,
        device=device,
        threads=threads,
    )
    return dst.getvalue()


def compress_stream(
    src: Readable,
    dst: Writable,
    *,
    level: int | None = None,
    model: Embeddable | None = None,
    embed_model: bool = False,
    block_size: int | None = None,
    device: str = "auto",
    threads: int = 1,
    content_size: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Compress all of ``src`` into one frame on ``dst``.

    ``level`` is 1..9; ``model`` (a model, a name or a path; "none": use no network) and
    ``block_size`` (bytes, a power of two, 2^10..2^26) replace what the level says. ``embed_model``
    puts the model into the frame; one that is ``Packed`` goes there anyway. ``threads`` ≥ 1.
    ``content_size``, if known, helps ``device`` "auto" to choose, and nothing else. ``progress`` is
    called in this thread and may raise to abort. Raises ``ModelNotFoundError`` and ``ModelError``,
    ``ValueError`` for options out of range, and ``NNCompError`` for a device that is not there.
    """
    encoder = Encoder(
        dst,
        level=level,
        model=model,
        embed_model=embed_model,
        block_size=block_size,
        device=device,
        threads=threads,
        content_size=content_size,
        progress=progress,
    )
    encoder.add(src)
    return encoder.end()


def decompress_stream(
    src: Readable,
    dst: Writable,
    *,
    model: ModelLike | None = None,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    max_size: int | None = None,
    device: str = "auto",
    threads: int = 1,
    content_size: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Decompress all frames of ``src`` to ``dst``; a block is written once it is verified.

    ``model`` is only one more place to look for the model that the file names. Raises
    ``FormatError`` and ``ChecksumError`` for the file, ``MemoryLimitError`` where decoding would
    need more than ``memory_limit`` bytes, ``ModelNotFoundError`` and ``ModelError``. Blocks before
    a damaged one may have been written by then. ``device``, ``threads``, ``content_size`` and
    ``progress`` as in ``compress_stream``.
    """
    decoder = Decoder(
        model=model,
        memory_limit=memory_limit,
        max_size=max_size,
        device=device,
        threads=threads,
        content_size=content_size,
        progress=progress,
    )
    results = decoder.results(container.read(src, memory_limit))
    with contextlib.closing(results):
        for content in results:
            rawio.write_all(dst, content)
    return decoder.summary


class Encoder:
    """Writes a frame to ``dst``: its header at once, blocks as content comes, the rest in ``end``.

    Cuts the content into blocks and finds for each the smallest way to store it. Options and errors
    are those of ``compress_stream``. After an error the frame cannot be completed any more.
    """

    def __init__(
        self,
        dst: Writable,
        *,
        level: int | None = None,
        model: Embeddable | None = None,
        embed_model: bool = False,
        block_size: int | None = None,
        device: str = "auto",
        threads: int = 1,
        content_size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        preset = levels.get(level)
        if block_size is None:
            block_size = preset.block_size
        block_size = arguments.integer("block_size", block_size)
        self.header = Header(block_size, preset.full_lanes(block_size), ARITHMETIC, preset.profile)
        self._preset = preset
        wanted = preset.model if model is None else _checked_model(model)
        if embed_model and wanted == NO_MODEL:
            raise ValueError("there is no model to embed")
        # All that may be needed is looked up and loaded now: what is wrong shows before anything is
        # written, and nothing has to be imported while the interpreter ends.
        self._places = _Places(device, threads, content_size, DEFAULT_MEMORY_LIMIT)
        self._model, self._packed = _load(wanted)
        if embed_model and self._packed is None:
            assert self._model is not None
            self._packed = weights.pack(self._model)
        self._places.expect(self.header, self._model)
        self._progress = progress
        self._summary = Summary()
        self._usable = True  # whether the frame may be continued
        self._writer = FrameWriter(dst, self.header)

    def width(self) -> int:
        """How many blocks to have at a time, at least 1: for speed, never for what is written."""
        return self._places.width()

    def add(self, src: Readable) -> None:
        """Compress all of ``src``, in blocks that are full but for the last one."""
        self._check_usable()
        self._usable = False
        results = self._places.run(self._tasks(src), self._progress)
        with contextlib.closing(results):
            for candidates in results:
                self._summary.count(self._write(candidates))
        self._usable = True

    def end(self) -> Summary:
        """Complete the frame. Nothing can be added after that."""
        self._check_usable()
        self._usable = False
        end = self._writer.end()
        self._summary.frames = 1
        self._summary.content_size, self._summary.stored_size = end.content_size, end.stored_size
        return self._summary

    def _check_usable(self) -> None:
        if not self._usable:
            raise ValueError("the frame has ended, or failed before: nothing can be added to it")

    def _tasks(self, src: Readable) -> Iterator[Task[tuple[Block, ...]]]:
        """Tasks whose results are candidates; of equally small ones the first is written."""
        while content := rawio.read_full(src, self.header.block_size):
            yield self._task(content)

    def _write(self, candidates: tuple[Block, ...]) -> Block:
        """Write the smallest candidate, counting the model where this block would bring it.

        Not an embedded model's data, which was asked for. Returns the block.
        """

        def carried(block: Block) -> ModelRef | None:
            if not block.type.has_network or self._writer.has_network:
                return None
            assert self._model is not None
            return ModelRef(self._model.id, self._model.name)

        block = min(candidates, key=lambda b: container.record_size(b, carried(b)))
        model = carried(block)
        if model is not None and self._packed is not None:
            model = dataclasses.replace(model, data=self._packed.data)
        self._writer.write(block, model)
        return block

    def _task(self, content: bytes) -> Task[tuple[Block, ...]]:
        size = len(content)
        checksum = zlib.crc32(content)
        stored = Block(BlockType.STORED, size, (content,), checksum)
        period = probe.find_period(content)
        if period is not None:
            repeat = Block(BlockType.REPEAT, size, (content[:period],), checksum)
            return _ready((stored, repeat), size)
        if size < _MIN_CODED_SIZE or probe.looks_random(content):
            return _ready((stored,), size)
        model = self._model

        def code(threads: int, report: Progress) -> tuple[Block, ...]:
            ways = self._ways(content, model, threads, report)
            # Of two ways, the last one is heard: each reports all of the content.
            reports = [*[_unheard(report)] * (len(ways) - 1), report]
            coded = [
                self._coded(content, checksum, *way, threads, heard)
                for way, heard in zip(ways, reports, strict=True)
            ]
            return (stored, *self._worthwhile(coded))

        return code

    def _worthwhile(self, coded: list[Block]) -> list[Block]:
        """Blocks smaller than their content; with network only where it saves what is asked."""

        def coded_size(block: Block) -> int:
            return sum(map(len, block.payloads))

        if len(coded) == 2 and coded[0].size > choice.SMALL:
            alone, joined = map(coded_size, coded)
            if joined >= alone - alone * self._preset.min_gain // 1024:
                coded = coded[:1]
        return [block for block in coded if coded_size(block) < block.size]

    def _ways(
        self, content: bytes, model: Model | None, threads: int, report: Progress
    ) -> list[tuple[Model | None, Mixing]]:
        """How to code ``content``: in one way, or in two of which the smaller result counts."""

        def trial(*args: Any) -> list[bytes]:  # of a sample, which is too little for a GPU
            with self._places.cpu() as cpu:
                return cpu.encode_block(*args, threads=threads, progress=_unheard(report))

        mixing = choice.choose_mixing(content, self._preset.profile, trial)
        if model is None:
            return [(None, mixing)]
        if len(content) <= choice.SMALL:
            return [(None, mixing), (model, mixing)]
        lanes = self.header.block_lanes(len(content))
        need = self._preset.min_gain + _LANE_COST * (lanes.bit_length() - 1)
        gain = choice.network_gain(content, model, mixing, trial)
        low, high = _DOUBT if self._preset.thorough else (2, 2)
        ways = [(None, mixing)] if gain < high * need else []
        return ways + ([(model, mixing)] if gain >= low * need else [])

    def _coded(
        self,
        content: bytes,
        checksum: int,
        model: Model | None,
        mixing: Mixing,
        threads: int,
        report: Progress,
    ) -> Block:
        size = len(content)
        block_type = BlockType.MIX if model is None else BlockType.NETWORK_MIX
        with self._places.of(model) as place:
            payloads = place.encode_block(
                model,
                content,
                1 if model is None else self.header.block_lanes(size),
                mixing,
                threads=threads,
                progress=report,
            )
        return Block(block_type, size, tuple(payloads), checksum, mixing)


class Decoder:
    """Turns what a container's reader finds into content. Options are those of
    ``decompress_stream``."""

    def __init__(
        self,
        *,
        model: ModelLike | None = None,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        max_size: int | None = None,
        device: str = "auto",
        threads: int = 1,
        content_size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.summary = Summary()
        self._offered = None if model is None else _checked_model(model)
        self.memory_limit = arguments.integer("memory_limit", memory_limit, least=1)
        self._max_size = max_size
        if max_size is not None:
            self._max_size = arguments.integer("max_size", max_size, least=0)
        self._promised = 0  # bytes of content of the blocks accepted so far
        self._places = _Places(device, threads, content_size, self.memory_limit)
        self._progress = progress
        self._header: Header | None = None
        self._model: Model | None = None

    def results(self, items: Iterable[Item]) -> Generator[bytes, None, None]:
        """The content of each block among ``items``, in order.

        Where drawing an item fails, the content before it comes first, then the error. Another call
        may go on from there: ``map`` and ``filter``, unlike a generator, survive an error.
        """
        tasks = filter(None, map(self._accept, items))
        return self._places.run(tasks, self._progress)

    def _accept(self, item: Item) -> Task[bytes] | None:
        """A task if ``item`` is a block."""
        if isinstance(item, Header):
            if item.arithmetic != ARITHMETIC:
                raise FormatError(f"arithmetic version {item.arithmetic} is not supported")
            self._header, self._model = item, None
            self._places.expect(item, None)
        elif isinstance(item, ModelRef):
            assert self._header is not None
            self._model = find_model(item, self._offered, self.memory_limit)
            self._places.expect(self._header, self._model)
        elif isinstance(item, Block):
            if item.type.is_coded and self._places.need > self.memory_limit:
                raise MemoryLimitError.of("decoding", self._places.need, self.memory_limit)
            self._promised += item.size
            if self._max_size is not None and self._promised > self._max_size:
                raise SizeLimitError(f"the content is larger than {self._max_size} bytes")
            self.summary.count(item)
            return self._task(item, self._model)
        else:
            self.summary.frames += 1
            self.summary.content_size += item.content_size
            self.summary.stored_size += item.stored_size
        return None

    def _task(self, block: Block, model: Model | None) -> Task[bytes]:
        def decode(threads: int, report: Progress) -> bytes:
            if block.type.is_coded:
                assert model is not None or not block.type.has_network
                used = model if block.type.has_network else None
                with self._places.of(used) as place:
                    content: bytes = place.decode_block(
                        used,
                        list(block.payloads),
                        block.size,
                        block.mixing,
                        threads=threads,
                        progress=report,
                    )
            else:  # a stored block's payload is its content once
                pattern = block.payloads[0]
                content = (pattern * -(-block.size // len(pattern)))[: block.size]
                report(block.size)
            if len(content) != block.size or zlib.crc32(content) != block.content_checksum:
                raise ChecksumError("a block's content does not match its checksum")
            return content

        return decode


def find_model(
    ref: ModelRef, offered: ModelLike | None = None, memory_limit: int = DEFAULT_MEMORY_LIMIT
) -> Model:
    """The model that a frame needs: embedded, or ``offered`` if it is the one, or installed.

    Raises ``ModelNotFoundError``, ``ModelError``, and ``FormatError`` and ``MemoryLimitError`` for
    what is embedded.
    """
    if ref.data is not None:
        try:
            model = _unpack(Packed(ref.name, ref.data), memory_limit)
        except ModelError as error:
            raise FormatError(f"the embedded model is malformed: {error}") from None
        if model.id != ref.id:
            raise FormatError("the embedded model is not the one that the frame names")
        return model
    if offered is not None:
        with contextlib.suppress(NNCompError, OSError):  # it was only an offer
            model = registry.resolve(offered)
            if model.id == ref.id:
                return model
    return registry.find_id(ref.id, ref.name)


def _checked_model(model: object) -> Any:
    """What can name or be a model; raises ``TypeError``."""
    if not isinstance(model, (str, os.PathLike, Model, Packed)):
        raise TypeError(f"model must be a name, a path or a Model, not {type(model).__name__}")
    return model


def _load(wanted: Embeddable) -> tuple[Model | None, Packed | None]:
    """(the model, its packed form if that is to be embedded); (None, None) without a network."""
    if isinstance(wanted, Packed):
        return _unpack(wanted, DEFAULT_MEMORY_LIMIT), wanted
    return (None if wanted == NO_MODEL else registry.resolve(wanted)), None


def _unpack(packed: Packed, memory_limit: int) -> Model:
    """An embedded model. Raises ``ModelError`` for what is wrong with it, ``ModelNotFoundError``
    for its base, and ``MemoryLimitError`` before tensors are allocated."""
    base_id = weights.base_id(packed)
    base = None if base_id is None else registry.find_id(base_id, f"base of {packed.name}")
    need = len(packed.data) + weights.read_config(packed, base).memory(1)
    if need > memory_limit:
        raise MemoryLimitError.of("the embedded model", need, memory_limit)
    return weights.unpack(packed, base)


def memory_needed(header: Header, model: Model | ModelConfig | None) -> int:
    """Upper bound in bytes of what decoding a block of a frame needs; None: without network."""
    need = 2 * header.block_size
    if model is not None:
        need += model.memory(header.lanes)
    if header.profile:
        lanes = 1 if model is None else header.lanes
        need += Mixing(Profile(header.profile)).memory(header.block_size, lanes)
    return need


def _unheard(report: Progress) -> Progress:
    """Passes on no count, but what ``report`` raises: for work that is done in addition."""
    return lambda count: report(0)


def _ready(result: _T, size: int) -> Task[_T]:
    """A task whose result, for ``size`` bytes of content, is there already."""

    def task(threads: int, report: Progress) -> _T:
        report(size)
        return result

    return task


class _Places:
    """Where blocks are coded, and how many at a time: on threads, or with a network on a GPU.

    A GPU takes the blocks of many tasks together, so there it pays to have many; what such tasks do
    on the CPU keeps within the threads and the memory that there are without a GPU. Raises
    ``NNCompError`` for a device that is not there.
    """

    def __init__(
        self, device: str, threads: int, content_size: int | None, memory_limit: int
    ) -> None:
        self.threads = min(arguments.integer("threads", threads, least=1), _MAX_THREADS)
        engine.check(device)
        engine.get("cpu")  # it is imported now, and not while the interpreter ends
        self.need = 1  # bytes of memory for a block on the CPU
        self._device = device
        self._content_size = content_size or 0
        self._limit = memory_limit
        self._gpu: Engine | None = None
        self._gpu_blocks = 0
        self._gate = threading.BoundedSemaphore()  # to the CPU, where there is a GPU

    def expect(self, header: Header, model: Model | None) -> None:
        """From now on, blocks are of a frame with this header, and some have this network."""
        self.need = memory_needed(header, model)
        self._gpu = None
        if model is None:
            return
        whole, rest = divmod(self._content_size, header.block_size)
        lanes = whole * header.lanes + (header.block_lanes(rest) if rest else 0)
        chosen = engine.get(self._device, lanes, self.threads)
        if isinstance(chosen, engine.ManyBlocks):
            mixing = Mixing(Profile(header.profile)) if header.profile else None
            fit = chosen.blocks_in_flight(model, mixing, header.block_size, header.lanes)
            self._gate = threading.BoundedSemaphore(max(1, min(self.threads, self.room())))
            # Content and payload of each are in the machine's own memory, too.
            self._gpu_blocks = min(fit, self._limit // (2 * header.block_size))
            self._gpu = chosen

    def room(self) -> int:
        """How many blocks may be in memory."""
        return self._limit // self.need if self._gpu is None else self._gpu_blocks

    def width(self) -> int:
        """How many tasks to have at a time, at least 1."""
        return max(1, self.room() if self._gpu is not None else min(self.threads, self.room()))

    def run(
        self, tasks: Iterator[Task[_T]], progress: Progress | None
    ) -> Generator[_T, None, None]:
        """``schedule.in_order``, with as many tasks at a time as there is room for."""
        return in_order(tasks, self.width, self.threads, progress)

    @contextlib.contextmanager
    def cpu(self) -> Iterator[Engine]:
        """The CPU's engine."""
        with self._gate if self._gpu is not None else contextlib.nullcontext():
            yield engine.get("cpu")

    def of(self, model: Model | None) -> contextlib.AbstractContextManager[Engine]:
        """The engine for a block with this network, or without."""
        if self._gpu is None or model is None:
            return self.cpu()
        return contextlib.nullcontext(self._gpu)
