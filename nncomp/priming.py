"""Makes a prime out of samples: the pieces that have most in common with the others.

Pieces are chosen greedily, by coverage: the value of a piece is the sum over its strings of six
bytes that no piece chosen before has, each weighted by how many pieces have it. The best pieces
come last, nearest to the content that will be compressed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SIZE", "MAX_SAMPLES", "choose"]

LEAST_SIZE = 1 << 12  # bytes of a prime at least
MAX_SAMPLES = 1 << 24  # bytes of samples that are looked at
_PIECE = 1 << 10  # bytes of a piece at most; longer samples are cut
_STRING = 6  # bytes of the strings that are counted

_Strings = npt.NDArray[np.uint64]


def choose(samples: Iterable[bytes], size: int) -> bytes:
    """Choose at most ``size`` bytes of ``samples``, in pieces that are whole samples or up to 1 KiB
    of them. Only the first 2^24 bytes of samples are looked at. Equal pieces count once."""
    pieces = [*dict.fromkeys(_pieces(samples))]
    if sum(map(len, pieces)) <= size:
        return b"".join(pieces)
    found = [_strings(piece) for piece in pieces]
    every, counts = np.unique(np.concatenate(found), return_counts=True)
    worth = np.log2(counts)  # 0 for a string that only one piece has
    places = [np.searchsorted(every, strings) for strings in found]

    def value(number: int) -> float:
        """The value of a piece per byte, roughly, given those that were chosen so far."""
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
        if queue and now < -queue[0][0]:  # its value has fallen: others may be better
            heapq.heappush(queue, (-now, number))
            continue
        if now <= 0:
            break
        worth[places[number]] = 0
        chosen.append(pieces[number])
        left -= len(pieces[number])
    return b"".join(reversed(chosen)) or b"".join(pieces)[:size]


def _pieces(samples: Iterable[bytes]) -> Iterator[bytes]:
    room = MAX_SAMPLES
    for sample in samples:
        sample = sample[:room]
        room -= len(sample)
        start = 0
        while len(sample) - start > _PIECE:  # cut at the end of a line, if there is one
            end = sample.rfind(b"\n", start, start + _PIECE) + 1 or start + _PIECE
            yield sample[start:end]
            start = end
        if start < len(sample):
            yield sample[start:]
        if room == 0:
            return


def _strings(piece: bytes) -> _Strings:
    """The strings of ``piece`` as numbers, each once, ascending."""
    count = len(piece) - _STRING + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(piece, np.uint8), _STRING)
    hashes = np.zeros(count, np.uint64)
    for column in range(_STRING):
        hashes = (hashes << np.uint64(8)) | windows[:, column].astype(np.uint64)
    return np.unique(hashes)
