"""Arrays of numbers of 2, 3, 4 or 8 bytes (tensors, samples, times): splits them into their bytes.

The low bytes of floats and of measured values are noise. In streams of their own they are stored
without taking time, and the rest is coded better without them. Before that, a float's sign may be
moved to its lowest bit, so that the exponent is a byte, or numbers be replaced by differences. The
first stream is the content around the numbers. ``find`` finds places where numbers may be,
``take_apart`` splits as asked, and ``plan.arrays`` tries what pays. ``docs/format.md``, section 7.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp import _native, varint
from nncomp.errors import FormatError
from nncomp.filters.split import Split

__all__ = [
    "NAME",
    "Change",
    "Kind",
    "Run",
    "check",
    "find",
    "join",
    "memory",
    "split",
    "take_apart",
]

NAME = "numbers"

_WIDTHS = 2, 4, 8, 3  # bytes of a number, by the code in files
_MAX_RUNS = 256
_CHUNK = 1 << 14  # numbers that are converted at a time, so that little memory is needed
_Array = npt.NDArray[Any]


class Change(enum.IntEnum):
    """How numbers are changed before they are split, by the code in files."""

    NONE = 0
    ROTATED = 1  # rotated to the left: the highest bit, a float's sign, becomes the lowest
    DIFFERENCES = 2  # the number ``distance`` before is subtracted
    SWAPPED = 3  # bytes in reverse order: the numbers are big-endian


@dataclass(frozen=True)
class Kind:
    """A kind of numbers, and how they are split."""

    width: int  # bytes of a number: 2, 3, 4 or 8
    change: Change = Change.NONE  # always SWAPPED for numbers of 3 bytes
    distance: int = 0  # 1..255 for differences, else 0
    apart: int = 0  # how many of the low bytes, 0..width − 1, have a stream each

    @property
    def widths(self) -> list[int]:
        """How many bytes of a number each of its streams has: 1 for low bytes, then the rest."""
        return [1] * self.apart + [self.width - self.apart]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"<u{self.width}")


@dataclass(frozen=True)
class Run:
    """Consecutive numbers of one kind."""

    start: int  # where they begin in the content, in bytes
    count: int  # number of numbers, 1 or more
    kind: Kind

    @property
    def stop(self) -> int:
        return self.start + self.count * self.kind.width


def split(content: bytes) -> Split | None:
    runs = find(content)
    return take_apart(content, runs) if runs else None


def take_apart(content: bytes, runs: Sequence[Run]) -> Split:
    """Split ``content``: the numbers of ``runs``, 1..256 runs in ascending order, go to streams of
    their own."""
    rest, side = [], []
    parts: dict[Kind, list[list[bytes]]] = {}
    last = 0
    for run in runs:
        rest.append(content[last : run.start])
        side.append(_dumps(run, last))
        last = run.stop
        streams = parts.setdefault(run.kind, [[] for _ in run.kind.widths])
        for places in _changed(content, run):
            for stream, place in zip(streams, _places(run.kind), strict=True):
                stream.append(places[:, place].tobytes())
    rest.append(content[last:])
    others = (b"".join(stream) for streams in parts.values() for stream in streams)
    return Split((b"".join(rest), *others), b"".join(side))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    runs = _loads(side)
    counts = dict.fromkeys((run.kind for run in runs), 0)
    for run in runs:
        counts[run.kind] += run.count
    wanted = [width * count for kind, count in counts.items() for width in kind.widths]
    if runs[-1].stop > size or list(sizes) != [size - sum(wanted), *wanted]:
        raise FormatError("streams do not fit the numbers that they are made of")


def memory(sizes: Sequence[int], side: bytes, size: int) -> int:
    # Two copies of the content, and the arrays of a chunk.
    return 2 * size + 6 * max(_WIDTHS) * _CHUNK


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    check([len(stream) for stream in streams], side, size)
    runs = _loads(side)
    rest, *others = [memoryview(stream) for stream in streams]
    parts: dict[Kind, list[memoryview]] = {}
    for kind in dict.fromkeys(run.kind for run in runs):
        parts[kind], others = others[: len(kind.widths)], others[len(kind.widths) :]
    content = bytearray()
    for run in runs:
        gap = run.start - len(content)
        content += rest[:gap]
        rest = rest[gap:]
        for numbers in _restored(parts[run.kind], run):
            content += numbers.tobytes()
        streams_left = zip(parts[run.kind], run.kind.widths, strict=True)
        parts[run.kind] = [stream[run.count * width :] for stream, width in streams_left]
    content += rest
    return bytes(content)


# ---- numbers ----


def _places(kind: Kind) -> list[slice]:
    """The bytes of a number that go to each stream."""
    return [*(slice(i, i + 1) for i in range(kind.apart)), slice(kind.apart, kind.width)]


def _chunks(run: Run) -> Iterator[slice]:
    """Yield the chunks of a run: all but the last have whole rows of ``distance`` numbers."""
    size = _CHUNK - _CHUNK % max(run.kind.distance, 1)
    for start in range(0, run.count, size):
        yield slice(start, min(start + size, run.count))


def _rotated(numbers: _Array, bits: int) -> _Array:
    """Rotate each number to the left by ``bits``."""
    left, right = numbers.dtype.type(bits), numbers.dtype.type(8 * numbers.itemsize - bits)
    return np.asarray(numbers << left | numbers >> right)


def _changed(content: bytes, run: Run) -> Iterator[_Array]:
    """Yield the bytes of a run's changed numbers, lowest first: (n, width) uint8."""
    kind = run.kind
    if kind.change == Change.SWAPPED:
        places = np.frombuffer(content, np.uint8, run.count * kind.width, run.start)
        yield places.reshape(-1, kind.width)[:, ::-1]
    else:
        for numbers in _computed(content, run):
            yield numbers.view(np.uint8).reshape(-1, kind.width)


