"""What each byte costs: the bits that it takes of the payload, after all that is before it.

Nothing but the predictors: the content is read as one stream, from first to last, without filters,
copies and lanes. Everything else is as ``compress`` has it: which contexts are mixed, and whether
the network pays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nncomp import arguments, engine, levels, rawio, resolve
from nncomp.container import MAX_BLOCK_SIZE
from nncomp.mixing import Mixing
from nncomp.options import Options
from nncomp.plan import choose
from nncomp.rawio import Readable
from nncomp.schedule import Meter, Progress, unheard

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from nncomp.options import ModelLike

__all__ = ["UNIT", "Counted", "costs", "read"]

UNIT = engine.COST_UNIT  # bits that 1 is in ``Counted.costs``
_STORED = round(8 / UNIT)


@dataclass(frozen=True)
class Counted:
    """A block of content, and what its bytes cost."""

    content: bytes
    costs: npt.NDArray[np.uint32]  # of each byte, in UNIT
    mixing: Mixing | None  # how the stage predicts; None: not at all, every byte costs 8 bits
    network: bool  # whether the network takes part


def costs(
    data: Buffer, level: int | None = None, *, model: ModelLike | None = None, threads: int = 1
) -> npt.NDArray[np.float64]:
    """The bits that each byte of ``data`` costs after all that is before it: (bytes,), at least 0.

    ``level`` and ``model`` as in ``compress``. The values are those of the coder's integers, the
    same on every machine; their sum is that of a payload, less than 4 bytes off. ``data`` is read
    in blocks of 64 MiB, each as if nothing were before it. Of ``threads`` two are of use. Raises
    ``ModelNotFoundError`` and ``ModelError``, ``TypeError`` and ``ValueError`` for wrong options.
    """
    options = Options(level=level, model=model, threads=threads)
    view = arguments.contiguous(data)
    counter = _Counter(options)
    found = np.empty(view.nbytes, np.float64)
    for start in range(0, view.nbytes, MAX_BLOCK_SIZE):
        place = slice(start, start + MAX_BLOCK_SIZE)
        np.multiply(counter.count(bytes(view[place])).costs, UNIT, out=found[place])
    return found


def read(src: Readable, options: Options, progress: Progress = lambda n: None) -> Iterator[Counted]:
    """All of ``src``, in blocks of the size that ``options`` say, or else of 64 MiB: what a block
    takes in memory is about nine times as much. Errors as in ``costs``."""
    counter = _Counter(options)
    size = options.block_size or MAX_BLOCK_SIZE
    while content := rawio.read_full(src, size):
        yield counter.count(content, progress)


class _Counter:
    """Counts one block after the other, each for itself."""

    def __init__(self, options: Options) -> None:
        self._level = levels.get(options.level)
        self._threads = options.threads
        self._model, _ = resolve.for_writing(options)
        self._engine = engine.counting()

    def count(self, content: bytes, progress: Progress = lambda n: None) -> Counted:
        """A block in the way that takes least."""
        heard = Meter(progress, len(content))

        def trial(*args: Any) -> list[bytes]:
            return self._engine.encode_block(*args, progress=unheard(progress))

        counted = [Counted(content, np.full(len(content), _STORED, np.uint32), None, False)]
        mixing = choose.choose_mixing(content, self._level.profile, trial)
        if mixing is not None:
            ways = choose.choose_ways(content, mixing, self._model, 1, self._level, trial)
            counted += [self._counted(content, way, heard) for way in ways]
        heard.finish()
        return min(counted, key=lambda one: int(one.costs.sum(dtype=np.uint64)))

    def _counted(self, content: bytes, way: choose.Way, progress: Progress) -> Counted:
        found = self._engine.byte_costs(
            self._model if way.network else None,
            content,
            way.mixing,
            threads=self._threads,
            progress=progress,
        )
        return Counted(content, found, way.mixing, way.network)
