"""Decides where blocks are coded and how many at a time: on threads, or with a network on a GPU."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

from nncomp import engine
from nncomp.container import Header
from nncomp.engine import Engine, InSteps
from nncomp.mixing import Mixing
from nncomp.plan import memory
from nncomp.schedule import Progress, Task, in_order

if TYPE_CHECKING:
    from nncomp.model import Model
    from nncomp.options import Options
    from nncomp.prime import Prime

__all__ = ["Places", "prepare"]

_T = TypeVar("_T")

_MAX_THREADS = 1024  # where more threads are asked for, so many are used


def prepare(device: str) -> None:
    """Load what coding on ``device`` needs, except models, so that a lack of memory that ends the
    process does so before a caller has begun to write. Raises ``NNCompError`` for a device that is
    not there."""
    engine.check(device)
    engine.get("cpu" if device == "auto" else device)


class Places:
    """Runs the tasks of one caller, and chooses the engine for each block.

    A GPU codes the blocks of many tasks together, so with one there are many tasks. The work that
    they do on the CPU still keeps within threads and memory: a semaphore sees to it.
    Raises ``NNCompError`` for a device that is not there.
    """

    def __init__(self, options: Options, content_size: int | None) -> None:
        self.threads = min(options.threads, _MAX_THREADS)
        engine.check(options.device)
        engine.get("cpu")  # imported now, and not while the interpreter ends
        self._need = 1  # bytes of memory for a block that is coded on the CPU
        self._left = 1  # bytes of memory for a block that is done and waits for earlier ones
        self._held = 0  # bytes of memory for literals of earlier blocks
        self._device = options.device
        self._content_size = content_size or 0
        self._limit = options.in_flight or options.memory_limit
        self._prime = options.prime  # whose cached states take of the memory
        self._gpu: Engine | None = None
        self._gpu_blocks = 0
        self._gate = threading.BoundedSemaphore()  # limits work on the CPU where there is a GPU

    def expect(self, header: Header, model: Model | None, prime: Prime | None = None) -> None:
        """Prepare for the blocks of a frame with this header, of which some need ``model``. With a
        prime they are coded on the CPU, where the primed states are."""
        self._need = memory.of_frame(header, model, prime)
        self._left = memory.LEFT * header.block_size
        self._gpu = None
        if model is None or prime is not None:
            return
        whole, rest = divmod(self._content_size, header.block_size)
        lanes = whole * header.lanes + (header.lanes_of(rest) if rest else 0)
        chosen = engine.get(self._device, lanes, self.threads)
        if isinstance(chosen, engine.ManyBlocks):
            mixing = Mixing(header.profile)
            fit = chosen.blocks_in_flight(model, mixing, header.block_size, header.lanes)
            self._gate = threading.BoundedSemaphore(max(1, min(self.threads, self._room())))
            # Content and payload of each block are in the host's memory, too.
            self._gpu_blocks = min(fit, self._limit // (2 * header.block_size))
            self._gpu = chosen

    def expect_block(self, need: int, held: int) -> None:
        """Prepare for a block that needs ``need`` bytes of memory, perhaps more than those before,
        while ``held`` bytes hold literals of earlier blocks."""
        self._need = max(self._need, need)
        self._held = held

    def make_room(self, need: int) -> None:
        """Before a block that needs ``need`` bytes of memory: drop primed states that are cached,
        where it does not fit beside them."""
        if self._prime is not None:
            free = self._limit - self._held - need
            engine.in_steps(engine.get("cpu")).keep_primed(self._prime, free)

    def width(self) -> int:
        """How many tasks may run at a time, at least 1."""
        return max(1, self._room() if self._gpu is not None else min(self.threads, self._room()))

    def most(self) -> int:
        """How many tasks may exist at once, including finished ones whose results wait for an
        earlier task."""
        width = self.width()
        if self._gpu is not None:
            return width
        room = self._free() - width * self._need
        return width + max(0, min(width, room // self._left))

    def run(
        self, tasks: Iterator[Task[_T]], progress: Progress | None
    ) -> Generator[_T, None, None]:
        """Run ``tasks`` by ``schedule.in_order``, as many at a time as there is room for."""
        return in_order(tasks, self.width, self.most, self.threads, progress)

    @contextlib.contextmanager
    def cpu(self) -> Iterator[Engine]:
        """The CPU's engine, once the work on the CPU has room for the caller."""
        with self._gate if self._gpu is not None else contextlib.nullcontext():
            yield engine.get("cpu")

    @contextlib.contextmanager
    def in_steps(self) -> Iterator[InSteps]:
        """An engine on the CPU that codes step by step: the native one where the CPU's cannot."""
        with self.cpu() as cpu:
            yield engine.in_steps(cpu)

    def is_on_cpu(self, model: Model | None) -> bool:
        """Whether ``of`` gives the CPU's engine for a stream with this network."""
        return self._gpu is None or model is None

    def can_lead(self, model: Model | None) -> bool:
        """Whether ``of`` gives an engine that codes step by step for a stream with this network."""
        return self.is_on_cpu(model) and isinstance(engine.get("cpu"), InSteps)

    def of(self, model: Model | None) -> contextlib.AbstractContextManager[Engine]:
        """The engine for a stream with this network, or with none."""
        if self._gpu is None or model is None:
            return self.cpu()
        return contextlib.nullcontext(self._gpu)

    def _room(self) -> int:
        """How many blocks may be in memory."""
        return self._free() // self._need if self._gpu is None else self._gpu_blocks

    def _free(self) -> int:
        """Bytes of memory beside what is held of earlier blocks."""
        free = self._limit - self._held
        if self._prime is None:
            return free
        return free - engine.in_steps(engine.get("cpu")).primed_memory(self._prime)
