"""How the adaptive stage codes a stream: the parameters that a file holds, and what they cost.

Data and arithmetic on it, nothing else. What the parameters mean is in ``docs/numerics.md``, how
they are written in ``docs/format.md``, how they are chosen in ``plan.choose``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nncomp import mixing_memory
from nncomp.contexts.family import Family
from nncomp.contexts.table import LEAN, MAX, RICH

__all__ = [
    "MAX_PERIOD",
    "MAX_STRIDE",
    "Contexts",
    "Mixing",
    "NumberKind",
    "Profile",
    "costliest",
]

MAX_PERIOD = (1 << 16) - 1
MAX_STRIDE = 8


class Profile(enum.IntEnum):
    """How much the adaptive stage does. A frame's header holds it."""

    LEAN = 1  # a few contexts
    RICH = 2  # many
    MAX = 3  # and each of them thrice as much


# By contexts, in the order of ``Contexts``.
_FAMILIES = {Profile.LEAN: (LEAN,), Profile.RICH: RICH, Profile.MAX: MAX}


class Contexts(enum.IntEnum):
    """What the contexts are made of."""

    GENERAL = 0  # text, and whatever is nothing else
    RECORDS = 1  # records of one length, tables
    CODE = 2  # instructions of a processor
    X86 = 3  # instructions of an x86 processor
    PICTURE = 4  # rows of samples of bytes
    WIDE = 5  # rows of samples of 16-bit numbers, low byte first: sound, too, in rows of two frames
    FLOATS = 6  # records or rows of floats, or whole numbers of 24 or 32 bits, highest byte first

    @property
    def has_stride(self) -> bool:
        return self >= Contexts.PICTURE


class NumberKind(enum.IntEnum):
    """A number in floating point: a sign, an exponent, and a fraction; or a whole one. A stream's
    *stride* says which it has."""

    FLOAT32 = 1  # IEEE 754
    IBM32 = 2  # IBM System/360, in floating point
    FLOAT64 = 3  # IEEE 754
    INT24 = 4  # two's complement
    INT32 = 5  # likewise

    @property
    def width(self) -> int:
        """Bytes."""
        return _FORMS[self][0]

    @property
    def exponent_bits(self) -> int:
        """Of a whole number, some of its highest bits."""
        return _FORMS[self][1]

    @property
    def base(self) -> int:
        """log2 of the base that the exponent is of; 0 of a whole number, which has none."""
        return _FORMS[self][2]


_FORMS = {  # width, exponent bits, base
    NumberKind.FLOAT32: (4, 8, 1),
    NumberKind.IBM32: (4, 7, 4),
    NumberKind.FLOAT64: (8, 11, 1),
    NumberKind.INT24: (3, 8, 0),
    NumberKind.INT32: (4, 8, 0),
}


@dataclass(frozen=True)
class Mixing:
    """How a stream is coded. Raises ``ValueError`` for what the format does not allow."""

    profile: Profile
    contexts: Contexts = Contexts.GENERAL  # the only ones of the lean profile
    period: int = 0  # bytes of a record or a row, 2..65535; 0: none
    stride: int = 1  # bytes of a sample, 1..8; of FLOATS a NumberKind; 1 with others than those

    def __post_init__(self) -> None:
        if self.profile not in tuple(Profile):
            raise ValueError(f"mixing profile {self.profile} is not defined")
        if self.contexts not in tuple(Contexts):
            raise ValueError(f"contexts {self.contexts} are not defined")
        if self.profile == Profile.LEAN and self.contexts != Contexts.GENERAL:
            raise ValueError("the lean profile has general contexts only")
        if self.period != 0 and not 2 <= self.period <= MAX_PERIOD:
            raise ValueError(f"period {self.period} is not 0 or 2..{MAX_PERIOD}")
        if not 1 <= self.stride <= MAX_STRIDE:
            raise ValueError(f"stride {self.stride} is not 1..{MAX_STRIDE}")
        if self.contexts == Contexts.RECORDS and self.period == 0:
            raise ValueError("contexts of records need a period")
        if self.contexts == Contexts.FLOATS:
            if self.stride not in tuple(NumberKind):
                raise ValueError(f"floats of kind {self.stride} are not defined")
            if self.period == 0 or self.period % NumberKind(self.stride).width:
                raise ValueError("contexts of floats need a period of whole numbers")
        elif self.contexts.has_stride:
            if self.period <= self.stride:
                raise ValueError("contexts of a picture need a period above the stride")
            if self.contexts == Contexts.WIDE and (self.period | self.stride) & 1:
                raise ValueError("contexts of 16-bit samples need an even period and stride")
        elif self.stride != 1:
            raise ValueError("a stride is for contexts of a picture only")

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """As the native module takes it."""
        return self.profile, self.contexts, self.period, self.stride

    @property
    def label(self) -> str:
        """For people: ``general``, ``records 13``, ``picture 2304x3``, ``floats 4 float32``."""
        period = f" {self.period}" if self.period else ""
        kind = self.number_kind
        if kind is not None:
            return f"floats{period} {kind.name.lower()}"
        stride = f"x{self.stride}" if self.contexts.has_stride else ""
        return f"{self.contexts.name.lower()}{period}{stride}"

    @property
    def number_kind(self) -> NumberKind | None:
        """Of what the numbers are with contexts of floats; None with others."""
        return NumberKind(self.stride) if self.contexts == Contexts.FLOATS else None

    @property
    def family(self) -> Family:
        """The contexts, of the table."""
        return _FAMILIES[self.profile][self.contexts]

    @property
    def is_sound(self) -> bool:
        """Whether samples are predicted from those before alone: the rows are two frames."""
        return self.contexts == Contexts.WIDE and self.period <= 4 * self.stride

    def memory(self, size: int, lanes: int) -> int:
        """Upper bound in bytes of what coding a stream of ``size`` bytes takes beside the network.

        It depends on nothing but the profile, on how many rows of weights the contexts have, and on
        whether samples are predicted or numbers of lines followed.
        """
        lines = self.contexts == Contexts.GENERAL and self.profile != Profile.LEAN
        return mixing_memory.bound(self.family, _FAMILIES[self.profile], lines, size, lanes)


def costliest(profile: Profile) -> Mixing:
    """One that takes as much memory as any of the profile: it has most rows, or nearly."""
    return Mixing(profile, Contexts.GENERAL)
