"""How a stream is coded: which filter of programs, which contexts, and all thresholds of that.

Statistics find the few ways that are plausible, and a sample is coded in each of them. Integers
only, and no clock: the answer decides the compressed bytes, so it depends on the content, the level
and the model alone. A wrong answer costs size, never correctness.

Figures in comments were measured on 16 files of records, tables, instructions, pictures and sound,
and 27 of text, mostly of 0.1 to 1 MiB.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nncomp.filters import FILTERS, PROGRAMS, arm64
from nncomp.mixing import MAX_PERIOD, Contexts, Mixing, NumberKind, Profile
from nncomp.plan.statistics import (
    STRANGE,
    WHOLE_FLOATS,
    Lags,
    described,
    is_noise,
    kinds_of_floats,
    periods_of_floats,
    strangeness,
)

if TYPE_CHECKING:
    from nncomp.model import Model

__all__ = [
    "LEAST_COPY",
    "MIN_CODED_SIZE",
    "SHARE_OF_COPIES",
    "Candidate",
    "Encode",
    "best_of",
    "candidates_for",
    "choose_mixing",
    "coded_size",
    "cost_of",
    "is_text",
    "is_worth_coding",
    "looks_random",
    "of_floats",
    "pieces",
    "sampled",
]

LEAST_COPY = 256  # bytes that are copied from an earlier block
SHARE_OF_COPIES = 32  # of a block, this part has to be copied, or it stands alone
MIN_CODED_SIZE = 8  # bytes; below, what describes a coded stream costs more than coding can save
_MIN_SIZE = 1 << 9  # bytes; below, there is nothing to choose
_MIN_SAMPLE, _MAX_SAMPLE = 3 << 12, 3 << 14  # bytes coded in a trial
_FLOATS = 3 << 13  # where they may be floats, whose predictions learn from hundreds in a row

_NEAR, _FAR = 1 << 9, 1 << 14  # the longest lags that are looked at, many times and less often
# Strange bytes in 1000: from here on contexts of instructions are worth a trial, whatever it is.
_NAMELESS = 125
# How many bytes in 1000 more must recur at a period than at lags beside it. Tables between
# instructions have 77, tables alone 34 to 750.
_PERIOD_OF_TEXT, _PERIOD_OF_CODE, _PERIOD = 500, 150, 30


class Encode(Protocol):
    """An engine's ``encode_block``."""

    def __call__(
        self, model: Model | None, data: bytes, lanes: int, mixing: Mixing, /
    ) -> list[bytes]: ...


def choose_mixing(stream: bytes, profile: Profile, encode: Encode) -> Mixing | None:
    """How the stage codes a stream well; None where it is not worth coding. Nothing is tried where
    one way is plausible, which is so for most text."""
    if not is_worth_coding(stream):
        return None
    mixings = dict.fromkeys(candidate.mixing for candidate in candidates_for(stream, profile))
    return best_of(stream, [*map(Candidate, mixings)], encode).mixing


# ---- what is tried ----


@dataclass(frozen=True)
class Candidate:
    """A way to try."""

    mixing: Mixing  # of the first stream
    filter: int = 0  # its place in FILTERS


def candidates_for(content: bytes, profile: Profile) -> Iterable[Candidate]:
    """What is worth trying, the most general one first."""
    general = Mixing(profile)
    if len(content) < _MIN_SIZE:
        return [Candidate(general)]
    strange = strangeness(sampled(content, (0, 1, 2)))
    if strange < STRANGE:
        # The contexts know lines and columns: only records without ends of lines gain.
        found = Lags(content, _NEAR, 1 << 10).periods(_PERIOD_OF_TEXT)
        return map(Candidate, [general, *(Mixing(profile, period=p) for p in found[:1])])
    programs = [f for f in PROGRAMS if f.detect(content)]
    near, far = Lags(content, _NEAR, 1 << 12), Lags(content, _FAR, 1 << 10)
    threshold = _PERIOD_OF_CODE if programs else _PERIOD
    periods = near.periods(threshold) or far.periods(threshold)
    if profile == Profile.LEAN:
        mixings = [general, *(Mixing(profile, period=p) for p in periods[:1])]
        return [*map(Candidate, mixings), *(Candidate(general, FILTERS.index(f)) for f in programs)]
    pictures = list(_pictures(content, far, profile))
    records = [Mixing(profile, Contexts.RECORDS, period=p) for p in periods]
    mixings = records[: 1 if pictures else 2] + pictures
    for kind in kinds_of_floats(content):
        mixings += of_floats(content, kind, profile)
    filtered = [Candidate(Mixing(profile, f.CONTEXTS), FILTERS.index(f)) for f in programs]
    if arm64 in programs or (not (mixings or programs) and strange >= _NAMELESS):
        # These suit what has no name, too, and programs whose calls are not worth the filter.
        filtered.append(Candidate(Mixing(profile, Contexts.CODE)))
    frames = [] if programs else near.frames()
    sound = [Mixing(profile, Contexts.WIDE, period=p, stride=s) for p, s in frames]
    sound = [mixing for mixing in sound if mixing not in mixings]
    return [*map(Candidate, [general, *mixings]), *filtered, *map(Candidate, sound)]


def is_text(content: bytes) -> bool:
    """Whether a sample looks like it."""
    return strangeness(sampled(content, (0, 1, 2))) < STRANGE


