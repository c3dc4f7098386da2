"""What the network gains: whether it takes part in a stream, and all thresholds of that.

Both ways code a little of the stream, or more where that leaves doubt, and what that takes says
what all of it would take. Integers only, and no clock, as in ``choose``: a wrong answer costs size
or time, never correctness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nncomp.container import MAX_BLOCK_SIZE
from nncomp.levels import Level
from nncomp.mixing import Mixing
from nncomp.plan import choose, order
from nncomp.plan.values import Stream

if TYPE_CHECKING:
    from nncomp.engine import Encoding
    from nncomp.model import Model
    from nncomp.prime import Prime

__all__ = [
    "Begun",
    "Start",
    "Way",
    "begin",
    "beginning",
    "can_be_primed",
    "choose_ways",
    "cost",
    "falls_short",
    "is_in_doubt",
    "is_little",
    "is_record",
    "is_small",
    "looks_short",
    "looks_sure",
    "may_go_on",
    "may_pay",
    "pays",
    "probe",
    "worthwhile",
]

_SMALL = 1 << 16  # bytes; up to here, with and without network are both coded in full
_LANE_COST = 10  # 1/1024 of what is coded, for each doubling of lanes, where it is text
# What is coded of a stream before one way is chosen, in halves of so many bytes. Where it has one
# lane, that is its beginning, and the worse way was chosen 2 times of 138 at -5, at a cost of less
# than 2 % (45 files, first 96 KiB to 768 KiB of each); where it has several, the second half is
# from all of it. Lanes lose more by these than that tells: twice what is needed has to be expected.
# Where large streams in many lanes gain less than four times as much again, two of five lost, and
# what a part of the block shows decides.
_HALF = 3 << 12
_OF_LANES, _SURE = 2, 4
_MANY_LANES, _LARGE = 4, 1 << 20
_PROBED = 16  # part of a lane after which it is looked at, until twice that
# By so many 1/1024 less than in that part the network saves in all of a stream, for the stage goes
# on learning: 61 in the mean of 11 blocks of 2 to 4 MiB in 4 or 8 lanes, -8 in one, 36 to 89 in the
# others.
_LEARNT_LATER, _LEARNT_AT_MOST = 64, 112
_STEPS = 128  # an engine stops after multiples of it


class Start(Protocol):
    """An engine's ``start_encoding``."""

    def __call__(
        self, model: Model | None, data: bytes, lanes: int, mixing: Mixing, prime: Prime | None, /
    ) -> Encoding: ...


@dataclass(frozen=True)
class Way:
    """A way to code a stream."""

    mixing: Mixing
    network: bool


def choose_ways(
    stream: bytes,
    mixing: Mixing,
    model: Model | None,
    lanes: int,
    level: Level,
    expect: Callable[[bytes, Mixing, Model, int], int],
) -> list[Way]:
    """How to code ``stream``: in one way, or in two of which the smaller result counts, that with
    the network last. ``lanes`` are those with the network, whose gain, as ``begin`` has it, is
    what is to ``expect``."""
    alone, joined = Way(mixing, False), Way(mixing, True)
    if model is None:
        return [alone]
    if is_small(len(stream)):
        return [alone, joined]
    gain = expect(stream, mixing, model, lanes)
    if not pays(gain, lanes, level):
        return [alone]
    return [alone, joined] if is_in_doubt(gain, len(stream), lanes, level) else [joined]


@dataclass(frozen=True)
class Begun:
    """A stream of which both ways have coded the beginning."""

    alone: Encoding
    joined: Encoding
    gain: int  # what the network is expected to save in all of it, in 1/1024


def beginning(stream: bytes, lanes: int) -> bytes:
    """What both ways code of a stream that is not small."""
    if lanes == 1:
        return stream[: 2 * _HALF]
    return stream[:_HALF] + choose.pieces(stream[_HALF:], (0, 1, 2, 3), _HALF)


def may_go_on(size: int, lanes: int) -> bool:
    """Whether all of a stream is begun, so that either way may go on. Of a large one, both together
    would take more memory than decoding it does."""
    return lanes == 1 and size <= _LARGE


