"""What each byte costs: how many bits of the payload it takes, given all bytes before it.

Only the predictors count: the content is coded as one stream in one lane, without filters and
copies. As in ``compress``, it is decided which contexts are mixed and whether the network pays.
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

UNIT = engine.COST_UNIT  # the unit of ``Counted.costs``, in bits
SHORT_BLOCK = 1 << 24  # bytes of a block when more than costs is kept of it
# A second pass with the stage alone shows what the network gains. Over a whole block it would take
# half as long again as compressing, so it covers only the beginning of a block: so many bytes at
# least, or one byte in so many.
_ALONE, _ALONE_SHARE = 1 << 20, 4
_STORED_BIT = round(1 / UNIT)  # cost of a stored bit, in UNIT


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
    """What bytes would cost, in UNIT, if one part of the program were alone.

    All arrays cover the same prefix of the block: all of it, except for large blocks coded with the
    network. There a second pass with the stage alone would take half as long again, so it covers
    only the first quarter, at least 1 MiB.
    """

    network: npt.NDArray[np.uint32] | None  # None where the network was not tried
    stage: npt.NDArray[np.uint32]  # (bytes,), or (bytes, 8): of each bit
    foretold: npt.NDArray[
        np.uint32
    ]  # (bytes,): 0 no match, 1 the longest match predicted a wrong byte, 2 the right one


class Split(NamedTuple):
    """What each byte, or each bit, costs by parts of the program, in bits."""

    network: npt.NDArray[np.float64] | None  # with the network alone; None without one
    stage: npt.NDArray[np.float64]  # with the stage alone
    final: npt.NDArray[np.float64]  # with both, as the bytes are coded


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
    """How many bits each byte of ``data`` costs, given all bytes before it: (bytes,), at least 0;
    with ``bits``, what each of its bits costs: (bytes, 8), highest bit first.

    ``level`` and ``model`` as in ``compress``. The values follow from the coder's integers and are
    the same on every machine; their sum is the size of a payload, less than 4 bytes off. ``data``
    is read in blocks of 64 MiB, each as if nothing were before it. More than two ``threads`` are of
    no use. With ``split``, returns a ``Split``: the costs with the network alone, with the stage
    alone, and with both; that takes the time of all three. Raises ``ModelNotFoundError`` and
    ``ModelError``, ``TypeError`` and ``ValueError`` for wrong options.
    """
    options = Options(level=level, model=model, threads=threads)
    view = arguments.contiguous(data)
    counter = _Counter(options)
    shape = (view.nbytes, 8) if bits else (view.nbytes,)
    stored = 1.0 if bits else 8.0  # of what nothing predicts
    final = np.full(shape, stored)
    stage = np.full(shape, stored) if split else None
    network = np.full(shape, stored) if split and counter.has_network else None
    for start in range(0, view.nbytes, MAX_BLOCK_SIZE):
        place = slice(start, start + MAX_BLOCK_SIZE)
        counted = counter.count(bytes(view[place]), bits=bits, parts=split, every=split)
        np.multiply(counted.costs, UNIT, out=final[place])
        if stage is not None and counted.parts is not None:
            np.multiply(counted.parts.stage, UNIT, out=stage[place])
            if network is not None and counted.parts.network is not None:
                np.multiply(counted.parts.network, UNIT, out=network[place])
    return final if stage is None else Split(network, stage, final)


def read(
    src: Readable,
    options: Options,
    progress: Progress = lambda n: None,
    *,
    parts: bool = False,
) -> Iterator[Counted]:
    """Count all of ``src``, block by block.

    Blocks have the size that ``options`` ask for, or else 64 MiB, and each takes about nine times
    its size in memory. With ``parts``, ``Counted.parts`` is set where anything is predicted; blocks
    have 16 MiB then unless ``options`` ask for another size, and take up to 30 times as much.
    Errors as in ``costs``.
    """
    counter = _Counter(options)
    size = options.block_size or (SHORT_BLOCK if parts else MAX_BLOCK_SIZE)
    while content := rawio.read_full(src, size):
        yield counter.count(content, progress, parts=parts)


class Growing:
    """Counts content that comes in pieces, each given the content before it.

    Only the stage predicts, in blocks of the size that ``options`` ask for, or else of 16 MiB. The
    last 16th of a block is read again, uncounted, before the next one. ``sample``, some content
    that is typical, decides which contexts are mixed.
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
        """Return what each byte of ``content`` costs, in UNIT: (bytes,)."""
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
        self._left = self.room - len(self._last) - 1  # the engine wants room for one byte more


class _Columns(NamedTuple):
    """An engine's costs of a block's bytes, in UNIT."""

    costs: npt.NDArray[np.uint32]
    alone: npt.NDArray[np.uint32] | None  # with the network alone; None without it or unless asked
    foretold: npt.NDArray[np.uint32] | None  # as in ``Parts``; None unless asked for


class _Counter:
    """Counts one block after the other, each without knowledge of those before it."""

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
        """Count a block in the way that takes the fewest bits, for each byte or for each bit. With
        ``parts``, ``Counted.parts`` is set; with ``every``, they cover all of the block, and those
        of the network are there even where an encoder would not have tried it."""
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
            if parts:  # the last column holds no costs: it is ``foretold``
                columns[-1] = rows[:, -1]
            costs, *others = map(np.ascontiguousarray, columns)
            alone = others[0] if parts and network else None
            return _Columns(costs, alone, others[-1] if parts else None)

        best, least = None, 8 * len(content) * _STORED_BIT
        mixing = self._mixing(content, progress)
        found = {}
        if mixing is not None:
            ways = self._ways(content, mixing, progress)
            for way in (Ways.ALONE, Ways.NETWORK):
                if way in ways:
                    network = way == Ways.NETWORK
                    found[network] = run(network, heard)
                    cost = int(found[network].costs.sum(dtype=np.uint64))
                    if cost < least:
                        best, least = Counted(content, found[network].costs, mixing, network), cost
        heard.finish()
        if best is None:
            shape = (len(content), 8) if bits else (len(content),)
            stored = np.full(shape, _STORED_BIT * (8 // each), np.uint32)
            best = Counted(content, stored, None, False)
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
        start = engine.in_steps().start_encoding
        return Judge(self._level, len(content), 1).choose(
            lambda: trial.expected_gain(content, 1, mixing, model, start, unheard(progress))
        )

    def _trial(self, progress: Progress) -> choose.Encode:
        def trial(*args: Any) -> list[bytes]:
            return self._engine.encode_block(*args, progress=unheard(progress))

        return trial
