"""How a block is coded, chosen from a sample: contexts, record length, with or without network.

Statistics find the few ways that are plausible, and a sample is coded in each of them. Integers
only, and no clock: the answer decides the compressed bytes, so it depends on the content, the level
and the model alone. A wrong answer costs size, never correctness.

Figures in comments were measured on 16 files of records, tables, instructions, pictures and sound,
and 27 of text, mostly of 0.1 to 1 MiB.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from nncomp.mixing import MAX_STRIDE, Contexts, Mixing, Profile, Transform

if TYPE_CHECKING:
    from nncomp.model import Model

__all__ = ["SMALL", "Encode", "choose_mixing", "network_gain"]

SMALL = 1 << 16  # bytes: up to here, with and without network are both coded in full

_Array = npt.NDArray[Any]

_MIN_SIZE = 1 << 9  # bytes; below, there is nothing to choose
_MIN_SAMPLE, _MAX_SAMPLE = 3 << 12, 3 << 14  # bytes coded in a trial
_NEAR, _FAR = 1 << 9, 1 << 14  # the longest lags that are looked at, many times and less often


class Encode(Protocol):
    """An engine's ``encode_block``."""

    def __call__(
        self, model: Model | None, data: bytes, lanes: int, mixing: Mixing, /
    ) -> list[bytes]: ...