def begin(
    data: bytes,
    size: int,
    mixing: Mixing,
    model: Model,
    start: Start,
    report: Callable[[int], object],
    prime: Prime | None = None,
    threads: int = 1,
) -> Begun:
    """Begin a stream of ``size`` bytes in both ways, in one lane. ``data`` is its ``beginning``, or
    all of it, and then either way may go on. ``report`` hears of the one with the network.

    All that is left is expected to take what the second half of that takes. What is saved in the
    first one, where the stage knows nothing, counts as it is: where much repeats, it is a large
    part of all that is saved.
    """
    alone = start(None, data, 1, mixing, prime)
    joined = start(model, data, 1, mixing, prime)
    sizes = []
    for way, most, heard in ((alone, 1, lambda _: report(0)), (joined, threads, report)):
        later = cost(way, _HALF, 2 * _HALF, most, heard)
        sizes.append(way.size + later * (size - 2 * _HALF) // _HALF)
    return Begun(alone, joined, (sizes[0] - sizes[1]) * 1024 // max(sizes[0], 1))


def cost(
    begun: Encoding, first: int, second: int, threads: int, report: Callable[[int], object]
) -> int:
    """Go on until ``second``: the bytes that steps ``first`` … ``second`` − 1 take."""
    begun.encode(first, threads=threads, progress=report)
    before = begun.size
    begun.encode(second, threads=threads, progress=report)
    return begun.size - before


def is_small(size: int) -> bool:
    """Whether a stream is coded to its end in both ways."""
    return size <= _SMALL


def pays(gain: int, lanes: int, level: Level) -> bool:
    """Whether the network is expected to save what it should."""
    return gain >= _needed(lanes, level)


def is_in_doubt(gain: int, size: int, lanes: int, level: Level) -> bool:
    """Whether to look further, where it is."""
    large = size >= _LARGE and lanes >= _MANY_LANES
    return large and level.thorough and gain < _SURE * _needed(lanes, level)


def _needed(lanes: int, level: Level) -> int:
    need = level.min_gain + _LANE_COST * (lanes.bit_length() - 1)
    return need if lanes == 1 else _OF_LANES * need


# ---- further on ----


def probe(size: int, lanes: int) -> tuple[int, int]:
    """Between which steps of all lanes two ways are compared, in a stream of ``size`` ≥ 2^20 bytes,
    before the one with the network is coded to its end."""
    first = max(size // lanes // _PROBED, order.lead_steps(lanes))
    first = -(-first // _STEPS) * _STEPS
    return first, 2 * first


def falls_short(alone: int, joined: int, level: Level) -> bool:
    """Whether the network does not save what it should, of two sizes."""
    return _saves_less(alone, joined, level.min_gain)


def looks_short(alone: int, joined: int, level: Level) -> bool:
    """Whether that is to be expected of a stream, of two sizes of what ``probe`` says."""
    return _saves_less(alone, joined, level.min_gain + _LEARNT_LATER)


def looks_sure(alone: int, joined: int, level: Level) -> bool:
    """Whether it is to be expected that it saves that, however much the stage learns later."""
    return not _saves_less(alone, joined, level.min_gain + _LEARNT_AT_MOST)


def _saves_less(alone: int, joined: int, least: int) -> bool:
    """Whether of two sizes the second is not smaller by ``least``/1024."""
    return joined >= alone - alone * least // 1024


def worthwhile(coded: list[Stream], level: Level) -> list[Stream]:
    """Those that are smaller than the stream; with network only where it saves what is asked."""
    if len(coded) == 2 and coded[0].size > _SMALL:
        if falls_short(coded[0].stored_size, coded[1].stored_size, level):
            coded = coded[:1]
    return [stream for stream in coded if stream.stored_size < stream.size]


# ---- with a prime ----

# Bytes of a primed stream. Up to here, the network saves 0.7 % of documents and nothing of log
# lines, and takes encoders 1.4 times, decoders 1.2 times as long.
_LITTLE = 160


def is_record(content: bytes) -> bool:
    """Whether it is so small that coding it behind the prime takes no longer than a look at it."""
    return choose.MIN_CODED_SIZE <= len(content) <= _SMALL


def is_little(coded: int, size: int) -> bool:
    """Whether the prime makes so little of ``size`` bytes that nothing else is tried: their half,
    as of what is like it, and hardly of what a filter is for."""
    return 2 * coded <= size


def can_be_primed(mixing: Mixing, size: int) -> bool:
    """Whether a stream that is mixed in this way goes on from the prime."""
    return mixing == Mixing(mixing.profile) and size <= MAX_BLOCK_SIZE


def may_pay(alone: int) -> bool:
    """Whether the network may pay for a primed stream, of which the stage makes so many bytes."""
    return alone > _LITTLE
