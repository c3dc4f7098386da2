"""What chooses the rows of tables, for whole windows: section 3 of ``docs/numerics.md``.

The reference engine has the same contexts step by step (``engine.reference.contexts``), and a test
holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from nncomp.network import WAYS, Table

__all__ = ["CHECK_BITS", "Bytes", "Keys", "Places", "hashed", "keys", "rows", "searched_bits"]

Bytes = npt.NDArray[np.uint8]  # (windows, T)
Keys = npt.NDArray[np.uint64]  # (windows, T)
Places = npt.NDArray[np.int64]
_Mark = npt.NDArray[np.bool_]

CHECK_BITS = 8

_ONES = np.uint64(0x0101010101010101)
_PLACES = np.uint64(0x0001020304050607)  # times 1 << 8 · i: i in the highest byte
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0x2F0B4C4700000B2D)
_INVERSE = np.uint64(pow(int(_FACTOR), -1, 1 << 64))

_BYTE = np.arange(256)
_LETTER = np.array([b >= 128 or bytes([b]).isalnum() for b in range(256)])
_CHARACTER = _BYTE >= 0xE0  # begins a character that is a word by itself
_NEWLINE = _BYTE == ord("\n")
_BLANK = np.isin(_BYTE, list(b" \t"))
_SEPARATOR = np.isin(_BYTE, list(b"\t,;|"))  # of fields
_LOWER = np.array([bytes([b]).lower()[0] for b in range(256)], np.uint64)


def keys(context: str, data: Bytes) -> Keys:
    """The key of ``context`` before each byte of ``data``: (windows, T) uint64.

    Each window is a lane of its own.
    """
    return _KEYS[context](data)


def rows(table: Table, check: npt.NDArray[np.uint8] | None, keys: Keys) -> Places:
    """The row of each key in ``table``: (windows, T); ``check`` is that of known contexts."""
    if check is None:
        return hashed(keys, table.log2_rows)
    buckets = check.view("<u8")
    places = hashed(keys, searched_bits(table))
    bucket = places >> CHECK_BITS
    differ = buckets[bucket] ^ (places & (1 << CHECK_BITS) - 1).astype(np.uint64) * _ONES
    equal = (differ - _ONES) & ~differ & _ONES << np.uint64(7)  # the lowest bit is of the first
    first = (equal & -equal) >> np.uint64(7)  # 1 at the byte of the first
    way = (first * _PLACES >> np.uint64(56)).astype(np.int64)
    return np.where(equal == 0, len(check), WAYS * bucket + way)


def searched_bits(table: Table) -> int:
    """Bits of a hash that find a known context: those of its bucket, then those of its check."""
    return table.log2_rows - (WAYS.bit_length() - 1) + CHECK_BITS


def hashed(keys: Keys, bits: int) -> Places:
    """The upper ``bits``, 1 to 63, of the hash of each key."""
    places: Places = (keys * _GOLDEN >> np.uint64(64 - bits)).astype(np.int64)
    return places


def _shifted(data: Bytes, by: int) -> Bytes:
    out = np.zeros_like(data)
    out[:, by:] = data[:, :-by]
    return out


def _order(data: Bytes, count: int) -> Keys:
    key = np.zeros(data.shape, np.uint64)
    for j in range(min(count, data.shape[1])):
        key |= _shifted(data, j + 1).astype(np.uint64) << np.uint64(8 * j)
    return key


def _begin(mark: _Mark, offset: int) -> Places:
    """(windows, T + 1): ``offset`` behind the last mark before each place; 0 before any."""
    begin = np.zeros((mark.shape[0], mark.shape[1] + 1), np.int64)
    places = np.arange(mark.shape[1]) + offset
    np.maximum.accumulate(np.where(mark, places, 0), 1, out=begin[:, 1:])
    return begin


def _hashes(data: Bytes) -> tuple[Keys, Keys]:
    """Of the letters behind the last other byte, and of the word before."""
    T = data.shape[1]
    begin = np.maximum(_begin(~_LETTER[data], 1), _begin(_CHARACTER[data], 0))
    powers = np.cumprod(np.full(T + 1, _FACTOR))
    inverse = np.cumprod(np.full(T, _INVERSE))
    sums = np.zeros((len(data), T + 1), np.uint64)
    np.cumsum((_LOWER[data] + np.uint64(1)) * inverse, axis=1, out=sums[:, 1:])
    hashes = (sums - np.take_along_axis(sums, begin, 1)) * powers
    end = np.take_along_axis(_begin(_LETTER[data], 1), begin, 1)
    return hashes[:, :-1], np.take_along_axis(hashes, end, 1)[:, :-1]


def _skip(data: Bytes) -> Keys:
    key: Keys = _order(data, 4) & np.uint64(0xFFFFFF00)
    return key


def _skip2(data: Bytes) -> Keys:
    key: Keys = _order(data, 3) & np.uint64(0xFFFF00)
    return key


def _word(data: Bytes) -> Keys:
    return _hashes(data)[0]


def _words(data: Bytes) -> Keys:
    word, before = _hashes(data)
    key: Keys = word * _FACTOR + before
    return key


def _above(data: Bytes) -> Keys:
    line = _begin(_NEWLINE[data], 1)
    above = np.take_along_axis(line, np.maximum(line - 1, 0), 1)
    now = np.arange(data.shape[1] + 1)
    place = above + now - line
    padded = np.pad(data, ((0, 0), (0, 2)))
    key = np.zeros(line.shape, np.uint64)
    for ahead in range(2):
        known = (place < line) & (place + ahead < now)
        byte = np.take_along_axis(padded, np.where(known, place + ahead, 0), 1)
        key = key << np.uint64(8) | np.where(known, byte, 0).astype(np.uint64)
    key <<= np.uint64(8)
    key[:, :-1] |= _order(data, 1)
    return key[:, :-1]


def _field(data: Bytes) -> Keys:
    count = np.zeros((data.shape[0], data.shape[1] + 1), np.int64)
    np.cumsum(_SEPARATOR[data], axis=1, out=count[:, 1:])
    field: Keys = (count - np.take_along_axis(count, _begin(_NEWLINE[data], 1), 1)).astype(
        np.uint64
    )
    key: Keys = _word(data) * _FACTOR
    key += field[:, :-1]
    return key


def _indent(data: Bytes) -> Keys:
    line = _begin(_NEWLINE[data], 1)
    above = np.take_along_axis(line, np.maximum(line - 1, 0), 1)
    T = data.shape[1]
    places = np.where(_BLANK[data], T, np.arange(T))
    ends = np.full(line.shape, T)  # of the blanks from each place on
    ends[:, :-1] = np.minimum.accumulate(places[:, ::-1], 1)[:, ::-1]
    end = np.minimum(np.take_along_axis(ends, line, 1), np.arange(T + 1))
    blanks = np.minimum(end - line, 31)
    blanks_above = np.minimum(np.take_along_axis(ends, above, 1) - above, 31)
    blanks_above[line == 0] = 0
    padded = np.pad(data, ((0, 0), (0, 1)))
    first = np.where(end < np.arange(T + 1), np.take_along_axis(padded, end, 1), 0)
    numbers = (blanks << 13 | blanks_above << 8 | first).astype(np.uint64)
    key: Keys = numbers[:, :-1] * _FACTOR + _order(data, 1)
    return key


def _orders(count: int) -> Callable[[Bytes], Keys]:
    return lambda data: _order(data, count)


_KEYS: Mapping[str, Callable[[Bytes], Keys]] = {
    **{str(count): _orders(count) for count in range(1, 9)},
    "skip": _skip,
    "skip2": _skip2,
    "word": _word,
    "words": _words,
    "above": _above,
    "field": _field,
    "indent": _indent,
}
