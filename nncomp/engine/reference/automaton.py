"""Dynamic Markov modelling (DMC) in the reference engine: ``docs/numerics.md``, section 13.

Each state of the automaton counts the bits that came after it. A state is cloned if it is often
reached by one transition and often by others. After Cormack and Horspool, *Data compression using
dynamic Markov modelling*, 1987.
"""

from __future__ import annotations

import functools

from nncomp.mixing_memory import FIRST_STATES, MOST_ADDED
from nncomp.mixing_tables import STRETCH

__all__ = ["Automaton"]

FIRST_SEEN, ONCE, MOST_SEEN = 51, 256, 64000  # first count, one occurrence, largest count
KEPT = 512  # a quarter of the other bit's count in excess of this is forgotten
OTHERS = 512  # a state is cloned only if other transitions into it were taken so often


@functools.cache
def _first_states() -> list[list[int]]:
    """The states that follow each first state, 255·(the byte before) + node − 1: [bit][state]."""
    following: list[list[int]] = [[], []]
    for state in range(FIRST_STATES):
        before, node = state // 255, state % 255 + 1
        for bit in range(2):
            n = 2 * node + bit  # a node, or 256 and the byte
            following[bit].append(before * 255 + n - 1 if n < 256 else (n - 256) * 255)
    return following


class Automaton:
    """The automaton of one lane."""

    def __init__(self) -> None:
        self.following = [states.copy() for states in _first_states()]  # [bit][state]
        self.seen = [[FIRST_SEEN] * FIRST_STATES for _ in range(2)]  # [bit][state], in 1/ONCE
        self.state = 0

    def ask(self) -> int:
        """The prediction of the next bit, in the logistic domain."""
        n0, n1 = self.seen[0][self.state], self.seen[1][self.state]
        return int(STRETCH[(n1 + 2 << 12) // (n0 + n1 + 4)])

    def learn(self, bit: int, t: int) -> None:
        """Learn the next ``bit``; t is the number of whole bytes so far."""
        state, following, seen = self.state, self.following, self.seen
        n, other = seen[bit][state], seen[1 - bit][state]
        to = self.state = following[bit][state]
        if n < MOST_SEEN:
            seen[bit][state] = n + ONCE
        if other > KEPT:
            seen[1 - bit][state] = (3 * other >> 2) + KEPT // 4
        states = len(seen[0])
        every = seen[0][to] + seen[1][to]
        if n < ONCE or every < n + OTHERS or states >= FIRST_STATES + min(t + t // 2, MOST_ADDED):
            return
        for b in range(2):
            following[b].append(following[b][to])
            seen[b].append(seen[b][to] * n // every)
            seen[b][to] -= seen[b][-1]
        self.state = following[bit][state] = states
