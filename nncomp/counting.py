"""What each byte costs: the bits that it takes of the payload, after all that is before it.

Nothing but the predictors: the content is read as one stream, from first to last, without filters,
copies and lanes. Everything else is as ``compress`` has it: which contexts are mixed, and whether
the network pays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from nncomp import arguments, engine, levels, rawio, resolve
from nncomp.container import MAX_BLOCK_SIZE
from nncomp.mixing import Mixing
from nncomp.options import Options
from nncomp.plan import choose, trial
from nncomp.plan.judge import Judge, Ways
from nncomp.rawio import Readable
from nncomp.schedule import Meter, Progress, unheard

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from nncomp.options import ModelLike

__all__ = ["SHORT_BLOCK", "UNIT", "Counted", "Growing", "Parts", "Split", "costs", "read"]

UNIT = engine.COST_UNIT  # bits that 1 is in ``Counted.costs``
SHORT_BLOCK = 1 << 24  # bytes of a block of which more than costs is kept
# How much of a block the stage reads once more, to show what the network brings: with all of it,
# that would take half as long again as compressing.
_ALONE, _ALONE_SHARE = 1 << 20, 4  # bytes at least, one in so many
_STORED_BIT = round(1 / UNIT)


@dataclass(frozen=True)
class Counted:
    """A block of content, and what its bytes cost."""

    content: bytes
    costs: npt.NDArray[np.uint32]  # of each byte, in UNIT
    mixing: Mixing | None  # how the stage predicts; None: not at all, every byte costs 8 bits
    network: bool  # whether the network takes part
    parts: Parts | None = None  # where that is asked for, and something is predicted


@dataclass(frozen=True)
class Parts:
    """What bytes would cost if one part of the program were alone, in UNIT: of a block's first
    bytes, as many as ``stage`` has, the others alike. All of it, but of a large one that the
    network takes part in: there the stage alone is time for nothing else."""

    network: npt.NDArray[np.uint32] | None  # None where that was not tried
    stage: npt.NDArray[np.uint32]  # (bytes,), or (bytes, 8) of bits
    foretold: npt.NDArray[
        np.uint32
    ]  # by matches: 0 by none, 1 the longest was wrong, 2 it was right


class Split(NamedTuple):
    """What each byte, or each bit, costs by parts of the program, in bits."""

    network: npt.NDArray[np.float64] | None  # if it were alone; None without one
    stage: npt.NDArray[np.float64]  # if it were
    final: npt.NDArray[np.float64]  # of both, as they are coded


@overload
def costs(
    data: Buffer,
    level: int | None = None,
    *,
    model: ModelLike | None = None,
    threads: int = 1,
    split: Literal[False] = False,
    bits: bool = False,
) -> npt.NDArray[np.float64]: ...


@overload
def costs(
    data: Buffer,
    level: int | None = None,
    *,
    model: ModelLike | None = None,
    threads: int = 1,
    split: Literal[True],
    bits: bool = False,
) -> Split: ...


def costs(
    data: Buffer,
    level: int | None = None,
    *,
    model: ModelLike | None = None,
    threads: int = 1,
    split: bool = False,
    bits: bool = False,
) -> npt.NDArray[np.float64] | Split:
    """The bits that each byte of ``data`` costs after all that is before it: (bytes,), at least 0;
    with ``bits``, each of its bits: (bytes, 8), highest bit first.

    ``level`` and ``model`` as in ``compress``. The values are those of the coder's integers, the
    same on every machine; their sum is that of a payload, less than 4 bytes off. ``data`` is read
    in blocks of 64 MiB, each as if nothing were before it. Of ``threads`` two are of use. With
    ``split``, a ``Split``: what the network and the stage would take if either were alone, and
    what both take; it takes the time of all three. Raises ``ModelNotFoundError`` and
    ``ModelError``, ``TypeError`` and ``ValueError`` for wrong options.
    """
    options = Options(level=level, model=model, threads=threads)
    view = arguments.contiguous(data)
    counter = _Counter(options)
    shape = (view.nbytes, 8) if bits else (view.nbytes,)
    found = Split(*(np.full(shape, float(_STORED_BIT * UNIT)) for _ in range(3)))
    for start in range(0, view.nbytes, MAX_BLOCK_SIZE):
        place = slice(start, start + MAX_BLOCK_SIZE)
        counted = counter.count(bytes(view[place]), bits=bits, parts=split, every=split)
        np.multiply(counted.costs, UNIT, out=found.final[place])
        if counted.parts is not None:
            np.multiply(counted.parts.stage, UNIT, out=found.stage[place])
            if found.network is not None and counted.parts.network is not None:
                np.multiply(counted.parts.network, UNIT, out=found.network[place])
    if not split:
        return found.final
    return found if counter.has_network else found._replace(network=None)


def read(
    src: Readable,
    options: Options,
    progress: Progress = lambda n: None,
    *,
    parts: bool = False,
) -> Iterator[Counted]:
    """All of ``src``, in blocks of the size that ``options`` say, or else of 64 MiB: what a block
    takes in memory is about nine times as much. With ``parts``, they are there; the network's where
    it was tried; a block is of 16 MiB then, and takes up to 30 times as much. Errors as in
    ``costs``."""
    counter = _Counter(options)
    size = options.block_size or (SHORT_BLOCK if parts else MAX_BLOCK_SIZE)
    while content := rawio.read_full(src, size):
        yield counter.count(content, progress, parts=parts)


class Growing:
    """Content that comes in pieces: each costs what it does after all that was before it.

    The stage alone, in blocks of the size that ``options`` say, or else of 16 MiB; a block begins
    with the last 16th of the one before, which it has read. ``sample``, of what is to come, says
    which contexts are mixed.
    """

    def __init__(self, options: Options, sample: bytes) -> None:
        profile = levels.get(options.level).profile
        self._engine = engine.counting()
        trial = self._engine.encode_block
        self._mixing = choose.choose_mixing(sample, profile, trial) or Mixing(profile)
        self.room = options.block_size or SHORT_BLOCK  # bytes of a block
        self._last = b""
        self._begin()

    def add(self, content: bytes) -> npt.NDArray[np.uint32]:
        """What each byte of it costs, in UNIT: (bytes,)."""
        found = [np.empty(0, np.uint32)]
        while content:
            if not self._left:
                self._begin()
            piece, content = content[: self._left], content[self._left :]
            found.append(self._primed.read(piece))
            self._left -= len(piece)
            self._last = (self._last + piece)[-(self.room // 16) :]
        return np.concatenate(found)

    def _begin(self) -> None:
        self._primed = self._engine.Primed(self._last, self.room, self._mixing)
        self._left = self.room - len(self._last) - 1  # room for one more has to be left


class _Columns(NamedTuple):
    """What an engine says of a block's bytes."""

    costs: npt.NDArray[np.uint32]
    alone: npt.NDArray[np.uint32] | None  # the network's, if it took part and is asked for
    foretold: npt.NDArray[np.uint32] | None  # if that is asked for


