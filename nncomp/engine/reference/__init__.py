"""The reference engine: ``docs/numerics.md`` as a program, in Python and numpy integers.

It is slow and meant to be read; the other engines must equal it bit for bit. ``network`` predicts
bytes, ``features``, ``lane`` and ``mixer`` are the adaptive stage, ``coder`` turns probabilities
into bytes; here they meet, for a block whose lanes are coded in lock step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.engine import PLAIN
from nncomp.engine.reference.coder import (
    RangeDecoder,
    RangeEncoder,
    counted,
    cumulative_sums,
    probability,
    teller,
    tempered,
    writer,
)
from nncomp.engine.reference.mixer import Stage
from nncomp.engine.reference.network import START, Network, Prediction
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.prime import Prime

__all__ = [
    "Primed",
    "continue_block",
    "cost_rows",
    "decode_block",
    "encode_block",
    "frequencies",
    "lane_sizes",
]


def lane_sizes(size: int, lanes: int) -> list[int]:
    """Bytes of each lane of a block; the first ``size`` mod ``lanes`` are one byte longer."""
    if size < 0 or lanes < 1:
        raise ValueError("size must be 0 or more and lanes 1 or more")
    return [size // lanes + (i < size % lanes) for i in range(lanes)]


def _steps(
    model: Model | None,
    pieces: Sequence[bytearray | bytes],
    sizes: list[int],
    stage: Stage | None = None,
    known: int = 0,
) -> Iterator[tuple[int, int, Prediction | None]]:
    """Yield for each step (its time t, how many lanes have a byte t, the network's prediction for
    these; None without a model).

    Between two steps the caller may append to ``pieces``: step t needs the bytes before t. If the
    first ``known`` bytes of all lanes are the same, ``stage`` reads them once, in the first lane,
    and the steps begin after them.
    """
    network = None if model is None else Network(model, len(sizes))
    if known:
        assert stage is not None
        for t in range(known):
            tokens = [pieces[0][t - 1] if t else START]
            said = None if network is None else network.step(tokens)
            _code_byte(stage, 0, said, teller(pieces[0][t]))
            stage.update(1)
        _share_first(stage)
        if network is not None:
            network.share_first()
    for t in range(known, max(sizes)):
        active = sum(size > t for size in sizes)  # the shorter lanes are the last ones
        tokens = [pieces[lane][t - 1] if t else START for lane in range(active)]
        yield t, active, None if network is None else network.step(tokens)


def _stage(
    mixing: Mixing, model: Model | None, pieces: Sequence[bytearray | bytes], sizes: list[int]
) -> Stage:
    units = 0 if model is None else model.config.units
    return Stage(mixing, model is not None, pieces, sizes, units)


def _share_first(stage: Stage) -> None:
    """Copy the private state of the first lane, the only one used so far, to all lanes."""
    first = stage.lanes[0]
    stage.lanes = [first, *(copy.deepcopy(first) for _ in stage.lanes[1:])]
    for lane, piece in zip(stage.lanes, stage.pieces, strict=True):
        lane.past.piece = piece


def frequencies(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The network's frequencies of the 256 bytes before each byte of ``data``, coded in one lane:
    (len(data), 256) uint32 in 1…2^30."""
    table = np.zeros((len(data), 256), np.uint32)
    for t, _, said in _steps(model, [data], [len(data)]):
        assert said is not None
        table[t] = said.frequencies[0]
    return table


def _check(model: Model | None, lanes: int) -> None:
    if model is None and lanes != 1:
        raise ValueError("without a network there is one lane")


def _code_byte(
    stage: Stage, lane: int, said: Prediction | None, choose: Callable[[int], int]
) -> int:
    """Code a byte with the stage and, if there is one, the network's prediction; returns the byte.
    ``choose`` codes a bit, given its probability, and returns it."""
    if said is None:
        return stage.code_byte(lane, None, choose)
    network = partial(probability, cumulative_sums(said.frequencies[lane]))
    return stage.code_byte(lane, network, choose, said.units[lane])


