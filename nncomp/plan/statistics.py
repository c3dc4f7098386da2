"""Statistics of bytes, from which ``choose`` draws its conclusions.

They decide compressed bytes, so they are integers and depend on the content alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp import _native
from nncomp.mixing import MAX_STRIDE, NumberKind

__all__ = [
    "STRANGE",
    "WHOLE_FLOATS",
    "Lags",
    "chi_square",
    "described",
    "find_floats",
    "is_noise",
    "kinds_of_floats",
    "periods_of_floats",
    "phase_of_floats",
    "strangeness",
]

_Array = npt.NDArray[Any]

_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\f\r\x1b"))


STRANGE = 20  # bytes in 1000 that are no text: from here on it may be something else


def strangeness(sample: bytes) -> int:
    """How many bytes in 1000 are control characters or not UTF-8; in text that is close to 0."""
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    others = len(sample) - len(sample.decode("utf-8", "ignore").encode())
    return (controls + others) * 1000 // len(sample)


class Lags:
    """Compares bytes with those 1 to ``limit`` bytes before them, to find periods and smoothness.

    It samples ``count`` bytes, spread evenly over those that differ from the byte before: runs have
    every period.
    """

    def __init__(self, content: bytes, limit: int, count: int) -> None:
        self.limit = min(limit, len(content) // 4)
        equal, apart, self.count = _native.compare_lags(content, self.limit, count)
        self.equal = np.frombuffer(equal, np.int64)  # by lag: how many bytes are equal
        self.apart = np.frombuffer(apart, np.int64)  # by lag: sum of absolute differences

    def periods(self, threshold: int) -> list[int]:
        """The up to two lags with the most equal bytes, compared with the lags next to them, if
        that is at least ``threshold``/1000 of all bytes.

        The first one is the smallest that is nearly as good as the best, which is often a multiple
        of the true period.
        """
        e = self.equal
        excess = 2 * e[2:-1] - e[1:-2] - e[3:]
        lags = np.argsort(-excess, kind="stable")
        lags = lags[excess[lags] * 1000 >= 2 * threshold * max(self.count, 1)]
        if not len(lags):
            return []
        first = lags[4 * excess[lags] >= 3 * excess[lags[0]]].min()
        return [2 + int(lag) for lag in (first, *lags[lags != first][:1])]

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield (bytes of a row, bytes of a pixel or of a sample), if the content looks like a
        picture or sound. Of sound, a row is two samples."""
        if self.limit < 64:
            return
        apart = self.apart
        typical = int(np.sort(apart[1:])[self.limit // 2])
        stride = 1 + int(np.argmin(apart[1 : MAX_STRIDE + 1]))
        if 2 * int(apart[stride]) >= typical:
            return
        inner = apart[16:-MAX_STRIDE]
        valley = (inner < apart[16 - stride : -MAX_STRIDE - stride]) & (
            inner <= apart[16 + stride : len(apart) - MAX_STRIDE + stride]
        )
        bound = min(typical // 2, int(apart[4 * stride]) * 15 // 16)
        lags = np.flatnonzero(valley & (inner < bound)) + 16
        row = int(lags[np.argmin(apart[lags])]) if len(lags) else 2 * stride
        yield row, stride

    def frames(self) -> Iterator[tuple[int, int]]:
        """Yield (bytes of two frames, bytes of one), if the content looks like 16-bit sound, mono
        or stereo."""
        for stride in (2, 4):
            beside = self.apart[[stride - 1, stride + 1]].min() if self.limit > stride else 0
            if 8 * int(self.apart[stride]) < 7 * int(beside):
                yield 2 * stride, stride


_HEAD = 1 << 10  # bytes at the beginning in which a header is looked for
_PNM = re.compile(rb"P([56])\s(?:\s*#.*\n)*\s*(\d{1,5})\s+\d{1,5}\s+(\d{1,5})\s")


def described(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield (bytes of a row, bytes of a pixel) of a PNM or BMP picture, or (bytes of two frames,
    bytes of one) of a WAVE file, as its header claims."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], "little")

    if match := _PNM.match(content, 0, _HEAD):  # limited: each line of comments takes memory
        stride = (3 if match[1] == b"6" else 1) * (2 if int(match[3]) > 255 else 1)
        yield int(match[2]) * stride, stride
    elif content.startswith(b"BM"):
        bits = number(28, 2)
        yield (number(18, 4) * bits + 31) // 32 * 4, max(bits // 8, 1)
    elif content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        at = content.find(b"fmt ", 12, _HEAD)
        frame = number(at + 20, 2) if at >= 0 else 0
        yield 2 * frame, frame


# Chi-square of n bytes: mean 255, standard deviation 23 if uniform; 1.39·n more for each bit of
# redundancy. 1000 is 0.5 bits in 1 KiB (text has 3) and 0.01 in 64 KiB: deflate's output passes.
_CHI_SQUARE_LIMIT = 1000


def chi_square(sample: bytes) -> int:
    """256·Σc² − n² of the counts c of n bytes: n times their chi-square."""
    n = len(sample)
    counts = np.bincount(np.frombuffer(sample, np.uint8))
    return 256 * int(np.square(counts).sum()) - n * n


def is_noise(sample: bytes) -> bool:
    """Whether bytes are about uniform."""
    return chi_square(sample) <= _CHI_SQUARE_LIMIT * len(sample)


WHOLE_FLOATS = 24  # bytes, a multiple of the 3, 4 and 8 that numbers have
# How many octaves a float is from 1 at most, and how many from a number before, to be plausible.
_OCTAVES = 64, 4
_BEFORE = 1, 2, 3, 4, 6, 8  # how far back that number may be: there may be channels
_UNLIKE = 4  # at least 1/4 of the numbers are unlike the one before
_PIECES, _PIECE = 8, 1 << 12  # number of pieces that are looked at, and bytes of each
_LEAST_FLOATS = 1 << 8  # numbers from which on statistics mean anything
# The other order of bytes is taken where it has more than twice the structure, and 256 more, which
# noise may have by chance.
_CLEARLY, _BY_CHANCE = 2, 256
_SMALLER = 3  # integers in the right phase are so many times closer together than in a wrong one


def kinds_of_floats(content: bytes) -> list[NumberKind]:
    """The kinds of numbers, highest byte first, that ``content`` looks like from its first byte on.
    Floats of 32 bits look like some of 64, too."""
    kinds = [kind for kind in NumberKind if phase_of_floats(content, kind) == 0]
    narrow = any(kind.base and kind != NumberKind.FLOAT64 for kind in kinds)
    return [kind for kind in kinds if not (narrow and kind == NumberKind.FLOAT64)]


def find_floats(content: bytes) -> tuple[NumberKind, int, str] | None:
    """A kind of numbers that ``content`` looks like, from which byte on, and in which order of
    bytes, as ``phase_of_floats`` has it. Where both orders are plausible, "<" is usual."""
    for kind in NumberKind:
        found = {}
        for order in "<>" if kind != NumberKind.IBM32 else ">":
            phase = phase_of_floats(content, kind, order)
            if phase is not None:
                found[order] = phase
        if found:
            order = next(iter(found))
            if len(found) == 2:
                usual, other = (
                    _structure(_pieces(content, kind, order, phase), kind)
                    for order, phase in found.items()
                )
                order = "<" if other <= _CLEARLY * usual + _BY_CHANCE else ">"
            return kind, found[order], order
    return None


def _structure(pieces: Iterable[_Array], kind: NumberKind) -> int:
    """How much the highest bytes say of the two bits behind them, as a chi-square; 0 where most of
    the bytes behind them are the same. In the wrong order these are the lowest bytes of other
    numbers: noise, or nothing."""
    bits = np.concatenate([_unlike(some) for some in pieces])
    first, second = bits >> 8 * kind.width - 8 & 255, bits >> 8 * kind.width - 16 & 255
    if 2 * np.bincount(second, minlength=1).max() >= len(bits):
        return 0
    counts = np.bincount(first << 2 | second >> 6, minlength=1024).reshape(256, 4)
    sums = counts.sum(1)
    chi = (4 * np.square(counts).sum(1) - np.square(sums)) // np.maximum(sums, 1)
    return int(chi.sum())


def phase_of_floats(content: bytes, kind: NumberKind, order: str = ">") -> int | None:
    """At which byte, 0 to the width − 1, the first number begins if ``content`` looks like numbers
    of this kind; None where it does not. ``order``: ">" is highest byte first, "<" lowest first."""
    every = (list(_pieces(content, kind, order, phase)) for phase in range(kind.width))
    if kind.base:
        return next((phase for phase, some in enumerate(every) if _are_floats(some, kind)), None)
    sizes = [_sizes(some, kind) for some in every]
    most = max(apart for apart, _ in sizes)
    alike = [steps < apart and apart * _SMALLER <= most for apart, steps in sizes]
    if kind.width == 4 and any(alike[phase] and alike[phase + 2] for phase in (0, 1)):
        return None  # each half is a number: 16-bit sound or a 16-bit picture
    return next((phase for phase, is_it in enumerate(alike) if is_it), None)


def _pieces(content: bytes, kind: NumberKind, order: str, phase: int) -> Iterator[_Array]:
    """Yield the bits of numbers, (n,) int64, from eight places of the content."""
    width = kind.width
    whole = max(len(content) - phase, 0) // width
    each = min(whole, _PIECE // width)
    for piece in range(_PIECES):
        start = phase + (whole - each) * piece // (_PIECES - 1) * width
        places = np.frombuffer(content[start : start + each * width], np.uint8).reshape(-1, width)
        yield _bits(places if order == ">" else places[:, ::-1])


def _bits(places: _Array) -> _Array:
    """Join the bytes of numbers, (n, width), highest first, to (n,) int64."""
    bits = np.zeros(len(places), np.int64)
    for place in range(places.shape[1]):
        bits = bits << 8 | places[:, place]
    return bits


def _unlike(bits: _Array) -> _Array:
    """Those numbers, by their bits, that differ from the one before: what is missing, as land in a
    map of the sea, is one number again and again."""
    unlike: _Array = bits[1:][np.diff(bits) != 0]
    return unlike


def _signed(bits: _Array, kind: NumberKind) -> _Array:
    """The bits of signed integers as such."""
    signed: _Array = bits - (bits >> 8 * kind.width - 1 << 8 * kind.width)
    return signed


def _are_floats(pieces: list[_Array], kind: NumberKind) -> bool:
    """Whether these are plausible floats: most are not 0 (else they may be halves of doubles), and
    the exponents of these are near that of 1, and mostly near that of a number before."""
    rest = 8 * kind.width - 1 - kind.exponent_bits
    usual = near = count = unlike = 0
    for bits in pieces:
        some = _unlike(bits)
        size = some & (1 << 8 * kind.width - 1) - 1
        exponent = (size[size > 0] >> rest) * kind.base
        one = ((1 << kind.exponent_bits - 1) - 1) * kind.base
        usual += int((abs(exponent - one) <= _OCTAVES[0]).sum())
        near += max(
            int((abs(exponent[lag:] - exponent[:-lag]) <= _OCTAVES[1]).sum()) for lag in _BEFORE
        )
        count += len(exponent)
        unlike += len(some)
    numbers = sum(map(len, pieces))
    enough = 8 * count >= 5 * unlike and _UNLIKE * unlike >= numbers > 0
    return enough and 8 * usual >= 7 * count and 4 * near >= 3 * count


def _sizes(pieces: list[_Array], kind: NumberKind) -> tuple[int, int]:
    """Sums of absolute differences of integers: (from their mean, from the number one or two
    before, whichever sum is less). Pieces with many zeros, silence or halves, do not count."""
    apart = steps = 0
    for bits in pieces:
        values = _signed(bits, kind)
        if 8 * np.count_nonzero(values) >= 5 * len(values) >= 5 * _LEAST_FLOATS:
            apart += int(abs(values - int(values.sum()) // len(values)).sum())
            steps += min(int(abs(values[lag:] - values[:-lag]).sum()) for lag in (1, 2))
    return apart, steps


def periods_of_floats(content: bytes, kind: NumberKind, limit: int) -> list[int]:
    """The plausible periods of numbers in bytes: one number; a record of a few, where there are
    some; a row of up to ``limit`` numbers, where there are some."""
    found = [kind.width]
    count = len(content) // kind.width
    if count < _LEAST_FLOATS:
        return found
    places = np.frombuffer(content, np.uint8, count * kind.width).reshape(-1, kind.width)
    if kind.base:
        bits = places[:, 0].astype(np.int64) << 8 | places[:, 1]
        about = bits >> 15 << 7 | bits >> 11 - kind.exponent_bits & 127
    else:
        values = _signed(_bits(places), kind)
        about = values >> max(int(abs(values).sum() // count).bit_length() - 6, 0)
    for row, record in Lags(about.astype(np.uint8).tobytes(), limit, 1 << 10).rows():
        found.append(record * kind.width)
        if row != 2 * record:
            found.append(row * kind.width)
    return [*dict.fromkeys(found)]