class _Counter:
    """Counts one block after the other, each for itself."""

    def __init__(self, options: Options) -> None:
        self._level = levels.get(options.level)
        self._threads = options.threads
        self._model, _ = resolve.for_writing(options)
        self._engine = engine.counting()

    @property
    def has_network(self) -> bool:
        return self._model is not None

    def count(
        self,
        content: bytes,
        progress: Progress = lambda n: None,
        *,
        bits: bool = False,
        parts: bool = False,
        every: bool = False,
    ) -> Counted:
        """A block in the way that takes least: of each byte, or of its bits. With ``parts``, what
        these take; with ``every`` of all of it, and the network, too, where it was not tried."""
        heard = Meter(progress, len(content))
        each = 8 if bits else 1

        def run(network: bool, report: Progress, size: int = len(content)) -> _Columns:
            assert mixing is not None
            rows = self._engine.cost_rows(
                self._model if network else None,
                content[:size],
                mixing,
                split=parts,
                bits=bits,
                threads=self._threads,
                progress=report,
            )
            kinds = [rows[:, first : first + each] for first in range(0, rows.shape[1], each)]
            columns = [kind if bits else kind.reshape(-1) for kind in kinds]
            if parts:  # the last one is not of costs
                columns[-1] = rows[:, -1]
            costs, *others = map(np.ascontiguousarray, columns)
            alone = others[0] if parts and network else None
            return _Columns(costs, alone, others[-1] if parts else None)

        shape = (len(content), 8) if bits else (len(content),)
        stored = np.full(shape, _STORED_BIT * (8 // each), np.uint32)
        counted = [Counted(content, stored, None, False)]
        mixing = self._mixing(content, progress)
        found = {}
        if mixing is not None:
            ways = self._ways(content, mixing, progress)
            for way in (Ways.ALONE, Ways.NETWORK):
                if way in ways:
                    network = way == Ways.NETWORK
                    found[network] = run(network, heard)
                    counted.append(Counted(content, found[network].costs, mixing, network))
        heard.finish()
        best = min(counted, key=lambda one: int(one.costs.sum(dtype=np.uint64)))
        if not parts or mixing is None:
            return best
        if True not in found and every and self.has_network:
            found[True] = run(True, unheard(progress))
        if False not in found:
            some = max(_ALONE, len(content) // _ALONE_SHARE)
            found[False] = run(False, unheard(progress), len(content) if every else some)
        stage, foretold = found[False].costs, found[False].foretold
        assert foretold is not None
        alone = found[True].alone if True in found else None
        if alone is not None:
            alone = alone[: len(stage)]
        return replace(best, parts=Parts(alone, stage, foretold))

    def _mixing(self, content: bytes, progress: Progress) -> Mixing | None:
        return choose.choose_mixing(content, self._level.profile, self._trial(progress))

    def _ways(self, content: bytes, mixing: Mixing, progress: Progress) -> Ways:
        model = self._model
        if model is None:
            return Ways.ALONE
        start = engine.in_steps(self._engine).start_encoding
        return Judge(self._level, len(content), 1).choose(
            lambda: trial.expected_gain(content, 1, mixing, model, start, unheard(progress))
        )

    def _trial(self, progress: Progress) -> choose.Encode:
        def trial(*args: Any) -> list[bytes]:
            return self._engine.encode_block(*args, progress=unheard(progress))

        return trial
