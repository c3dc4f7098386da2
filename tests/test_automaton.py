"""The automaton of the reference engine: numbers stay in the ranges that others count on."""

from __future__ import annotations

import random

from nncomp.engine.reference.automaton import Automaton
from nncomp.mixing_memory import FIRST_STATES


def learn(automaton: Automaton, data: bytes) -> None:
    for t, byte in enumerate(data):
        for k in range(8):
            automaton.learn(byte >> 7 - k & 1, t)


def test_begins_with_the_nodes_behind_each_byte() -> None:
    automaton = Automaton()
    learn(automaton, b"n")
    assert automaton.state == 255 * ord("n")
    assert len(automaton.seen[0]) == FIRST_STATES
    assert sum(counts == 51 for counts in automaton.seen[0]) == FIRST_STATES - 3  # zeros of "n"


def test_ranges() -> None:
    """Counts are those of the specification, and no more states than t allows."""
    source = random.Random(1)
    words = [source.randbytes(source.randrange(1, 9)) for _ in range(40)]
    data = bytes(3000) + b"".join(source.choices(words, k=2000)) + b"\xff" * 3000
    automaton = Automaton()
    for t, byte in enumerate(data):
        for k in range(8):
            automaton.learn(byte >> 7 - k & 1, t)
            assert len(automaton.seen[0]) <= FIRST_STATES + t + t // 2
            assert abs(automaton.ask()) <= 1663
    states = len(automaton.seen[0])
    assert FIRST_STATES + 1000 < states == len(automaton.following[1])
    for bit in range(2):
        assert max(automaton.seen[bit]) <= 64255
        assert min(automaton.seen[bit]) >= 0
        assert 0 <= min(automaton.following[bit]) <= max(automaton.following[bit]) < states


def test_a_split_keeps_counts() -> None:
    """What a new state has, the one that it comes from loses."""
    automaton = Automaton()
    sums = []
    for t, byte in enumerate(b"ab" * 3 + b"cb" * 3 + b"ab" * 3):
        for k in range(8):
            before = sum(map(sum, automaton.seen)), len(automaton.seen[0])
            n = automaton.seen[byte >> 7 - k & 1][automaton.state]
            automaton.learn(byte >> 7 - k & 1, t)
            after = sum(map(sum, automaton.seen)), len(automaton.seen[0])
            if after[1] > before[1]:
                assert n >= 256
                sums.append(after[0] - before[0])
    assert sums
    assert max(sums) <= 256  # the bit's own count, less what its other one lost
