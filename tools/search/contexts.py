"""What chooses the rows of tables, and where words start: functions of the bytes before.

All of them are state machines of a few integers; here they are computed for whole windows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0x2F0B4C4700000B2D)  # odd
_INVERSE = np.uint64(pow(int(_FACTOR), -1, 1 << 64))
LONGEST = 12  # bytes of a word: then the next one starts

_LETTER = np.array([b >= 128 or chr(b).isalnum() for b in range(256)])
_LEAD = np.arange(256) >= 0xE0  # a character of three or four bytes is a word
_NEWLINE = np.arange(256) == 10
_SEPARATOR = np.isin(np.arange(256), [9, 44, 59, 124])  # of fields: tab, comma, semicolon, bar
_LOWER = np.array([ord(chr(b).lower()) if b < 128 else b for b in range(256)], np.uint64)


def rows(keys: Keys, log2_rows: int) -> Places:
    """A row for each key."""
    return (keys * _GOLDEN >> np.uint64(64 - log2_rows)).astype(np.int64)


def keys(context: str, data: Bytes) -> Keys:
    """(rows, T) keys of the context before each byte of ``data``.

    ``"1"`` … ``"8"``: as many bytes; ``"word"``: letters since the last other byte, in lower case;
    ``"words"``: the word before, too; ``"above"``: bytes of the line before, here and one further,
    and the last byte; ``"field"``: number of the field in its line, and the word; ``"skip"``: three
    bytes before the last.
    """
    if context.isdigit():
        return _ngram(data, int(context))
    if context == "skip":
        return _ngram(data, 4) & np.uint64(0xFFFFFF00)
    if context == "above":
        return _above(data)
    word, before = _words(data)
    if context == "word":
        return word
    if context == "words":
        return word * _FACTOR + before
    if context == "field":
        return word * _FACTOR + _fields(data)
    raise ValueError(f"no context is called {context}")


def word_starts(data: Bytes) -> npt.NDArray[np.bool_]:
    """(rows, T): whether a word starts at a byte, judged by the bytes before it.

    After a byte that is no letter and follows one, after a character's first byte, and after
    ``LONGEST`` bytes; not within two bytes of the last. The first byte starts one.
    """
    last, other = _shifted(data, 1, 10), _shifted(data, 2, 65)
    start = (~_LETTER[last] & _LETTER[other]) | _LEAD[last]
    near = np.zeros_like(start)
    near[:, 1:] |= start[:, :-1]
    near[:, 2:] |= start[:, :-2]
    start &= ~near
    start[:, 0] = True
    places = np.arange(data.shape[1])
    return (places - np.maximum.accumulate(np.where(start, places, 0), 1)) % LONGEST == 0


def _shifted(data: Bytes, by: int, fill: int = 0) -> Bytes:
    out = np.full_like(data, fill)
    out[:, by:] = data[:, :-by]
    return out


def _ngram(data: Bytes, order: int) -> Keys:
    key = np.zeros(data.shape, np.uint64)
    for j in range(order):
        key |= _shifted(data, j + 1).astype(np.uint64) << np.uint64(8 * j)
    return key


def _begin(mark: npt.NDArray[np.bool_], offset: int) -> Places:
    """(rows, T + 1): ``offset`` behind the last marked byte before each place; 0 before any."""
    places = np.arange(mark.shape[1]) + offset
    begin = np.zeros((mark.shape[0], mark.shape[1] + 1), np.int64)
    np.maximum.accumulate(np.where(mark, places, 0), 1, out=begin[:, 1:])
    return begin


def _words(data: Bytes) -> tuple[Keys, Keys]:
    """Hashes of the letters since the last other byte, and of the word before."""
    n, T = data.shape
    begin = np.maximum(_begin(~_LETTER[data], 1), _begin(_LEAD[data], 0))
    powers = np.cumprod(np.full(T + 1, _FACTOR))
    inverse = np.cumprod(np.full(T + 1, _INVERSE))
    sums = np.zeros((n, T + 1), np.uint64)
    np.cumsum((_LOWER[data] + np.uint64(1)) * inverse[:-1], axis=1, out=sums[:, 1:])
    hashes = (sums - np.take_along_axis(sums, begin, 1)) * powers
    end = np.take_along_axis(_begin(_LETTER[data], 1), begin, 1)
    before = np.take_along_axis(hashes, np.minimum(end, begin), 1)
    return hashes[:, :-1], before[:, :-1]


def _above(data: Bytes) -> Keys:
    begin = _begin(_NEWLINE[data], 1)
    line = np.take_along_axis(begin, np.maximum(begin - 1, 0), 1)
    above = line + np.arange(data.shape[1] + 1) - begin
    padded = np.pad(data, ((0, 0), (0, 2)))
    there = above < begin
    key = np.zeros(begin.shape, np.uint64)
    for j in range(2):
        byte = np.take_along_axis(padded, np.where(there, above + j, 0), 1)
        key = key << np.uint64(8) | np.where(there, byte, 0).astype(np.uint64)
    return (key << np.uint64(8) | np.pad(_shifted(data, 1), ((0, 0), (0, 1))))[:, :-1]


def _fields(data: Bytes) -> Keys:
    count = np.zeros((data.shape[0], data.shape[1] + 1), np.int64)
    np.cumsum(_SEPARATOR[data], axis=1, out=count[:, 1:])
    number = count - np.take_along_axis(count, _begin(_NEWLINE[data], 1), 1)
    return number[:, :-1].astype(np.uint64)
