"""What the reference engine knows of the lines of a text: section 11 of ``docs/numerics.md``.

``Numbers`` are those of a line beside the line above, an ``Outline`` is a line in which a run of
digits is one thing, with the numbers that are due in it.
"""

from __future__ import annotations

from nncomp.engine.reference.hashes import K1, K2, MASK, combine

__all__ = ["Numbers", "Outline", "byte_class", "is_letter", "with_letter"]

MAX_NUMBERS = 64  # of a line that are looked at
PLACE_BITS = 12
PLACES = 1 << PLACE_BITS  # in which numbers are remembered
MAX_DIGITS = 8  # of a number that is due


def byte_class(c: int) -> int:
    """1…12."""
    if c >= 128:
        return 6
    char = chr(c)
    if char.islower():
        return 1
    if char.isupper():
        return 2
    if char.isdigit():
        return 3
    single = {" ": 4, "\n": 5, ",": 8, '"': 9, "<": 10, ">": 10, ".": 11}
    return single.get(char, 7 if c < 32 else 12)


def is_letter(kind: int) -> bool:
    """Or part of one: whether the class is lower, upper or high."""
    return kind in (1, 2, 6)


def with_letter(h: int, c: int, kind: int) -> int:
    """A word's or a name's hash with one more byte; both cases are alike."""
    return (h + c + (32 if kind == 2 else 0) + 1) * K1 & MASK


class Numbers:
    """Numbers of this line and of the one above. Points do not end a number, nor do they count."""

    def __init__(self) -> None:
        self.value = self.digits = 0  # of this one so far, modulo 2^64
        self.line: list[int] = []  # those that are complete
        self.above: list[int] = []
        self.change = 0  # what the last complete one is more than the one above

    def over(self) -> int:
        """The one above this one or the next, or 0."""
        return self.above[len(self.line)] if len(self.line) < len(self.above) else 0

    def take(self, c: int) -> None:
        """Take in a byte."""
        if 48 <= c < 58:
            self.value = self.value * 10 + c - 48 & MASK
            self.digits += 1
            return
        if c == 46:
            return
        if self.digits and len(self.line) < MAX_NUMBERS:
            self.change = self.value - self.over() & MASK
            self.line.append(self.value)
        self.value = self.digits = 0
        if c == 10:
            self.above, self.line, self.change = self.line, [], 0


def place(x: int) -> int:
    """Which of the places where numbers are remembered a hash has."""
    return x >> 64 - PLACE_BITS


class Due:
    """The first digits of a number that is due where the next digits are: as long as they agree."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text
        self.state = 0  # 1: the first digit that differs is greater, 2: it is less

    def digit(self, k: int) -> int:
        """Its digit k as a byte, 0 behind the last one."""
        return self.text[k] if k < len(self.text) else 0

    def compare(self, k: int, c: int) -> None:
        """Take in digit k."""
        if self.state == 0 and c != self.digit(k):
            self.state = 1 if c > self.digit(k) else 2


class Outline:
    """Names, cells, and the line as an outline, in which a run of digits is one thing.

    Of each place of an outline is remembered which number came there, and which one follows if it
    grows as it did last; of each name, with the byte behind it, which number came next.
    """

    def __init__(self) -> None:
        self.name = self.name1 = 0  # hashes of this name's bytes, and of those of the one before
        self.line = self.above = 0  # the outlines of this line so far and of the line above
        self.form = self.kind = 0  # runs of letters are one thing, too; what the last byte is there
        self.cell = self.quoted = 0
        self.text, self.value = b"", 0  # of the run of digits: the first ones; modulo 2^32
        self.digits = 0
        self.place = self.named = 0
        self.before = [(b"", b"", 0)] * PLACES  # the number's text, that of the next, its value
        self.behind_name = [b""] * PLACES
        self.due = [Due(), Due(), Due()]

    def expected(self, j: int) -> int:
        """What the next digit, and the one behind it, are if the number is the one that is due."""
        due = self.due[j]
        if due.state:
            return due.state << 16
        return due.digit(self.digits) | due.digit(self.digits + 1) << 8

    def take(self, c: int) -> None:
        """Take in a byte."""
        kind = byte_class(c)
        letter, digit = is_letter(kind), kind == 3
        if letter or digit or c == ord("_"):
            self.name = with_letter(self.name, c, kind)
        elif self.name:
            self.name1, self.name = self.name, 0
        told = 1 if digit else 2 if letter else c + 3
        if told != self.kind:
            self.form = (self.form + told) * K1 & MASK
        self.kind = told
        if digit:
            self.count(c)
            return
        if self.digits:
            self.remember()
        self.line = (self.line + c + 1) * K1 & MASK
        self.quoted ^= c == ord('"')
        if not self.quoted and c in b",\t;|":
            self.cell += 1
        if c == 10:
            self.above, self.line = self.line, 0
            self.form = self.kind = self.cell = self.quoted = 0
        self.place = place(self.line * K2 & MASK)
        self.named = place((combine(self.name1, self.name) + c) * K1 & MASK)
        text, following, _ = self.before[self.place]
        self.due = [Due(text), Due(following), Due(self.behind_name[self.named])]

    def count(self, c: int) -> None:
        """One digit more."""
        if self.digits == 0:
            self.line = (self.line + 257) * K1 & MASK
        for due in self.due:
            due.compare(self.digits, c)
        self.text = (self.text + bytes([c]))[:MAX_DIGITS]
        self.value = (self.value * 10 + c - 48) % 2**32
        self.digits += 1

    def remember(self) -> None:
        """The run of digits has ended."""
        following = (2 * self.value - self.before[self.place][2]) % 2**32
        text = b"%0*d" % (len(self.text), following)
        self.before[self.place] = (self.text, text[:MAX_DIGITS], self.value)
        self.behind_name[self.named] = self.text
        self.text, self.value, self.digits = b"", 0, 0
