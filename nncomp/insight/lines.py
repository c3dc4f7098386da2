"""Finds the odd lines of a log or a table: those with a word that costs more than usual there.

There are no rules and no training: the lines before define what is usual. A word is a run of
letters, a run of digits, or any other byte. Its place is defined by the two words before it, where
all numbers are alike. Mean and spread of the costs of the words in each place are kept, and a line
is as odd as its oddest word. So a random key, which costs much in every line, makes no line odd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HEAD", "Line", "Lines"]

HEAD = 1 << 12  # bytes at the beginning of a line that are looked at, and kept
_PLACES = 1 << 18  # places that are remembered
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+|[0-9]+|[^A-Za-z0-9\x80-\xff]")
_MEMORY = 30  # about how many words of a place a mean covers
# Chosen because they find most of the odd lines planted in 12 logs. A new place counts as if it had
# had one word of the same size, with these costs.
_FLOOR = 9.0  # square bits that are added to the square of each spread
_FIRST = 2.0  # bits that a new place's word costs, plus one bit per byte
_SPREAD = 4.0  # bits of a new place's spread, plus one bit per byte


@dataclass(frozen=True)
class Line:
    """A line, and the oddest word in it."""

    number: int  # from 1
    offset: int  # of its first byte in the file
    text: bytes  # its first bytes, at most HEAD, without the end of the line
    bits: float  # cost of the line
    usual: float  # bits that words in the places of its words have cost on average
    start: int  # where the oddest word begins in ``text``
    stop: int  # where it ends
    word_bits: float  # its cost
    word_usual: float  # mean cost of words in its place before
    score: float  # how many spreads its cost is above that mean


@dataclass
class _Place:
    count: int = 0  # words so far
    mean: float = 0.0  # mean cost in bits
    square: float = 0.0  # variance of the cost in square bits

    def expect(self, size: int) -> tuple[float, float]:
        """(mean, variance) to expect of the cost of a word of ``size`` bytes, in bits."""
        mean = (self.count * self.mean + size + _FIRST) / (self.count + 1)
        square = (self.count * self.square + (size + _SPREAD) ** 2) / (self.count + 1)
        return mean, square + _FLOOR

    def learn(self, bits: float) -> None:
        rate = 1 / (min(self.count, _MEMORY) + 1)
        off = bits - self.mean
        self.count += 1
        self.mean += rate * off
        self.square = (1 - rate) * (self.square + rate * off * off)


class Lines:
    """Takes the content piece by piece and yields its lines, as each ends."""

    def __init__(self) -> None:
        self._places: dict[tuple[bytes, bytes, bytes], _Place] = {}
        self._number = 0
        self._offset = 0  # where the current line begins
        self._size = 0  # bytes of the current line so far
        self._bits = 0.0  # cost of these
        self._head = b""  # the first of these, at most HEAD
        self._costs: list[npt.NDArray[np.floating[Any]]] = []  # bits of each byte of the head

    def add(self, content: bytes, costs: npt.NDArray[np.floating[Any]]) -> Iterator[Line]:
        """Take the next piece of content, and the bits that each byte of it costs; yield the lines
        that end in it, except those without words."""
        start = 0
        while start < len(content):
            stop = content.find(b"\n", start) + 1 or len(content)
            room = min(HEAD - len(self._head), stop - start)
            self._head += content[start : start + room]
            if room:
                self._costs.append(costs[start : start + room].copy())  # not a view of all of them
            self._bits += float(costs[start:stop].sum())
            self._size += stop - start
            if content[stop - 1] == 10:
                yield from self.cut()
            start = stop

    def skip(self, size: int, number: int) -> None:
        """Begin behind the first ``size`` bytes of a file, in which ``number`` lines end."""
        self._offset, self._number = size, number

    def cut(self) -> Iterator[Line]:
        """End the current line here, if one has begun, and yield it if it has a word."""
        if self._size:
            line = self._end_line()
            if line is not None:
                yield line

    def restart(self) -> Iterator[Line]:
        """As ``cut``: what comes next is the beginning of another file."""
        yield from self.cut()
        self.skip(0, 0)

    def _end_line(self) -> Line | None:
        self._number += 1
        line = self._scored(self._head.rstrip(b"\r\n"), np.concatenate(self._costs))
        self._offset += self._size
        self._size, self._bits, self._head, self._costs = 0, 0.0, b"", []
        return line

    def _scored(self, text: bytes, costs: npt.NDArray[np.floating[Any]]) -> Line | None:
        """Score the current line, and learn its words; None where there is no word in it."""
        spent = [0.0, *costs.cumsum().tolist()]
        before, last = b"", b""
        usual, oddest = 0.0, None
        for match in _WORD.finditer(text):
            word, (start, stop) = match[0], match.span()
            kind = b"0" if word.isdigit() else b"a" if len(word) > 1 or word.isalpha() else word
            bits = spent[stop] - spent[start]
            place = self._place((before, last, kind))
            mean, square = place.expect(len(word))
            score = (bits - mean) / square**0.5
            if oddest is None or score > oddest[0]:
                oddest = score, start, stop, bits, mean
            place.learn(bits)
            usual += mean
            before, last = last, b"0" if kind == b"0" else word
        if oddest is None:
            return None
        score, start, stop, bits, mean = oddest
        line = self._number, self._offset, text, self._bits, usual
        return Line(*line, start, stop, bits, mean, score)

    def _place(self, key: tuple[bytes, bytes, bytes]) -> _Place:
        place = self._places.get(key)
        if place is None:
            place = _Place()
            if len(self._places) < _PLACES:
                self._places[key] = place
        return place
