"""Limits of a network's dimensions, and the check that raises where one is broken."""

from __future__ import annotations

from dataclasses import dataclass

from nncomp.errors import ModelError

__all__ = ["Limit", "require"]


@dataclass(frozen=True)
class Limit:
    """low ≤ value ≤ high, in steps of ``unit``."""

    low: int
    high: int
    unit: int = 1

    def check(self, what: str, value: int) -> None:
        """Raise ``ModelError`` unless ``value`` is within the limit; ``what`` names it."""
        # type() and not isinstance(): a bool is no dimension. A large number would make the message
        # long.
        require(type(value) is int and abs(value) < 1 << 31, f"{what} is not a small integer")
        good = self.low <= value <= self.high and value % self.unit == 0
        steps = f", a multiple of {self.unit}" if self.unit > 1 else ""
        require(good, f"{what} is {value}, not in {self.low}..{self.high}{steps}")


def require(condition: bool, message: str) -> None:
    """Raise ``ModelError`` unless ``condition`` holds."""
    if not condition:
        raise ModelError(message)