def _computed(content: bytes, run: Run) -> Iterator[_Array]:
    """Yield the changed numbers of a run that is not SWAPPED: (n,) unsigned."""
    kind = run.kind
    every = np.frombuffer(content, kind.dtype, run.count, run.start)
    before = np.zeros(kind.distance, kind.dtype)
    for chunk in _chunks(run):
        numbers = every[chunk]
        if kind.change == Change.ROTATED:
            yield _rotated(numbers, 1)
        elif kind.change == Change.DIFFERENCES:
            yield numbers - np.concatenate([before, numbers])[: len(numbers)]
            before = numbers[-kind.distance :]
        else:
            yield numbers


def _restored(streams: Sequence[memoryview], run: Run) -> Iterator[_Array]:
    """The inverse of ``_changed``: yield a run's numbers out of the streams of its kind."""
    kind = run.kind
    if kind.change == Change.SWAPPED:
        for chunk in _chunks(run):
            yield _joined(streams, kind, chunk)[:, ::-1]
        return
    before = np.zeros(kind.distance, kind.dtype)
    for chunk in _chunks(run):
        numbers = _joined(streams, kind, chunk).view(kind.dtype)[:, 0]
        if kind.change == Change.ROTATED:
            numbers = _rotated(numbers, 8 * kind.width - 1)
        elif kind.change == Change.DIFFERENCES:
            count = len(numbers)
            rows = np.zeros((-(-count // kind.distance), kind.distance), kind.dtype)
            rows.reshape(-1)[:count] = numbers
            rows[0] += before
            rows = np.cumsum(rows, axis=0, dtype=kind.dtype)  # modulo 2^(8·width)
            numbers, before = rows.reshape(-1)[:count], rows[-1]
        yield numbers


def _joined(streams: Sequence[memoryview], kind: Kind, chunk: slice) -> _Array:
    """The bytes of the numbers of a chunk, collected from their streams: (n, width) uint8."""
    places = np.empty((chunk.stop - chunk.start, kind.width), np.uint8)
    for stream, width, place in zip(streams, kind.widths, _places(kind), strict=True):
        some = stream[chunk.start * width : chunk.stop * width]
        places[:, place] = np.frombuffer(some, np.uint8).reshape(-1, width)
    return places


# ---- side information ----


def _dumps(run: Run, last: int) -> bytes:
    kind = run.kind
    coding = _WIDTHS.index(kind.width) | kind.change << 2 | kind.apart << 4
    distance = [kind.distance] if kind.distance else []
    return b"".join(map(varint.dumps, (run.start - last, run.count))) + bytes([coding, *distance])


def _loads(side: bytes) -> list[Run]:
    """Read the runs from the side information. Raises ``FormatError``."""
    runs: list[Run] = []
    reader = varint.Reader(side, "runs of numbers end too early")
    last = 0
    while reader.left:
        start, count = last + reader.number(), reader.number()
        kind = _read_kind(reader)
        if count == 0 or len(runs) == _MAX_RUNS:
            raise FormatError("a run of numbers is empty, or one too many")
        runs.append(Run(start, count, kind))
        last = runs[-1].stop
    if not runs:
        raise FormatError("numbers are nowhere")
    return runs


def _read_kind(reader: varint.Reader) -> Kind:
    coding = reader.byte()
    index, change, apart = coding & 3, coding >> 2 & 3, coding >> 4
    distance = reader.byte() if change == Change.DIFFERENCES else 0
    possible = _WIDTHS[index] != 3 or change == Change.SWAPPED
    if possible and apart < _WIDTHS[index] and (distance > 0 or change != Change.DIFFERENCES):
        return Kind(_WIDTHS[index], Change(change), distance, apart)
    raise FormatError("numbers are of no kind that is supported")


# ---- where numbers may be ----

_WINDOW = 1 << 12  # bytes of the windows in which numbers are sought
_PLACES = max(_WIDTHS)  # byte positions that are told apart
_GAP = 4  # windows without a finding that are still part of a run, between others
_LEAST = 4  # windows of a run at least


def find(content: bytes) -> list[Run]:
    """Find runs in which the bytes at some positions of a number are steadily more alike than at
    others: at most 256 runs of at least 16 KiB. Only the ``width`` of their kind is determined."""
    widths, phases = _looks(content)
    runs: list[Run] = []
    first = 0
    while first < len(widths):
        stop = last = first + 1
        if widths[first]:
            while stop < len(widths) and stop - last <= _GAP:
                same = widths[stop] == widths[first] and phases[stop] == phases[first]
                if widths[stop] and not same:
                    break
                stop += 1
                last = stop if same else last
            if last - first >= _LEAST:
                runs.append(_run(content, first, last, int(widths[first]), int(phases[first])))
        first = last
    return runs[:_MAX_RUNS]


def _run(content: bytes, first: int, last: int, width: int, phase: int) -> Run:
    """The run of windows ``first`` … ``last`` − 1, the last one up to the content's end."""
    start = first * _WINDOW + phase
    stop = last * _WINDOW if (last + 1) * _WINDOW <= len(content) else len(content)
    return Run(start, (stop - start) // width, Kind(width))


def _looks(content: bytes) -> tuple[_Array, _Array]:
    """For each window (width of its numbers, or 0; where in it the first number begins)."""
    count = len(content) // _WINDOW
    alike = np.frombuffer(_native.count_alike(content, _WINDOW), np.int64)  # of 512² pairs
    widths = np.zeros(count, np.int64)
    phases = np.zeros(count, np.int64)
    for width in (8, 4, 2):
        places = alike.reshape(count, _PLACES // width, width)
        low, high = places.min(1), places.max(1)  # (windows, width)
        steady = (2 * high <= 3 * low).all(1)  # a position is alike in all numbers
        uneven = high.min(1) * 3 <= low.max(1)
        found = steady & uneven
        widths[found] = width
        falls = 64 * low // np.roll(low, -1, 1)  # largest where a number ends and the next begins
        phases[found] = (falls.argmax(1)[found] + 1) % width
    return widths, phases
