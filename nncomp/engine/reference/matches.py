"""The reference engine's matches: section 12 of ``docs/numerics.md``."""

from __future__ import annotations

__all__ = ["MATCH_LEAST", "MATCH_MOST", "Match"]

MATCH_LEAST = (6, 20)  # bytes that must agree, for each match model
MATCH_MOST = 400  # bytes that are compared at most when a match is found


class Match:
    """An earlier place whose bytes agree with the last ones of the lane; it predicts that the byte
    there follows again."""

    def __init__(self) -> None:
        self.piece, self.offset = 0, 0  # the place: which lane's piece, and where in it
        self.length = 0  # bytes that agree; 0: there is no match
        self.misses = 0  # a bit for each of the last 8 predictions, 1 if wrong, newest lowest
        self.byte = 0  # the predicted byte
