"""The two-part code length: bits(program) + bits(data | program).

The program is the model as a file would embed it.
"""

from __future__ import annotations

from dataclasses import dataclass

from nncomp import packing
from nncomp.model import Model


@dataclass(frozen=True)
class Ledger:
    """The bits of a model, and of ``size`` bytes of data coded with it."""

    size: int  # bytes
    program: float  # bits
    data: float  # bits

    @property
    def total(self) -> float:
        """Bits of both parts."""
        return self.program + self.data


def program_bits(model: Model) -> float:
    """The bits of ``model`` in a file that embeds it in full."""
    return 8.0 * len(packing.pack(model).data)