def _pictures(content: bytes, lags: Lags, profile: Profile) -> Iterator[Mixing]:
    """Rows of samples that a header describes, or that look like it."""
    rows = dict.fromkeys((*described(content), *lags.rows()))
    shapes = [(Contexts.PICTURE, *row) for row in rows if row[1] != 2]
    shapes += [(Contexts.WIDE, *row) for row in rows]
    for contexts, period, stride in shapes:
        with contextlib.suppress(ValueError):  # a header may say anything; wide samples are even
            yield Mixing(profile, contexts, period=period, stride=stride)


def of_floats(content: bytes, kind: NumberKind, profile: Profile) -> list[Mixing]:
    """Ways to code numbers of a kind: one by one, and in records or rows where they have some."""
    return [
        Mixing(profile, Contexts.FLOATS, period=period, stride=kind.value)  # as it is read
        for period in periods_of_floats(content, kind, _FAR)
        if period <= MAX_PERIOD
    ]


# ---- trials ----


def best_of(content: bytes, candidates: list[Candidate], encode: Encode) -> Candidate:
    """The one that codes a sample best."""
    best, *others = candidates
    if not others:
        return best
    # 12 KiB put the candidates into the same order as 256 KiB do, but for differences of 2 %, if
    # each piece has several rows: so where rows are long, one piece is taken instead of three. A
    # candidate with the same contexts has to be better by 0.4 %, for its period may be a multiple
    # of the true one.
    rows = 8 * max(other.mixing.period for other in others)
    long = rows > _MIN_SAMPLE // 2
    shortest, unit = min(rows, len(content) // 32), 1
    if any(other.mixing.contexts == Contexts.FLOATS for other in others):
        long, shortest, unit = True, max(shortest, _FLOATS), WHOLE_FLOATS
    sample = sampled(content, (0,) if long else (0, 1, 2), shortest, unit)
    least = cost_of(sample, best, encode)
    for other in others:
        size = cost_of(sample, other, encode)
        margin = 1 if other.mixing.contexts == best.mixing.contexts else 0
        if other.mixing.is_sound and not content.startswith(b"RIFF"):
            margin = 16  # real sound gains more; a table that seems to, in a sample, may lose
        if size * 256 < least * (256 - margin):
            best, least = other, size
    return best


def cost_of(sample: bytes, candidate: Candidate, encode: Encode) -> int:
    """Bytes of a sample that is coded in this way, and as much as it has where that is none."""
    split = FILTERS[candidate.filter].split(sample)
    if split is None:
        return len(sample)
    first, *others = split.streams
    general = Mixing(candidate.mixing.profile)
    cost = len(split.side) + coded_size(encode, first, candidate.mixing)
    return cost + sum(coded_size(encode, other, general) for other in others)


def coded_size(encode: Encode, data: bytes, mixing: Mixing) -> int:
    """Bytes that the stage alone makes of it."""
    return sum(map(len, encode(None, data, 1, mixing)))


def sampled(content: bytes, order: tuple[int, ...], least: int = 0, unit: int = 1) -> bytes:
    """Pieces, of a 96th of the content, within bounds, so that a few trials take some percent of
    the time."""
    total = min(max(len(content) // 96, _MIN_SAMPLE, least), _MAX_SAMPLE)
    return pieces(content, order, total, unit)


def pieces(content: bytes, order: tuple[int, ...], total: int, unit: int = 1) -> bytes:
    """From the middles of equal parts, in this order of the parts, ``total`` bytes, or a few less;
    all of a content that has no more. Pieces begin at multiples of ``unit`` bytes."""
    size, count = len(content), len(order)
    each = total // count
    if size <= each * count:
        return content
    starts = [(size - each) * (2 * i + 1) // (2 * count) // unit * unit for i in order]
    return b"".join(content[start : start + each] for start in starts)


# ---- what cannot be coded ----

_WINDOW = 1 << 10  # bytes
_SPACING = 1 << 16  # bytes from window to window, less in a short stream
_MIN_WINDOWS = 64
_STRING = 8  # bytes: a string that random data does not repeat
_ANCHOR = 16  # bytes


def is_worth_coding(data: bytes) -> bool:
    return len(data) >= MIN_CODED_SIZE and not looks_random(data)


def looks_random(data: bytes) -> bool:
    """Whether ``data`` looks encrypted or compressed already, from windows spread over it.

    Bytes are about uniform in every window, bytes and differences of neighbours in all of them
    together; hardly any string of 8 bytes occurs twice in them, and no window's beginning anywhere
    else in ``data``. Less than 64 KiB is no sample: it does not take long either. It errs on the
    side of coding: a wrong "no" costs time, a wrong "yes" would cost size.
    """
    size = len(data)
    count = max(_MIN_WINDOWS, size // _SPACING)
    if size < count * _WINDOW:
        return False
    starts = [i * (size - _WINDOW) // (count - 1) for i in range(count)]
    windows = [data[start : start + _WINDOW] for start in starts]
    if not all(map(is_noise, windows)):
        return False
    sample = b"".join(windows)
    differences = bytes((b - a) & 255 for a, b in itertools.pairwise(sample))
    if not (is_noise(sample) and is_noise(differences)):
        return False
    strings = {sample[i : i + _STRING] for i in range(len(sample))}
    if len(sample) - len(strings) > len(sample) // 512:
        return False
    anchors = [(start, data[start : start + _ANCHOR]) for start in starts[:: count // 16]]
    return all(data.find(a) == start and data.find(a, start + 1) < 0 for start, a in anchors)
