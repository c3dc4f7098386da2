"""The contexts by which tables choose rows, for whole windows: section 3 of ``docs/numerics.md``.

They are computed in torch, so that a GPU can find the rows of its own text. The engines' unsigned
numbers of 64 bits are signed here, with the same bits: sums, products and left shifts are the same.

The reference engine computes the same contexts byte by byte (``engine.reference.contexts``); a test
compares them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nncomp.network import WAYS, Table

__all__ = ["CHECK_BITS", "Windows", "hashed", "rows", "searched_bits"]

CHECK_BITS = 8


def _signed(value: int) -> int:
    """The signed number with the low 64 bits of ``value``."""
    return ((value + (1 << 63)) % (1 << 64)) - (1 << 63)


_ONES = 0x0101010101010101
_HIGH = _signed(_ONES << 7)
_PLACES = 0x0001020304050607  # times 1 << 8 · i: i in the highest byte
_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FACTOR = 0x2F0B4C4700000B2D
_INVERSE = pow(_FACTOR, -1, 1 << 64)

_CHARACTER = 0xE0  # lead bytes of UTF-8 from here on begin characters that are words of their own
_SEPARATORS = b"\t,;|"  # of fields


def rows(table: Table, check: Tensor | None, keys: Tensor) -> Tensor:
    """The row of each key in ``table``: (windows, T) int64. ``check`` is the table's, if it has
    known contexts, else None."""
    if check is None:
        return hashed(keys, table.log2_rows)
    buckets = check.view(torch.int64)
    places = hashed(keys, searched_bits(table))
    bucket = places >> CHECK_BITS
    differ = buckets[bucket] ^ (places & (1 << CHECK_BITS) - 1) * _ONES
    equal = (differ - _ONES) & ~differ & _HIGH  # the lowest bit set is at the first equal byte
    first = _right(equal & -equal, 7)  # 1 at the byte of the first
    way = _right(first * _PLACES, 56)
    return torch.where(equal == 0, len(check), WAYS * bucket + way)


def searched_bits(table: Table) -> int:
    """How many bits of a hash find a known context: those of its bucket and of its check."""
    return table.log2_rows - (WAYS.bit_length() - 1) + CHECK_BITS


def hashed(keys: Tensor, bits: int) -> Tensor:
    """The upper ``bits``, 1 to 63, of the hash of each key."""
    return _right(keys * _GOLDEN, 64 - bits)


def _right(x: Tensor, by: int) -> Tensor:
    """``x`` shifted right by 1 to 63 bits, as an unsigned number."""
    return x >> by & (1 << 64 - by) - 1


class Windows:
    """The contexts of windows of text, each a lane of its own. Intermediate results are cached."""

    def __init__(self, data: Tensor) -> None:
        """``data``: (windows, T) uint8."""
        self.data = data

    def keys(self, context: str) -> Tensor:
        """The key of ``context`` before each byte: (windows, T) int64."""
        return _KEYS[context](self)

    def order(self, count: int) -> Tensor:
        """The last ``count`` bytes, 1 to 8, before each byte as a number, the newest lowest; bytes
        before the window are 0."""
        return self._last if count == 8 else self._last & (1 << 8 * count) - 1

    @functools.cached_property
    def _last(self) -> Tensor:
        before = F.pad(self.data, (8, 0))[:, :-1].long().unfold(1, 8, 1)
        shifts = torch.arange(56, -1, -8, device=self.data.device)
        return (before << shifts).sum(-1)

    @functools.cached_property
    def places(self) -> Tensor:
        """The positions of the bytes, and the one behind the last: (T + 1,)."""
        return torch.arange(self.data.shape[1] + 1, device=self.data.device)

    def behind(self, mark: Tensor, offset: int = 1) -> Tensor:
        """For each position, that of the last mark before it plus ``offset``, or 0 if there is
        none: (windows, T + 1)."""
        marked = torch.where(mark, self.places[:-1] + offset, 0)
        return F.pad(marked.cummax(1).values, (1, 0))

    @functools.cached_property
    def letter(self) -> Tensor:
        return (self.data >= 128) | ((self.data | 32) - 97 < 26) | (self.data - 48 < 10)

    @functools.cached_property
    def blank(self) -> Tensor:
        return (self.data == ord(" ")) | (self.data == ord("\t"))

    @functools.cached_property
    def line(self) -> Tensor:
        """Where the line of each position begins: (windows, T + 1)."""
        return self.behind(self.data == ord("\n"))

    @functools.cached_property
    def line_above(self) -> Tensor:
        return self.line.gather(1, (self.line - 1).clamp_min(0))

    @functools.cached_property
    def hashes(self) -> tuple[Tensor, Tensor]:
        """(hash of the letters since the last other byte, hash of the word before), each
        (windows, T)."""
        data, letter = self.data, self.letter
        begin = torch.maximum(self.behind(~letter), self.behind(data >= _CHARACTER, 0))
        powers, inverse = _powers(data.shape[1], data.device)
        lower = torch.where(data - 65 < 26, data + 32, data).long()
        sums = F.pad(((lower + 1) * inverse).cumsum(1), (1, 0))
        hashes = (sums - sums.gather(1, begin)) * powers
        end = self.behind(letter).gather(1, begin)
        return hashes[:, :-1], hashes.gather(1, end)[:, :-1]

    @property
    def word(self) -> Tensor:
        return self.hashes[0]

    def words(self) -> Tensor:
        word, before = self.hashes
        return word * _FACTOR + before

    def above(self) -> Tensor:
        line, now = self.line, self.places
        place = self.line_above + now - line
        padded = F.pad(self.data, (0, 2)).long()
        key = torch.zeros_like(line)
        for ahead in range(2):
            known = (place < line) & (place + ahead < now)
            byte = padded.gather(1, torch.where(known, place + ahead, 0))
            key = key << 8 | torch.where(known, byte, 0)
        return key[:, :-1] << 8 | self.order(1)

    def field(self) -> Tensor:
        separator = sum((self.data == byte for byte in _SEPARATORS), torch.zeros_like(self.letter))
        count = F.pad(separator.cumsum(1), (1, 0))
        number = count - count.gather(1, self.line)
        return self.word * _FACTOR + number[:, :-1]

    def indent(self) -> Tensor:
        T, line, above = self.data.shape[1], self.line, self.line_above
        other = torch.where(self.blank, T, self.places[:-1])
        ends = F.pad(other.flip(1).cummin(1).values.flip(1), (0, 1), value=T)  # of blanks from each
        end = torch.minimum(ends.gather(1, line), self.places)
        blanks = (end - line).clamp_max(31)
        blanks_above = torch.where(line == 0, 0, (ends.gather(1, above) - above).clamp_max(31))
        byte = F.pad(self.data, (0, 1)).long().gather(1, end)
        first = torch.where(end < self.places, byte, 0)
        numbers = blanks << 13 | blanks_above << 8 | first
        return numbers[:, :-1] * _FACTOR + self.order(1)


@functools.lru_cache(16)
def _powers(T: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(powers 1 to T + 1 of the factor of words' hashes, powers 1 to T of its inverse)."""
    up = np.cumprod(np.full(T + 1, _FACTOR, np.uint64))
    down = np.cumprod(np.full(T, _INVERSE, np.uint64))
    both = (torch.from_numpy(x.view(np.int64)).to(device) for x in (up, down))
    return next(both), next(both)


def _orders(count: int) -> Callable[[Windows], Tensor]:
    return lambda windows: windows.order(count)


_KEYS: Mapping[str, Callable[[Windows], Tensor]] = {
    **{str(count): _orders(count) for count in range(1, 9)},
    "skip": lambda windows: windows.order(4) & 0xFFFFFF00,
    "skip2": lambda windows: windows.order(3) & 0xFFFF00,
    "word": lambda windows: windows.word,
    "words": Windows.words,
    "above": Windows.above,
    "field": Windows.field,
    "indent": Windows.indent,
}
