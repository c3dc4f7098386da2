"""What a block is, judged from its bytes before any model sees it.

Integers only and the same answer everywhere, because the answer decides the compressed bytes. Both
probes err on the side of the model: a wrong "no" costs time, a wrong "yes" would cost size.
"""

from __future__ import annotations

import itertools
from collections import Counter

__all__ = ["find_period", "looks_random"]

MAX_PERIOD = 1 << 12

_WINDOW = 1 << 10  # bytes
_SPACING = 1 << 16  # bytes from window to window, less in a short block
_MIN_WINDOWS = 64
_STRING = 8  # bytes: a string that random data does not repeat
_ANCHOR = 16  # bytes
# Chi-square of n bytes: mean 255, standard deviation 23 if uniform; 1.39·n more for each bit of
# redundancy. 1000 is 0.5 bits in a window (text has 3) and 0.01 in 64: deflate's output passes.
_CHI_SQUARE_LIMIT = 1000


def find_period(data: bytes) -> int | None:
    """The smallest p ≤ min(4096, size / 3) with data[i] == data[i − p] throughout, or None."""
    limit = min(MAX_PERIOD, len(data) // 3)
    if limit == 0:
        return None
    # A period is a distance at which the head recurs. The head is at least twice as long as any
    # period, so (Fine and Wilf) if the first recurrence is no period, no later one is.
    head = data[: min(len(data) - limit, 4 * MAX_PERIOD)]
    period = data.find(head, 1, limit + len(head))
    if period < 0 or data[period:] != data[:-period]:
        return None
    return period


def looks_random(data: bytes) -> bool:
    """Whether ``data`` looks encrypted or compressed already, from windows spread over it.

    Bytes are about uniform in every window, bytes and differences of neighbours in all of them
    together; hardly any string of 8 bytes occurs twice in them, and no window's beginning anywhere
    else in ``data``. Less than 64 KiB is no sample: it does not take long either.
    """
    size = len(data)
    count = max(_MIN_WINDOWS, size // _SPACING)
    if size < count * _WINDOW:
        return False
    starts = [i * (size - _WINDOW) // (count - 1) for i in range(count)]
    windows = [data[start : start + _WINDOW] for start in starts]
    if not all(map(_is_uniform, windows)):
        return False
    sample = b"".join(windows)
    differences = bytes((b - a) & 255 for a, b in itertools.pairwise(sample))
    if not (_is_uniform(sample) and _is_uniform(differences)):
        return False
    strings = {sample[i : i + _STRING] for i in range(len(sample))}
    if len(sample) - len(strings) > len(sample) // 512:
        return False
    anchors = [(start, data[start : start + _ANCHOR]) for start in starts[:: count // 16]]
    return all(data.find(a) == start and data.find(a, start + 1) < 0 for start, a in anchors)


def _is_uniform(sample: bytes) -> bool:
    """Chi-square, 256/n·Σc² − n, against the limit, without a division."""
    n = len(sample)
    squares = sum(count * count for count in Counter(sample).values())
    return 256 * squares - n * n <= _CHI_SQUARE_LIMIT * n
