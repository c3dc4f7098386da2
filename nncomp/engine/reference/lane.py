"""The reference engine's lanes: what each has for itself of ``docs/numerics.md``, section 13.

Its cells and weights, what they say of a bit, and what they learn from it. What lanes share, and so
where a lane looks, is in ``mixer``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from nncomp.contexts.family import Family
from nncomp.engine.reference.arithmetic import Ints
from nncomp.engine.reference.automaton import Automaton
from nncomp.engine.reference.cells import ONE, Cells, drawn, map_start, nearer, squash
from nncomp.engine.reference.features import Past, length_class, run_class
from nncomp.engine.reference.matches import Match
from nncomp.engine.reference.readout import Readout
from nncomp.engine.reference.samples import NEAREST
from nncomp.engine.reference.weights import FirstLayer, SecondLayer
from nncomp.mixing_tables import START

__all__ = ["Inputs", "Lane"]

CLASSES = 24  # of a match's length
RUNS = 17  # classes of a run's length
CONSTANT = 256  # the last input
RUN_WEIGHT = 300  # of the input of a run, at first
HISTORY_COUNT, MATCH_COUNT, SAMPLE_COUNT = 8, 0, 0  # how settled a cell is at first
SAMPLE_START = 32768  # of 16 bits

At: TypeAlias = tuple[Ints, ...]  # places of cells


@dataclass
class Inputs:
    """What is known of a bit before it is coded."""

    history_at: At  # of the cells that learn the bit
    sample_at: At | None = None  # likewise
    expecting: list[tuple[Cells, At, int]] = field(default_factory=list)  # of matches and runs: a
    # cell, which learns whether the bit is the one that it expects
    match_class: int = 0  # of the first active match
    guess: int = 0  # 1 + the bit that match 0 expects
    predicted: int = 0  # 256 + the byte of the last active match
    near: int = 0  # the row of the lane's final map
    x: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


class Lane:
    """All that is private to a lane."""

    def __init__(self, past: Past, family: Family, network: bool, units: int) -> None:
        self.past, self.full = past, family.full
        self.readout = Readout(units) if units else None
        self.automaton = Automaton()
        contexts, samples = family.count("context", network), family.count("sample")
        matches, histories = family.count("match"), contexts + 2
        self.matches = [Match() for _ in range(matches)]
        self.match_hashes = [0] * matches
        self.byte = 0
        self.hashes: list[list[int]] = []  # [nibble][context]
        self.memory_at: list[int] = []  # where in each memory what followed before is
        self.runs: list[int] = []  # of the slots of the upper nibble
        self.map_cells: list[tuple[int, int]] = []  # of the shared map: (node, cell) for each bit

        start = np.zeros(256, np.int64)
        start[: len(START)] = START
        self.history_cells = Cells(np.tile(start, (histories, 1)), HISTORY_COUNT)
        by_run = [65535 - 65536 // (run + 3) for run in range(RUNS)]
        self.run_cells = Cells(np.tile(np.repeat(by_run, 8), (contexts, 1)), MATCH_COUNT)
        by_class = [65535 - 65536 // (length + 3) for length in range(CLASSES)]
        self.match_cells = Cells(np.tile(np.repeat(by_class, 64), (matches, 1)), MATCH_COUNT)
        sample_start = np.full((samples, 8, 8, 256), SAMPLE_START, np.int64)
        self.sample_cells = Cells(sample_start, SAMPLE_COUNT)  # [prediction][error][bit][place]
        first = np.array([i.weight(network) for i in family.inputs(network)], np.int64)
        more = [0]  # of the automaton
        if family.full:  # confidences and runs
            more += [0] * (histories + samples) + [RUN_WEIGHT] * contexts
        first = np.concatenate([first[:-1], np.array(more, np.int64), first[-1:]])
        self.first = FirstLayer(first, family.first_rows, family.full)
        self.second = SecondLayer(len(family.rows), family.full)
        self.final_map = np.tile(map_start(), (3 * 256, 1))

    # Inputs, in their order

    def inputs(self, k: int, node: int, states: Sequence[int], network: int | None) -> Inputs:
        """For bit k, 0…7 from the top, of which those before are in ``node``: of histories in these
        ``states``, and of the network, if it takes part."""
        found = Inputs((np.arange(len(states)), np.array(states)))
        x = self.history_cells.stretched(found.history_at).tolist()
        x += self._of_matches(k, node, found)
        found.near = found.guess << 8 | node
        samples = self.past.samples
        if samples is not None:
            count = len(self.sample_cells.p)
            errors, places = zip(*samples.cells(count, self.past, k, node), strict=True)
            at = np.arange(count), np.array(errors), np.full(count, k), np.array(places)
            x += self.sample_cells.stretched(at).tolist()
            found.sample_at, found.near = at, places[NEAREST]
        if network is not None:
            x.append(network)
        x.append(self.automaton.ask())
        if self.full:
            x += _confidences(self.history_cells, found.history_at)
            if found.sample_at is not None:
                x += _confidences(self.sample_cells, found.sample_at)
            x += self._of_runs(k, node, found)
        found.x = np.array([*x, CONSTANT], np.int64)
        return found

    def _of_matches(self, k: int, node: int, found: Inputs) -> list[int]:
        x = [0] * len(self.matches)
        for m, match in enumerate(self.matches):
            if match.length and (match.byte | 256) >> 8 - k == node:
                bit = match.byte >> 7 - k & 1
                length = length_class(match.length)
                at = np.array([m]), np.array([length * 64 + k * 8 + (match.misses & 7)])
                x[m] = _expected(self.match_cells, at, bit, found)
                found.guess = bit + 1 if m == 0 else found.guess
                found.match_class = found.match_class or length
                found.predicted = 256 + match.byte
        return x

    def _of_runs(self, k: int, node: int, found: Inputs) -> list[int]:
        x = [0] * len(self.runs)
        for i, run in enumerate(self.runs):
            n = run >> 8
            if n > 0 and (run & 255 | 256) >> 8 - k == node:
                at = np.array([i]), np.array([run_class(n) * 8 + k])
                x[i] = _expected(self.run_cells, at, run >> 7 - k & 1, found)
        return x

    # Learning

    def learn(self, inputs: Inputs, node: int, x2: int, bit: int) -> None:
        """From a bit, of which ``x2`` went into the final maps."""
        target = ONE * bit
        self.history_cells.learn(inputs.history_at, target)
        for cells, at, expected in inputs.expecting:
            cells.learn(at, ONE if expected == bit else 0)
        if inputs.sample_at is not None:
            self.sample_cells.learn(inputs.sample_at, target)
        self.automaton.learn(bit, self.past.t)
        self.first.learn(target)
        self.second.learn(target)
        if self.readout is not None:
            self.readout.learn(target - squash(x2) >> 4)
        own = self.final_map[inputs.near]
        own[nearer(x2)] = drawn(int(own[nearer(x2)]), bit)
        self.map_cells.append((node, nearer(x2)))


def _expected(cells: Cells, at: At, bit: int, found: Inputs) -> int:
    """The input of a cell that expects this bit; noted, as it is to learn whether that is right."""
    found.expecting.append((cells, at, bit))
    v = int(cells.stretched(at)[0])
    return v if bit else -v


def _confidences(cells: Cells, at: At) -> list[int]:
    """How far cells are from even."""
    far: list[int] = (cells.p[at] - (1 << 21) >> 12).tolist()
    return far
