"""Levels: a pure table from a number to parameters.

A level is a name for parameters and is never stored: a file describes itself. Bytes depend on what
is in this table, so an entry of a released level changes only together with its model.
"""

from __future__ import annotations

from dataclasses import dataclass

from nncomp import arguments
from nncomp.mixing import Profile

__all__ = ["DEFAULT_LEVEL", "MAX_LEVEL", "MIN_LEVEL", "NO_MODEL", "Level", "get"]

KIB = 1 << 10
MIB = 1 << 20

MIN_LEVEL = 1
MAX_LEVEL = 9
DEFAULT_LEVEL = 5
NO_MODEL = "none"  # in place of a model's name: never use a network


@dataclass(frozen=True)
class Level:
    """The parameters of a level."""

    model: str  # name of a released model, or NO_MODEL
    block_size: int  # bytes, a power of two
    lane_size: int  # bytes of each lane of a full block coded with the network, a power of two
    profile: Profile  # of the adaptive stage
    min_gain: int  # what the network has to save, in 1/1024 of a block coded without it
    thorough: bool = True  # look further where a sample of a large block leaves doubt

    def full_lanes(self, block_size: int) -> int:
        """How many lanes a full block of ``block_size`` bytes has, 1 or more.

        Lanes cannot see each other's past: each doubling costs about 1 % of the compressed size. A
        few of them, decoded in lock step, keep a kernel and two threads busy.
        """
        return max(1, block_size // self.lane_size)


_LEVELS = {
    1: Level(NO_MODEL, 1 * MIB, 256 * KIB, Profile.LEAN, 31, thorough=False),
    2: Level(NO_MODEL, 2 * MIB, 512 * KIB, Profile.RICH, 31, thorough=False),
    3: Level("nano-2", 2 * MIB, 512 * KIB, Profile.RICH, 31, thorough=False),
    4: Level("small-2", 2 * MIB, 512 * KIB, Profile.RICH, 31, thorough=False),
    5: Level("small-2", 4 * MIB, 512 * KIB, Profile.RICH, 15),
    6: Level("small-2", 4 * MIB, 1 * MIB, Profile.RICH, 8),
    7: Level("small-2", 8 * MIB, 1 * MIB, Profile.MAX, 4),
    8: Level("small-2", 16 * MIB, 4 * MIB, Profile.MAX, 4),
    9: Level("base-2", 16 * MIB, 4 * MIB, Profile.MAX, 2),
}


def get(level: int | None) -> Level:
    """The parameters of ``level``, 1..9; None is the default. Raises ``TypeError`` unless it is an
    integer, and ``ValueError`` where it is out of range."""
    level = DEFAULT_LEVEL if level is None else arguments.integer("level", level)
    if level not in _LEVELS:
        raise ValueError(f"level {level} is not in {MIN_LEVEL}..{MAX_LEVEL}")
    return _LEVELS[level]
