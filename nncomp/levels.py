"""Levels: a pure table from a number to parameters.

A level is a name for parameters and is never stored: a file describes itself. Bytes depend on what
is in this table, so an entry of a released level changes only together with its model.
"""

from __future__ import annotations

from dataclasses import dataclass

from nncomp.mixing import Profile

__all__ = ["DEFAULT_LEVEL", "MAX_LEVEL", "MIN_LEVEL", "NO_MODEL", "Level", "full_lanes", "get"]

KIB = 1 << 10
MIB = 1 << 20

MIN_LEVEL = 1
MAX_LEVEL = 9
DEFAULT_LEVEL = 5
NO_MODEL = "none"  # in place of a model's name: never use a network


@dataclass(frozen=True)
class Level:
    """What a level stands for."""

    model: str  # name of a released model
    block_size: int  # bytes, a power of two
    profile: Profile  # of the adaptive stage
    min_gain: int  # 1/1024 of a block as coded: what the network has to save


_LEVELS = {
    1: Level("nano-1", 1 * MIB, Profile.LEAN, 31),
    2: Level("nano-1", 2 * MIB, Profile.LEAN, 31),
    3: Level("nano-1", 2 * MIB, Profile.LEAN, 31),
    4: Level("small-1", 4 * MIB, Profile.RICH, 15),
    5: Level("small-1", 4 * MIB, Profile.RICH, 15),
    6: Level("small-1", 4 * MIB, Profile.RICH, 15),
    7: Level("small-1", 8 * MIB, Profile.RICH, 4),
    8: Level("small-1", 16 * MIB, Profile.RICH, 4),
    9: Level("small-1", 16 * MIB, Profile.RICH, 4),
}


def get(level: int | None) -> Level:
    """The parameters of ``level``, 1..9; None is the default. Raises ``ValueError``."""
    if level is None:
        level = DEFAULT_LEVEL
    if level not in _LEVELS:
        raise ValueError(f"level {level} is not in {MIN_LEVEL}..{MAX_LEVEL}")
    return _LEVELS[level]


def full_lanes(block_size: int) -> int:
    """Lanes of a full block: one per 256 KiB up to 8 MiB, one per 512 KiB above, at least one.

    Lanes cannot see each other's past, so few and long ones compress better, while a handful of
    them already keeps a kernel busy.
    """
    lane_size = 256 * KIB if block_size <= 8 * MIB else 512 * KIB
    return max(1, block_size // lane_size)
