"""The odd lines of a log or a table: those with a word that costs more than it usually does there.

No rule and no training: what comes before is what is usual. A word is letters, digits, or another
byte; where it stands is given by the two words before it, numbers alike. Of the words that stood in
a place, mean and spread of what they cost are kept, and a line is as odd as its oddest word: a
random key is dear in every line, and so none of them is odd.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HEAD", "Line", "Lines"]

HEAD = 1 << 12  # bytes of a line that are looked at, and kept
_PLACES = 1 << 18  # that are remembered
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+|[0-9]+|[^A-Za-z0-9\x80-\xff]")
_MEMORY = 30  # words of a place that a mean is of, about
# Of 12 logs with planted lines, these found most: what is not known yet counts as one word of a bit
# a byte, and spreads below some bits are none.
_FLOOR = 9.0  # square bits
_FIRST = 2.0  # bits
_SPREAD = 4.0  # bits


@dataclass(frozen=True)
class Line:
    """A line, and the oddest word in it."""

    number: int  # from 1
    offset: int  # of its first byte
    text: bytes  # its first bytes, at most HEAD, without the end of the line
    bits: float  # what it costs
    usual: float  # bits that its words cost where they stood before
    start: int  # of the word, in text
    stop: int
    word_bits: float
    word_usual: float
    score: float  # spreads that the word is above what is usual


@dataclass
class _Place:
    count: int = 0
    mean: float = 0.0  # bits
    square: float = 0.0  # of the spread

    def expect(self, size: int) -> tuple[float, float]:
        """Mean and square of the spread, of words of ``size`` bytes."""
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
    """Takes the content piece by piece; keeps the ``top`` oddest lines, of equals the first."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._heap: list[tuple[float, int, Line]] = []
        self._places: dict[tuple[bytes, bytes, bytes], _Place] = {}
        self._number = 0
        self._offset = 0  # of the line that has begun
        self._size = 0  # bytes of it
        self._bits = 0.0
        self._head = b""
        self._costs: list[npt.NDArray[np.floating[Any]]] = []  # of the head

    def add(self, content: bytes, costs: npt.NDArray[np.floating[Any]]) -> None:
        """The next piece, and the bits that each byte of it costs."""
        for _ in self.ended(content, costs):
            pass

    def ended(self, content: bytes, costs: npt.NDArray[np.floating[Any]]) -> Iterator[Line]:
        """The same, and gives the lines that end in it, but for those without a word."""
        start = 0
        while start < len(content):
            stop = content.find(b"\n", start) + 1 or len(content)
            room = min(HEAD - len(self._head), stop - start)
            self._head += content[start : start + room]
            self._costs.append(costs[start : start + room])
            self._bits += float(costs[start:stop].sum())
            self._size += stop - start
            if content[stop - 1] == 10:
                yield from self.cut()
            start = stop

    def skip(self, start: int, rest: bytes) -> None:
        """Begin behind ``rest`` at the byte ``start`` of a file, of whose lines none is known."""
        self._offset = start + len(rest)

    def cut(self) -> Iterator[Line]:
        """Whatever follows, the line ends here, if one has begun."""
        if self._size:
            line = self._end_line()
            if line is not None:
                yield line

    def end(self) -> list[Line]:
        """No more is to come; the lines, the oddest first."""
        for _ in self.cut():
            pass
        return [line for *_, line in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]

    def _end_line(self) -> Line | None:
        self._number += 1
        line = self._scored(self._head.rstrip(b"\r\n"), np.concatenate(self._costs))
        if line is not None:
            heapq.heappush(self._heap, (line.score, -line.number, line))
            if len(self._heap) > self._top:
                heapq.heappop(self._heap)
        self._offset += self._size
        self._size, self._bits, self._head, self._costs = 0, 0.0, b"", []
        return line

    def _scored(self, text: bytes, costs: npt.NDArray[np.floating[Any]]) -> Line | None:
        """The line; None where there is no word in it."""
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
