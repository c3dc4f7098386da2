"""The contexts by which the network's tables choose rows: section 3 of ``docs/numerics.md``.

A context is a function of a lane's bytes before the one to come; its key is an unsigned 64-bit
number. ``Past`` is the state that they are computed from, updated byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["KEYS", "Past"]

_FACTOR = 0x2F0B4C4700000B2D
_MASK = (1 << 64) - 1
_CHARACTER = 0xE0  # lead bytes of UTF-8 from here on begin characters that are words of their own
_BLANKS = b" \t"
_SEPARATORS = b"\t,;|"  # of fields


class Past:
    """The past of a lane. Hashes are polynomials in ``_FACTOR``, modulo 2^64."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.word = 0  # hash of the letters since the last other byte; 0 if there are none
        self.before = 0  # hash of the word before it
        self.line = 0  # where this line begins
        self.above = 0  # where the line before it begins; at first, this one
        self.field = 0  # separators in this line

    def take(self, byte: int) -> None:
        """Append the next byte of the lane."""
        letter = _is_letter(byte)
        if self.bytes and _is_letter(self.bytes[-1]) and (not letter or byte >= _CHARACTER):
            self.before, self.word = self.word, 0
        if letter:
            self.word = (self.word + _lower(byte) + 1) * _FACTOR & _MASK
        self.bytes.append(byte)
        self.field += byte in _SEPARATORS
        if byte == ord("\n"):
            self.above, self.line, self.field = self.line, len(self.bytes), 0

    def last(self, count: int) -> int:
        """The last ``count`` bytes as a number, the newest lowest; 0 before the lane's start."""
        return int.from_bytes(self.bytes[-count:], "big")

    def byte_above(self, ahead: int) -> int:
        """The byte in the line before above the one to come, or ``ahead`` bytes after that.

        0 if the line before is too short to have a byte above; if it has one, ``ahead`` may lead
        beyond its end.
        """
        place = self.above + len(self.bytes) - self.line
        known = place < self.line and place + ahead < len(self.bytes)
        return self.bytes[place + ahead] if known else 0


def _is_letter(byte: int) -> bool:
    return byte >= 128 or bytes([byte]).isalnum()


def _lower(byte: int) -> int:
    return bytes([byte]).lower()[0]


def _blanks(line: bytearray) -> int:
    """How many blanks (spaces or tabs) a line begins with, at most 31."""
    return min(len(line) - len(line.lstrip(_BLANKS)), 31)


def _order(count: int) -> Callable[[Past], int]:
    return lambda past: past.last(count)


def _skip(past: Past) -> int:
    return past.last(4) & ~0xFF


def _skip2(past: Past) -> int:
    return past.last(3) & ~0xFF


def _word(past: Past) -> int:
    return past.word


def _words(past: Past) -> int:
    return (past.word * _FACTOR + past.before) & _MASK


def _above(past: Past) -> int:
    return past.byte_above(0) << 16 | past.byte_above(1) << 8 | past.last(1)


def _field(past: Past) -> int:
    return (past.word * _FACTOR + past.field) & _MASK


def _indent(past: Past) -> int:
    line, above = past.bytes[past.line :], past.bytes[past.above : past.line]
    rest = line.lstrip(_BLANKS)
    first = rest[0] if rest else 0
    numbers = _blanks(line) << 13 | _blanks(above) << 8 | first
    return (numbers * _FACTOR + past.last(1)) & _MASK


KEYS: Mapping[str, Callable[[Past], int]] = {
    **{str(count): _order(count) for count in range(1, 9)},
    "skip": _skip,
    "skip2": _skip2,
    "word": _word,
    "words": _words,
    "above": _above,
    "field": _field,
    "indent": _indent,
}
"""Functions that give the key of each context before the next byte, in 0…2^64 − 1."""
