"""What memory the adaptive stage takes: a bound, of each of its tables.

A product below is a table's cells, by what they are of, and at the end the bytes of one. What the
tables are is in ``docs/numerics.md``, sections 11 to 13. The names are those of
``csrc/stage/state.hpp``, and ``csrc/stage/layout.hpp`` lays them out; a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncomp.contexts.family import Family

__all__ = ["FIRST_STATES", "MOST_ADDED", "bound"]

FIRST_STATES = 256 * 255  # of an automaton at first: each node of a byte, behind each byte
MOST_ADDED = 1 << 20  # to them, and less than 3/2 of the bytes so far

_BINS = 33  # of a row of a map
_ROWS2 = 4 * 24 + 256  # of the second layer: by match_row, by node
_PLACES = 1 << 12  # of numbers in outlines
_RECORD_ENDS = 1 << 13  # offsets ahead at which a record may end
_ROUNDING = 64  # bytes: arrays begin at multiples of that
_LANE = 10_304  # bytes: Lane, 10,184, and some for its arrays, each of which is rounded up
# Sums of products for two sizes, four weights and eight rows of 33 numbers, up to multiples of 4,
# of 32 taps; a count, which is aligned.
_LEAST_SQUARES = 2 * 33 * 36 * 8 + 4 * 32 * 4 + 8 * 36 * 4 + 8


def bound(family: Family, profile: Sequence[Family], lines: bool, size: int, lanes: int) -> int:
    """Upper bound in bytes for a stream of ``size`` bytes; ``lines``: their numbers are followed.

    Of the ``profile``, which are all of its families, it is that with most of each that counts.
    """
    size = max(size, 1)
    return _shared(profile, size) + lanes * (
        _LANE
        + _weights(family, profile)
        + _cells(family, profile, lines)
        + _automaton(-(-size // lanes))
    )


def _shared(profile: Sequence[Family], size: int) -> int:
    """What lanes share."""
    full, contexts, matches = _most(profile)
    memories = max(len(f.memories) for f in profile)
    buckets = 1 << min(max((((4 if full else 2) * size - 1) >> 6).bit_length(), 10), 18)
    entries = 1 << min(max((size - 1).bit_length(), 12), 22)
    return (
        contexts * buckets * 64  # table: four slots of 16 bytes
        + (contexts * buckets * 4 * 2 if full else 0)  # runs of its slots
        + matches * entries * 4  # index
        + memories * 65536 * 4  # memory
        + 256 * 256 * _BINS * 2  # map
        + 256 * 1  # order0
        + 256 * 256 * 1  # order1
        + 256 * 4  # after1
        + 65536 * 2  # after2
        + 2 * _ROUNDING  # none, and where all of it begins
    )


def _weights(family: Family, profile: Sequence[Family]) -> int:
    """Of a lane's layers, with how often each row was chosen."""
    full = profile[0].full
    cells = max(len(f.contexts) + 2 + f.count("sample") for f in profile)
    histories = 3 * _whole(cells, 8) if full else cells
    inputs = _whole(8 + histories, 16)  # matches, the automaton, the network, a constant: 8
    rows = family.first_rows[-1]
    outputs = 16 if full else 8  # of the first layer, with the constant and zeros
    return (
        rows * inputs * 2  # weights
        + rows * 2  # seen
        + _ROWS2 * outputs * 2  # weights2
        + _ROWS2 * 2  # seen2
    )


def _cells(family: Family, profile: Sequence[Family], lines: bool) -> int:
    """Of a lane's maps, and of what else it remembers."""
    full, contexts, matches = _most(profile)
    samples = family.count("sample")
    size = (
        (contexts + 2) * 256 * 4  # history_map
        + matches * 24 * 64 * 4  # match_map
        + 3 * 256 * _BINS * 2  # final_map
    )
    if full:
        size += contexts * 17 * 8 * 4  # run_map
        size += _RECORD_ENDS * 2  # record_ends
    if samples:
        size += samples * 8 * 8 * 256 * 4  # sample_map
        size += 8 * _LEAST_SQUARES  # squares: by channel
    if lines:
        size += _PLACES * 24  # before: two numbers of 64 bits and one of 32, aligned
        size += _PLACES * 8  # named
    return size


def _automaton(size: int) -> int:
    """Of a lane of so many bytes: states, each two counts and two states that follow."""
    states = FIRST_STATES + min(size + size // 2, MOST_ADDED)
    return states * (2 * 2 + 2 * 4) + _ROUNDING


def _most(profile: Sequence[Family]) -> tuple[bool, int, int]:
    """Whether its families are full, and the most contexts and matches of any."""
    contexts = max(len(f.contexts) for f in profile)
    return profile[0].full, contexts, max(f.count("match") for f in profile)


def _whole(count: int, unit: int) -> int:
    """Up to a multiple of ``unit``."""
    return -(-count // unit) * unit
