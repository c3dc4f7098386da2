"""Which numbers of a block are taken apart, and how: a part of ``choose``, with the same rules.

Statistics find what is plausible, and a sample is coded. Integers only: the answer decides the
compressed bytes, so it depends on the content, the level and the model alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from nncomp.filters import numbers
from nncomp.filters.numbers import Change, Kind, Run
from nncomp.mixing import NumberKind
from nncomp.plan.statistics import WHOLE_FLOATS, find_floats, is_noise, kinds_of_floats

__all__ = ["choose_runs", "float_kinds"]

Cost: TypeAlias = Callable[[bytes, int, NumberKind | None], int]

# Parts of a block: 1/_SHARE has to be numbers of one width and, but for programs, 1/_ALL numbers of
# any width, for numbers between records are better left there.
_SHARE, _ALL = 16, 2
# A trial codes 1/_OF_SAMPLE of a block, within these bounds, and more of floats; in four pieces.
_OF_SAMPLE, _LEAST_SAMPLE, _SAMPLE = 32, 1 << 12, 3 << 11  # bytes
_FLOATS = 1 << 15  # bytes
_ROWS, _FLOATS_IN_ROWS = 8, 1 << 17  # of floats in rows, so many of these, within so many bytes
_PIECES = 4
# Parts of what numbers cost as they are. A sample promises too much, above all in programs, so that
# 1/_GAIN has to be saved there. Where a quarter is noise, which then costs no time, up to 1/_LOSS
# may be lost. Once a way loses 1/_CLOSE, no other one is tried.
_GAIN, _GAIN_IN_PROGRAM = 32, 8
_LOSS, _CLOSE = 512, 32
_DISTANCES = 1, 2, 3, 4, 6, 8
_SWAPPED_ONLY = 3  # bytes of a number that are only ever swapped
# So many changes of numbers are tried: that after which entropy is least, and the next one if it
# has at most 1/_NEAR more.
_CHANGES = 2
_NEAR, _NEAR_IN_PROGRAM = 128, 64


def choose_runs(
    content: bytes,
    program: bool,
    as_is: Callable[[bytes], int],
    cost: Cost,
    floats: bool,
    row: int,
) -> list[Run]:
    """The runs of a block, which may be none.

    ``program`` tells whether it is one; ``row`` is the bytes of a row where it looks like a
    picture, or like floats from its first byte on, else 0: of these, only floats are taken apart,
    whose contexts know rows, too. ``as_is`` is what a piece costs that is left as it is, ``cost``
    what a stream of numbers costs, of which each has so many bytes, two or more, and may be a float
    if there are ``floats``, in trials.
    """

    def are_better_floats(runs: list[Run], as_floats: Kind, otherwise: Kind | None) -> bool:
        sample = _sample_of_floats(content, runs, row)
        return _are_better(as_floats, otherwise, sample, as_is, cost)

    found = _floats(content) if floats else []
    if found and found[0].kind.change == Change.NONE:
        if are_better_floats(found, found[0].kind, None):
            return found
        found = []
    if not (found or row):
        found = numbers.find(content)
    if not program and sum(run.stop - run.start for run in found) * _ALL < len(content):
        return []
    kinds: dict[int, Kind | None] = {}
    for width in dict.fromkeys(run.kind.width for run in found):
        same = [run for run in found if run.kind.width == width]
        if sum(run.stop - run.start for run in same) * _SHARE >= len(content):
            kinds[width] = None
            if not row and width != _SWAPPED_ONLY:
                kinds[width] = _best(_sample(content, same), width, program, as_is, cost)
            swapped = Kind(width, Change.SWAPPED)
            if floats and are_better_floats(same, swapped, kinds[width]):
                kinds[width] = swapped
    runs = []
    for run in found:
        kind = kinds.get(run.kind.width)
        if kind is not None:
            runs.append(Run(run.start, run.count, kind))
    return runs


def float_kinds(stream: bytes, kind: Kind) -> list[NumberKind]:
    """Which floats the numbers of a stream may be that were cut out like that."""
    if kind.apart or kind.change not in (Change.NONE, Change.SWAPPED):
        return []
    return [
        floats
        for floats in kinds_of_floats(stream)
        if floats.width == kind.width
        and not (floats == NumberKind.IBM32 and kind.change == Change.SWAPPED)
    ]


def _floats(content: bytes) -> list[Run]:
    """All of the content, where it is floats, whose bytes may be alike in ways of their own; to be
    swapped, if their highest bytes are not the first. Those that need not be, and begin where the
    content does, need not be cut out."""
    found = find_floats(content) if len(content) >= _LEAST_SAMPLE else None
    if found is None:
        return []
    kind, phase, order = found
    change = Change.SWAPPED if order == "<" else Change.NONE
    if change == Change.NONE and (phase == 0 or kind.width == _SWAPPED_ONLY):
        return []
    return [Run(phase, (len(content) - phase) // kind.width, Kind(kind.width, change))]


def _sample(content: bytes, runs: list[Run]) -> bytes:
    """Numbers from the middles of equal parts of all runs, which are of one width."""
    width = runs[0].kind.width
    size = min(max(len(content) // _OF_SAMPLE, _LEAST_SAMPLE), _SAMPLE)
    each, total = size // width // _PIECES, sum(run.count for run in runs)
    pieces = []
    for i in range(_PIECES):
        place = total * (2 * i + 1) // (2 * _PIECES)  # of a number among all of them
        for run in runs:
            if place < run.count:
                count = min(each, run.count)
                start = run.start + min(place, run.count - count) * width
                pieces.append(content[start : start + count * width])
                break
            place -= run.count
    return b"".join(pieces)


def _sample_of_floats(content: bytes, runs: list[Run], row: int) -> tuple[bytes, bytes]:
    """Numbers of the longest run, for what predicts floats learns from hundreds in a row, and from
    rows only where there are some; and the same bytes, or nearly so, as they are: numbers of the
    content, which may begin elsewhere, are whole in them."""
    longest = max(runs, key=lambda run: run.count)
    width, start = longest.kind.width, longest.start
    if row:
        count = min(max(_FLOATS, min(_ROWS * row, _FLOATS_IN_ROWS)) // width, longest.count)
        start += (longest.count - count) // 2 * width
        begin = start - start % WHOLE_FLOATS
        return content[start : start + count * width], content[begin : begin + count * width]
    each = min(_FLOATS // width, longest.count) // _PIECES
    starts = [start + (longest.count - each) * i // (_PIECES - 1) * width for i in range(_PIECES)]
    sample = b"".join(content[start : start + each * width] for start in starts)
    return sample, sample


def _are_better(
    as_floats: Kind,
    kind: Kind | None,
    sample: tuple[bytes, bytes],
    as_is: Callable[[bytes], int],
    cost: Cost,
) -> bool:
    """Whether numbers take less in the contexts of floats than as they would be otherwise."""
    cut_out, around = sample
    (stream,) = _streams(cut_out, as_floats)[1:]
    sizes = [cost(stream, as_floats.width, one) for one in float_kinds(stream, as_floats)]
    if not sizes:
        return False
    otherwise = as_is(around) if kind is None else _cost(cut_out, kind, cost)
    return min(sizes) < otherwise - otherwise // _GAIN


def _cost(sample: bytes, kind: Kind, cost: Cost) -> int:
    """Bytes that numbers of a kind take."""
    streams = zip(_streams(sample, kind)[1:], kind.widths, strict=True)
    return sum(_order_0(x) if width == 1 else cost(x, width, None) for x, width in streams)


def _best(
    sample: bytes,
    width: int,
    program: bool,
    as_is: Callable[[bytes], int],
    cost: Cost,
) -> Kind | None:
    whole = as_is(sample)
    gain = _GAIN_IN_PROGRAM if program else _GAIN

    def measure(kind: Kind) -> int:
        """Bytes, and what has to be saved: the least sum is the best."""
        size = _cost(sample, kind, cost)
        noise = sum(map(len, filter(is_noise, _streams(sample, kind)[1:])))
        return size + (whole // gain if 4 * noise < len(sample) else -whole // _LOSS)

    best, least = None, whole
    for change in _changes(sample, width, _NEAR_IN_PROGRAM if program else _NEAR):
        for kind in _kinds(sample, change, program):
            size = measure(kind)
            if size < least:
                best, least = kind, size
            if size > whole + whole // _CLOSE:
                return best
    return best


def _changes(sample: bytes, width: int, near: int) -> list[Kind]:
    """Those after which bytes of the same place are most alike."""
    every = [Kind(width), Kind(width, Change.ROTATED)]
    every += [Kind(width, Change.DIFFERENCES, distance) for distance in _DISTANCES]
    entropies = {kind: sum(map(_entropy, _places(sample, kind))) for kind in every}
    best = sorted(every, key=entropies.__getitem__)[:_CHANGES]
    most = entropies[best[0]] + entropies[best[0]] // near
    return [kind for kind in best if entropies[kind] <= most]


def _kinds(sample: bytes, kind: Kind, program: bool) -> Iterator[Kind]:
    """The likely ways of cutting numbers, the best one first. In programs they are addresses, of
    which none has its bytes apart; elsewhere, nothing is gained by numbers as they are, or where
    low bytes are noise by numbers that keep theirs."""
    places = _places(sample, kind)[:-1]
    noise = next((i for i, place in enumerate(places) if not is_noise(place)), len(places))
    likely = (noise, 0) if program else (noise, kind.width - 1)
    for apart in dict.fromkeys(likely):
        if program or apart or kind.change:
            yield Kind(kind.width, kind.change, kind.distance, apart)


def _places(sample: bytes, kind: Kind) -> list[bytes]:
    return _streams(sample, Kind(kind.width, kind.change, kind.distance, kind.width - 1))[1:]


def _streams(sample: bytes, kind: Kind) -> list[bytes]:
    return list(numbers.take_apart(sample, [Run(0, len(sample) // kind.width, kind)]).streams)


def _order_0(stream: bytes) -> int:
    """Bytes that those of one place take, about: contexts know little more of them."""
    if is_noise(stream):
        return len(stream)
    counts: list[int] = np.bincount(np.frombuffer(stream, np.uint8)).tolist()
    bits = len(stream) * _log2(len(stream)) - sum(count * _log2(count) for count in counts if count)
    return bits // 128


def _log2(count: int) -> int:
    """In 1/16 bits, rounded down."""
    return int(count**16).bit_length() - 1


def _entropy(place: bytes) -> int:
    """Rényi's of order 2, in 1/16 bits, of all its bytes."""
    counts = np.bincount(np.frombuffer(place, np.uint8))
    pairs = int(np.square(counts).sum())
    return (len(place) ** 32 // pairs**16).bit_length() * len(place)