def encode_block(
    model: Model | None,
    data: bytes,
    lanes: int,
    mixing: Mixing,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    prime: Prime | None = None,
) -> list[bytes]:
    """Code a block in ``lanes`` ≥ 1 lanes; returns one payload each, empty for an empty lane.

    The adaptive stage mixes the network's prediction with its own; without a model there is the
    stage alone, and one lane. If there is a ``prime``, each lane begins after it. ``threads``
    changes nothing here. ``progress(n)`` is called after every step with n more bytes done.
    """
    _check(model, lanes)
    sizes = lane_sizes(len(data), lanes)
    starts = [sum(sizes[:lane]) for lane in range(lanes)]
    known = b"" if prime is None else prime.data
    pieces = [known + data[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    sizes = [len(piece) for piece in pieces]
    stage = _stage(mixing, model, pieces, sizes)
    encoders = [RangeEncoder() for _ in sizes]
    for t, active, said in _steps(model, pieces, sizes, stage, len(known)):
        for lane in range(active):
            choose = writer(encoders[lane], pieces[lane][t])
            _code_byte(stage, lane, said, choose)
        stage.update(active)
        if progress is not None:
            progress(active)
    return [encoder.finish() for encoder in encoders]


def cost_rows(
    model: Model | None,
    data: bytes,
    mixing: Mixing,
    *,
    split: bool = False,
    bits: bool = False,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> npt.NDArray[np.uint32]:
    """The costs of each byte or bit, (n, columns), as ``Counting.cost_rows`` defines them."""
    return _rows_behind(b"", model, data, len(data), mixing, split, bits, progress)


def _rows_behind(
    known: bytes,
    model: Model | None,
    data: bytes,
    room: int,
    mixing: Mixing,
    split: bool = False,
    bits: bool = False,
    progress: Callable[[int], Any] | None = None,
) -> npt.NDArray[np.uint32]:
    """The rows of ``cost_rows`` for ``data`` after ``known``, in a block of ``room`` bytes."""
    piece = known + data
    stage = _stage(mixing, model, [piece], [room])
    encoder, alone = RangeEncoder(), RangeEncoder()  # with everything, and with the network alone
    found = []
    for t, _, said in _steps(model, [piece], [len(piece)]):
        if t < len(known):
            _code_byte(stage, 0, said, teller(piece[t]))
        else:
            took: list[int] = []
            choose = counted(encoder, piece[t], took)
            _code_byte(stage, 0, said, choose)
            row = took if bits else [sum(took)]
            if split and said is not None:
                took = _by_network(alone, piece[t], said.frequencies[0])
                row += took if bits else [sum(took)]
            if split:
                row.append(_how_foretold(stage, piece[t]))
            found.append(row)
            if progress is not None:
                progress(1)
        stage.update(1)
    columns = (8 if bits else 1) * (2 if split and model is not None else 1) + split
    return np.array(found, np.uint32).reshape(-1, columns)


def _by_network(encoder: RangeEncoder, byte: int, w: npt.NDArray[np.uint32]) -> list[int]:
    """The costs of a byte's bits if coded with the network's frequencies ``w`` alone."""
    took: list[int] = []
    choose = counted(encoder, byte, took)
    cumulative, low, high = cumulative_sums(w), 0, 256
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if choose(probability(cumulative, low, high)) else (low, middle)
    return took


def _how_foretold(stage: Stage, byte: int) -> int:
    """0 if there is no match; 1 if the longest match predicts another byte; 2 if it is right."""
    expected = [match.byte for match in stage.lanes[0].matches if match.length]
    return 1 + (expected[-1] == byte) if expected else 0


def decode_block(
    model: Model | None,
    payloads: Sequence[bytes],
    size: int,
    mixing: Mixing,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    prime: Prime | None = None,
) -> bytes:
    """Decode the ``size`` bytes of a block from its ``payloads``, one for each lane.

    Raises ``FormatError`` for a payload that no encoder writes, as soon as that is noticed.
    """
    _check(model, len(payloads))
    known = b"" if prime is None else prime.data
    sizes = [len(known) + own for own in lane_sizes(size, len(payloads))]
    pieces = [bytearray(known) for _ in sizes]
    stage = _stage(mixing, model, pieces, sizes)
    decoders = [RangeDecoder(payload) for payload in payloads]
    for _, active, said in _steps(model, pieces, sizes, stage, len(known)):
        for lane in range(active):
            choose = decoders[lane].decode
            pieces[lane].append(_code_byte(stage, lane, said, choose))
        stage.update(active)
        if progress is not None:
            progress(active)
    for decoder in decoders:
        decoder.finish()
    return b"".join(piece[len(known) :] for piece in pieces)


def continue_block(
    model: Model | None,
    known: bytes,
    payload: bytes,
    count: int,
    size: int,
    mixing: Mixing,
    power: int = PLAIN,
) -> bytes:
    """Decode ``count`` bytes that follow ``known`` in a block of ``size`` bytes in one lane.

    The payload codes only the bytes after ``known``, with the odds of each bit raised to the power
    ``power``/2^16. Raises ``FormatError`` where it ends early.
    """
    piece = bytearray()
    stage = _stage(mixing, model, [piece], [size])
    decoder = RangeDecoder(payload)

    def decode(p: int) -> int:
        return decoder.decode(p if power == PLAIN else tempered(p, power))

    for t, _, said in _steps(model, [piece], [len(known) + count]):
        choose = teller(known[t]) if t < len(known) else decode
        piece.append(_code_byte(stage, 0, said, choose))
        stage.update(1)
    return bytes(piece[len(known) :])


class Primed:
    """The adaptive stage alone after reading ``known``, as in a block of ``room`` bytes."""

    def __init__(self, known: bytes, room: int, mixing: Mixing) -> None:
        self._known, self._room, self._mixing = known, room, mixing
        self._read = b""

    def costs(self, data: bytes) -> npt.NDArray[np.uint32]:
        """The cost of each byte of ``data`` after the bytes read so far, in 1/2^24 of a bit:
        (n,)."""
        known = self._known + self._read
        return _rows_behind(known, None, data, self._room, self._mixing).reshape(-1)

    def read(self, data: bytes) -> npt.NDArray[np.uint32]:
        """Read ``data`` on; returns its costs as ``costs`` does. Bytes cost the same in whatever
        pieces they are read, since the payload is not begun anew."""
        self._read += data
        costs = _rows_behind(self._known, None, self._read, self._room, self._mixing).reshape(-1)
        return costs[len(self._read) - len(data) :]
