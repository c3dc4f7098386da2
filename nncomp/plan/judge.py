"""Whether the network takes part in a stream, and all thresholds of that.

Integers only, and no clock, as in ``choose``: a wrong answer costs size or time, never correctness.
``trial`` measures what is judged here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from nncomp.container import MAX_BLOCK_SIZE
from nncomp.levels import Level
from nncomp.mixing import Mixing
from nncomp.plan import choose, order
from nncomp.plan.values import Stream

__all__ = [
    "Judge",
    "Ways",
    "can_be_primed",
    "is_record",
    "network_may_pay",
    "prime_suffices",
    "worthwhile",
]

_SMALL = 1 << 16  # bytes of a stream that is coded in both ways, to its end
_LARGE = 1 << 20  # bytes of a stream whose doubts are worth a probe
_MANY_LANES = 4
_LANE_COST = 10  # 1/1024 of a text's payload, for each doubling of lanes
# A trial is of one lane and of what lanes lose it tells too little: of streams in several lanes,
# twice the gain that is needed has to be expected. Of large ones in many lanes whose expected gain
# was below four times that, two of five lost: those are probed.
_OF_LANES, _SURE = 2, 4
_PROBED = 16  # a probe begins after one part in so many of each lane, and ends at twice that
# The stage goes on learning, so in all of a stream the network saves less than in the probe: by
# 61/1024 in the mean of 11 blocks of 2 to 4 MiB in 4 or 8 lanes (one block: -8; others: 36 to 89).
_LEARNT_LATER, _LEARNT_AT_MOST = 64, 112
_STEPS = 128  # an engine stops after multiples of it
# Bytes that the stage alone makes of a primed stream. Up to here, the network saves 0.7 % of
# documents and nothing of log lines, and takes encoders 1.4 times, decoders 1.2 times as long.
_LITTLE = 160


class Ways(enum.Flag):
    """The ways in which a stream is coded; of both, the smaller result counts."""

    ALONE = 1  # the adaptive stage alone
    NETWORK = 2  # and the network beside it
    BOTH = 3


@dataclass(frozen=True)
class Judge:
    """Judges the network in a stream of ``size`` bytes, which has ``lanes`` with it."""

    level: Level
    size: int
    lanes: int

    @property
    def is_small(self) -> bool:
        """Whether both ways code all of the stream, for a trial would take as long."""
        return self.size <= _SMALL

    @property
    def may_go_on(self) -> bool:
        """Whether all of the stream is begun, so that the better way may go on after a trial. Of
        more, both ways together would need more memory than decoding does."""
        return self.lanes == 1 and self.size <= _LARGE

    def choose(self, expect: Callable[[], int]) -> Ways:
        """How to code the stream; ``expect`` tells the gain, and is called only if it matters."""
        return Ways.BOTH if self.is_small else self.after_trial(expect())

    def after_trial(self, gain: int) -> Ways:
        """How to code a stream of which the network is expected to save ``gain``/1024. Both ways
        mean that this leaves doubt, and a probe decides."""
        needed = self.level.min_gain + _LANE_COST * (self.lanes.bit_length() - 1)
        if self.lanes > 1:
            needed *= _OF_LANES
        if gain < needed:
            return Ways.ALONE
        large = self.size >= _LARGE and self.lanes >= _MANY_LANES
        if large and self.level.thorough and gain < _SURE * needed:
            return Ways.BOTH
        return Ways.NETWORK

    @property
    def probe(self) -> tuple[int, int]:
        """Between which steps of all lanes the two ways are compared, in a stream of 2^20 bytes or
        more, before the one with the network is coded to its end."""
        first = max(self.size // self.lanes // _PROBED, order.lead_steps(self.lanes))
        first = -(-first // _STEPS) * _STEPS
        return first, 2 * first

    def after_probe(self, alone: int, with_network: int) -> Ways:
        """How to go on, by the bytes that the steps of ``probe`` take."""
        least = self.level.min_gain
        if not _saves(alone, with_network, least + _LEARNT_LATER):
            return Ways.ALONE
        if _saves(alone, with_network, least + _LEARNT_AT_MOST):
            return Ways.NETWORK
        return Ways.BOTH


def worthwhile(coded: list[Stream], level: Level) -> list[Stream]:
    """Those that are smaller than the stream; with network only where it saves what is asked."""
    if len(coded) == 2 and coded[0].size > _SMALL:
        if not _saves(coded[0].stored_size, coded[1].stored_size, level.min_gain):
            coded = coded[:1]
    return [stream for stream in coded if stream.stored_size < stream.size]


def _saves(alone: int, with_network: int, least: int) -> bool:
    """Whether the second size is smaller than the first, by more than ``least``/1024 of it."""
    return with_network < alone - alone * least // 1024


# ---- with a prime ----


def is_record(content: bytes) -> bool:
    """Whether it is so small that coding it behind the prime takes no longer than a look at it."""
    return choose.MIN_CODED_SIZE <= len(content) <= _SMALL


def prime_suffices(coded: int, size: int) -> bool:
    """Whether the prime makes half of ``size`` bytes or less: such content is like the prime, and
    hardly what a filter is for, so nothing else is tried."""
    return 2 * coded <= size


def can_be_primed(mixing: Mixing, size: int) -> bool:
    """Whether a stream that is mixed in this way goes on from the prime."""
    return mixing == Mixing(mixing.profile) and size <= MAX_BLOCK_SIZE


def network_may_pay(alone: int) -> bool:
    """Whether the network is tried for a primed stream, of which the stage makes so many bytes."""
    return alone > _LITTLE