def choose_mixing(content: bytes, profile: Profile, encode: Encode) -> Mixing:
    """How the adaptive stage codes ``content`` well. Nothing is coded where one way is plausible,
    which is so for most text."""
    best, *others = _candidates(content, profile)
    if not others:
        return best
    # 12 KiB put the candidates into the same order as 256 KiB do, but for differences of 2 %, where
    # a piece has some rows: of long ones only one does. A multiple of a period, which has about the
    # same contexts, has to be better by 0.4 %.
    rows = 8 * max(mixing.period for mixing in others)
    long = rows > _MIN_SAMPLE // 2
    sample = _sample(content, (0,) if long else (0, 1, 2), least=min(rows, len(content) // 32))
    least = _coded_size(encode, None, sample, best)
    for mixing in others:
        size = _coded_size(encode, None, sample, mixing)
        margin = 1 if mixing.contexts == best.contexts else 0
        if mixing.is_sound and not content.startswith(b"RIFF"):
            margin = 16  # real sound gains more; a table that seems to, in a sample, may lose
        if size * 256 < least * (256 - margin):
            best, least = mixing, size
    return best


def network_gain(content: bytes, model: Model, mixing: Mixing, encode: Encode) -> int:
    """What the network saves in a sample, in 1/1024 of what the adaptive stage makes of it alone.

    The second half of the sample counts: something is learnt by then. On whole blocks it is less,
    for the stage goes on learning: a half to a third on files of 0.1 to 0.5 MiB, a tenth to a third
    on 2 and 4 MiB of logs and tables. So a middling gain is a reason to code a block in both ways.
    """
    sample = _sample(content, (0, 2, 1, 3))  # what counts is not all from the end
    first = sample[: len(sample) // 2]
    alone, both = (
        _coded_size(encode, m, sample, mixing) - _coded_size(encode, m, first, mixing)
        for m in (None, model)
    )
    return (alone - both) * 1024 // max(alone, 1)


def _coded_size(encode: Encode, model: Model | None, data: bytes, mixing: Mixing) -> int:
    return sum(map(len, encode(model, data, 1, mixing)))


def _sample(content: bytes, order: tuple[int, ...], least: int = 0) -> bytes:
    """Pieces from the middles of equal parts, in this order of the parts; all of a short content.

    A 96th of the content, within bounds, so that a few trials take some percent of the time.
    """
    size, count = len(content), len(order)
    each = min(max(size // 96, _MIN_SAMPLE, least), _MAX_SAMPLE) // count
    if size <= each * count:
        return content
    starts = [(size - each) * (2 * i + 1) // (2 * count) for i in order]
    return b"".join(content[start : start + each] for start in starts)


def _candidates(content: bytes, profile: Profile) -> list[Mixing]:
    """What is worth trying, the most general one first."""
    general = Mixing(profile)
    if len(content) < _MIN_SIZE:
        return [general]
    data = np.frombuffer(content, np.uint8)
    strange = _strangeness(_sample(content, (0, 1, 2)))
    if strange < 20:
        # The contexts know lines and columns: only records without ends of lines gain.
        periods = _Lags(data, _NEAR, 1 << 10).periods(500)
        return [general, *(Mixing(profile, period=p) for p in periods[:1])]
    transforms = [t for t in (Transform.X86, Transform.ARM64) if _has_calls(data, t)]
    near, far = _Lags(data, _NEAR, 1 << 12), _Lags(data, _FAR, 1 << 10)
    threshold = 150 if transforms else 30  # tables between instructions: 77, tables alone: 34…750
    periods = near.periods(threshold) or far.periods(threshold)
    if profile == Profile.LEAN:
        found = [Mixing(profile, period=p) for p in periods[:1]]
        return [general, *found, *(Mixing(profile, transform=t) for t in transforms)]
    rows = dict.fromkeys((*_described(content), *far.rows()))
    shapes = [(Contexts.PICTURE, *row) for row in rows if row[1] != 2]
    shapes += [(Contexts.WIDE, *row) for row in rows]
    pictures = []
    for contexts, period, stride in shapes:
        with contextlib.suppress(ValueError):  # a header may say anything; wide samples are even
            pictures.append(Mixing(profile, contexts, period=period, stride=stride))
    records = [Mixing(profile, Contexts.RECORDS, period=p) for p in periods]
    found = records[: 1 if pictures else 2] + pictures
    if not (found or transforms) and strange >= 125:
        transforms = [Transform.NONE]  # these contexts suit what has no name, too
    code = [Mixing(profile, Contexts.CODE, t) for t in transforms]
    frames = [] if transforms else near.frames()
    sound = [Mixing(profile, Contexts.WIDE, period=p, stride=s) for p, s in frames]
    return [general, *found, *code, *(m for m in sound if m not in found)]


# ---- what the bytes look like ----

_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\f\r\x1b"))


def _strangeness(sample: bytes) -> int:
    """How many bytes in 1000 are control characters, or not UTF-8: in text hardly any."""
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    others = len(sample) - len(sample.decode("utf-8", "ignore").encode())
    return (controls + others) * 1000 // len(sample)


class _Lags:
    """Bytes compared with those up to ``limit`` before them: what repeats, and what is smooth.

    Looks at ``count`` bytes, spread evenly over those unlike their predecessor: runs tell nothing.
    About 15 ms for limit · count = 2^24.
    """

    def __init__(self, data: _Array, limit: int, count: int) -> None:
        self.limit = limit = min(limit, len(data) // 4)
        places = np.flatnonzero(data[limit:] != data[limit - 1 : -1]) + limit
        if len(places) > count:
            places = places[np.arange(count) * len(places) // count]
        self.equal = np.zeros(limit + 1, np.int64)  # how many bytes recur, by lag
        self.apart = np.zeros(limit + 1, np.int64)  # sum of the differences
        before = np.lib.stride_tricks.sliding_window_view(data, limit)
        for i in range(0, len(places), 64):
            some = places[i : i + 64]
            past, now = before[some - limit], data[some, None]  # (64, limit), (64, 1)
            self.equal[:0:-1] += (past == now).sum(0, dtype=np.int64)
            apart = np.maximum(past, now) - np.minimum(past, now)
            self.apart[:0:-1] += apart.sum(0, dtype=np.int64)
        self.count = len(places)

    def periods(self, threshold: int) -> list[int]:
        """The two lags at which most bytes recur: ``threshold``/1000 more than at lags beside.

        The first is the smallest that is nearly as good as the best: that is one of its multiples.
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
        """The row (bytes, or 2 samples) and the sample of what looks like a picture or sound."""
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
        """Two frames and one, of what looks like sound of 16 bits, in one channel or two."""
        for stride in (2, 4):
            beside = self.apart[[stride - 1, stride + 1]].min() if self.limit > stride else 0
            if 8 * int(self.apart[stride]) < 7 * int(beside):
                yield 2 * stride, stride


def _has_calls(data: _Array, transform: Transform) -> bool:
    """Whether there are far more calls over short distances than in data that is no program."""
    if transform == Transform.X86:  # E8 or E9, and a distance of ±16 MiB; by chance 1 in 16384
        count = np.count_nonzero(((data[:-4] & 0xFE) == 0xE8) & ((data[4:] + 1 & 0xFE) == 0))
        return int(count) * 512 >= len(data)
    words = data[: len(data) & ~3].view("<u4")  # BL, and ±4 MiB; by chance 1 in 2048
    near = ((words & 0x3FFFFFF) + (1 << 20) & 0x3FFFFFF) < 1 << 21
    return int(np.count_nonzero((words >> 26 == 0x25) & near)) * 128 >= len(words)


_HEAD = 1 << 10  # bytes in which a header is looked for
_PNM = re.compile(rb"P([56])\s(?:\s*#.*\n)*\s*(\d{1,5})\s+\d{1,5}\s+(\d{1,5})\s")


def _described(content: bytes) -> Iterator[tuple[int, int]]:
    """The row and the sample in bytes that the header of a picture or sound claims."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], "little")

    if match := _PNM.match(content, 0, _HEAD):  # else comments cost memory by the line
        stride = (3 if match[1] == b"6" else 1) * (2 if int(match[3]) > 255 else 1)
        yield int(match[2]) * stride, stride
    elif content.startswith(b"BM"):
        bits = number(28, 2)
        yield (number(18, 4) * bits + 31) // 32 * 4, max(bits // 8, 1)
    elif content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        at = content.find(b"fmt ", 12, _HEAD)
        frame = number(at + 20, 2) if at >= 0 else 0  # the same byte of the last two frames
        yield 2 * frame, frame
