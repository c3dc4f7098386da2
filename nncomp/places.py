"""Decides where blocks are coded and how many at a time: on threads, or with a network on a GPU."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from nncomp import engine
from nncomp.arguments import MAX_THREADS
from nncomp.container import Header
from nncomp.engine import Engine, InSteps
from nncomp.mixing import Mixing
from nncomp.plan import memory
from nncomp.schedule import Progress, Task, in_order

if TYPE_CHECKING:
    from nncomp.model import Model
    from nncomp.options import Options
    from nncomp.prime import Prime

__all__ = ["Place", "Places", "prepare"]

_T = TypeVar("_T")


def prepare(device: str) -> None:
    """Load what coding on ``device`` needs, except models, so that a lack of memory that ends the
    process does so before a caller has begun to write. Raises ``NNCompError`` for a device that is
    not there."""
    engine.get("cpu" if device == "auto" else device)


@dataclass(frozen=True)
class Place:
    """Where the blocks of a frame are coded, and the memory that each takes. A task keeps the place
    of its block: what comes behind changes nothing for it."""

    need: int  # bytes of memory for a block that is coded on the CPU
    left: int  # bytes of memory for a block that is done and waits for earlier ones
    gate: _Gate
    gpu: Engine | None = None
    gpu_blocks: int = 0  # how many blocks may be on the GPU at a time

    @contextlib.contextmanager
    def cpu(self) -> Iterator[Engine]:
        """The CPU's engine, once the work on the CPU has room for the caller. Where there is no
        GPU, there are no more tasks than there is room for."""
        with self.gate.inside(self.need) if self.gpu is not None else contextlib.nullcontext():
            yield engine.get("cpu")

    @contextlib.contextmanager
    def in_steps(self) -> Iterator[InSteps]:
        """An engine on the CPU that codes step by step: the native one where the CPU's cannot."""
        with self.cpu():
            yield engine.in_steps()

    def is_on_cpu(self, model: Model | None) -> bool:
        """Whether ``of`` gives the CPU's engine for a stream with this network."""
        return self.gpu is None or model is None

    def can_lead(self, model: Model | None) -> bool:
        """Whether ``of`` gives an engine that codes step by step for a stream with this network."""
        return self.is_on_cpu(model) and isinstance(engine.get("cpu"), InSteps)

    def of(self, model: Model | None) -> contextlib.AbstractContextManager[Engine]:
        """The engine for a stream with this network, or with none."""
        if self.gpu is None or model is None:
            return self.cpu()
        return contextlib.nullcontext(self.gpu)


class Places:
    """Runs the tasks of one caller, and chooses the engine for each block.

    A GPU codes the blocks of many tasks together, so with one there are many tasks. The work that
    they do on the CPU still keeps within threads and memory: a gate sees to it.
    Raises ``NNCompError`` for a device that is not there.
    """

    def __init__(self, options: Options, content_size: int | None) -> None:
        self.threads = min(options.threads, MAX_THREADS)
        engine.check(options.device)
        engine.get("cpu")  # imported now, and not while the interpreter ends
        self._device = options.device
        self._content_size = content_size or 0
        self._limit = options.in_flight or options.memory_limit
        self._prime = options.prime  # whose cached states take of the memory
        self._held = 0  # bytes of memory for literals of earlier blocks
        self._gate = _Gate(self.threads, self._limit)
        self._tasks: deque[Place] = deque()  # places of the tasks that there are
        self.place = Place(1, 1, self._gate)
        """Of the next task."""

    def expect(self, header: Header, model: Model | None, prime: Prime | None) -> None:
        """Prepare for the blocks of a frame with this header, of which some need ``model``. With a
        prime they are coded on the CPU, where the primed states are."""
        need = memory.of_frame(header, model, prime)
        self.place = Place(need, memory.LEFT * header.block_size, self._gate)
        if model is None or prime is not None:
            return
        whole, rest = divmod(self._content_size, header.block_size)
        lanes = whole * header.lanes + (header.lanes_of(rest) if rest else 0)
        gpu = engine.get(self._device, lanes, self.threads)
        if isinstance(gpu, engine.ManyBlocks):
            mixing = Mixing(header.profile)
            fit = gpu.blocks_in_flight(model, mixing, header.block_size, header.lanes)
            # Content and payload of each block are in the host's memory, too.
            fit = min(fit, self._limit // (2 * header.block_size))
            self.place = replace(self.place, gpu=gpu, gpu_blocks=fit)

    def expect_block(self, need: int, held: int) -> None:
        """Prepare for a block that needs ``need`` bytes of memory, perhaps more than those before,
        while ``held`` bytes hold literals of earlier blocks."""
        if need > self.place.need:
            self.place = replace(self.place, need=need)
        self._held = held

    def make_room(self, need: int) -> None:
        """Before a block that needs ``need`` bytes of memory: drop primed states that are cached,
        where it does not fit beside them."""
        if self._prime is not None:
            free = self._limit - self._held - need
            engine.in_steps().keep_primed(self._prime, free)

    def width(self, there: int = 0) -> int:
        """How many tasks may run at a time, at least 1, where the last ``there`` of them are not
        done: among those may be tasks of earlier frames."""
        places = self._of_last(there)
        room = self._free() // max(place.need for place in places)
        on_cpu = min(self.threads, room)
        return max(1, min(on_cpu if p.gpu is None else p.gpu_blocks for p in places))

    def most(self, there: int = 0) -> int:
        """How many tasks may exist at once, at least 1, including finished ones whose results wait
        for an earlier task. ``there`` as in ``width``."""
        width, places = self.width(there), self._of_last(there)
        if any(place.gpu is not None for place in places):
            return width
        room = self._free() - width * max(place.need for place in places)
        return width + max(0, min(width, room // max(place.left for place in places)))

    def run(
        self, tasks: Iterator[Task[_T]], progress: Progress | None
    ) -> Generator[_T, None, None]:
        """Run ``tasks`` by ``schedule.in_order``, as many at a time as there is room for."""

        def noted(task: Task[_T]) -> Task[_T]:
            self._tasks.append(self.place)
            return task

        return in_order(map(noted, tasks), self.width, self.most, self.threads, progress)

    def _free(self) -> int:
        """Bytes of memory beside what is held of earlier blocks."""
        free = self._limit - self._held
        if self._prime is None:
            return free
        return free - engine.in_steps().primed_memory(self._prime)

    def _of_last(self, there: int) -> list[Place]:
        """The places of the last ``there`` tasks, and of the next one."""
        while len(self._tasks) > there:
            self._tasks.popleft()
        return [self.place, *self._tasks]


class _Gate:
    """Lets as many in as there are threads and memory for, and one whatever it needs."""

    def __init__(self, threads: int, memory: int) -> None:
        self._threads = threads
        self._memory = self._most = memory
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def inside(self, need: int) -> Iterator[None]:
        """Within, ``need`` bytes of memory are used."""
        need = min(need, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._threads > 0 and self._memory >= need)
            self._threads -= 1
            self._memory -= need
        try:
            yield
        finally:
            with self._changed:
                self._threads += 1
                self._memory += need
                self._changed.notify_all()
