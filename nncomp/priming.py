"""Makes a prime: of samples, the pieces that tell most of what others are like.

Greedy, by coverage: a piece is worth what strings of six bytes it has that no piece before it has,
each the more the more samples have it. The pieces that are worth most come last, nearest to what
will be compressed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SIZE", "MAX_SAMPLES", "choose"]

LEAST_SIZE = 1 << 12  # bytes of a prime
MAX_SAMPLES = 1 << 24  # bytes of samples that are looked at
_PIECE = 1 << 10  # bytes; a longer sample is taken in pieces
_STRING = 6  # bytes
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

_Strings = npt.NDArray[np.uint64]


def choose(samples: Iterable[bytes], size: int) -> bytes:
    """At most ``size`` bytes of ``samples``, in pieces that are whole samples or up to 1 KiB of
    them. Of more than 2^24 bytes, the first are looked at. Equal pieces count once."""
    pieces = [*dict.fromkeys(_pieces(samples))]
    if sum(map(len, pieces)) <= size:
        return b"".join(pieces)
    found = [_strings(piece) for piece in pieces]
    every, counts = np.unique(np.concatenate(found), return_counts=True)
    worth = np.log2(counts)  # of one that nobody else has, nothing
    places = [np.searchsorted(every, strings) for strings in found]

    def value(number: int) -> float:
        """Of a byte, roughly; what it brings depends on those that were chosen."""
        return float(worth[places[number]].sum()) / (len(pieces[number]) + 8)

    queue = [(-value(number), number) for number in range(len(pieces))]
    heapq.heapify(queue)
    chosen: list[bytes] = []
    left = size
    while queue and left > 0:
        _, number = heapq.heappop(queue)
        if len(pieces[number]) > left:
            continue
        now = value(number)
        if queue and now < -queue[0][0]:  # others may be worth more by now
            heapq.heappush(queue, (-now, number))
            continue
        if now <= 0:
            break
        worth[places[number]] = 0
        chosen.append(pieces[number])
        left -= len(pieces[number])
    return b"".join(reversed(chosen)) or pieces[0][:size]


def _pieces(samples: Iterable[bytes]) -> Iterator[bytes]:
    room = MAX_SAMPLES
    for sample in samples:
        sample = sample[:room]
        room -= len(sample)
        start = 0
        while len(sample) - start > _PIECE:  # whole lines, where there are any
            end = sample.rfind(b"\n", start, start + _PIECE) + 1 or start + _PIECE
            yield sample[start:end]
            start = end
        yield sample[start:]
        if room == 0:
            return


def _strings(piece: bytes) -> _Strings:
    """Hashes of the strings that are in it, each once, ascending."""
    count = len(piece) - _STRING + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(piece, np.uint8), _STRING)
    hashes = np.zeros(count, np.uint64)
    for column in range(_STRING):
        hashes = (hashes << np.uint64(8)) | windows[:, column].astype(np.uint64)
    return np.unique(hashes)
