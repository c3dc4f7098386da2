"""The reference engine's matches: section 12 of ``docs/numerics.md``."""

from __future__ import annotations

__all__ = ["MATCH_LEAST", "MATCH_MOST", "Match"]

MATCH_LEAST = (6, 20)  # bytes that must agree
MATCH_MOST = 400  # bytes that are compared


class Match:
    """A place that agrees with what the lane coded last, and the byte there."""

    def __init__(self) -> None:
        self.piece, self.offset = 0, 0
        self.length = 0  # of the agreement, 0: there is no match
        self.misses = 0  # of the last 8 bytes it predicted, newest lowest
        self.byte = 0  # what it predicts
