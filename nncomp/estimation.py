"""Estimates from samples what files would take at each level: bytes, time and memory.

There are three kinds of samples: windows spread over all files, which deflate compresses, since it
is quick; long runs, coded at a quick level; and short heads out of these, coded at every level. A
result for a smaller sample is scaled to a larger one by the ratio of what a quicker coder makes of
both. Copies over more than a run, and archives that begin before a head, are not seen.
"""

from __future__ import annotations

import bisect
import importlib
import itertools
import lzma
import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from nncomp import api, engine, levels, rawio, registry
from nncomp.container import Header
from nncomp.encode import header_of
from nncomp.errors import NNCompError
from nncomp.info import get_frame_info
from nncomp.levels import NO_MODEL, Level
from nncomp.mixing import Mixing, Profile, costliest
from nncomp.options import Options
from nncomp.plan import choose, trial
from nncomp.plan.judge import Judge, Ways
from nncomp.plan.memory import LEFT

if TYPE_CHECKING:
    from nncomp.model import Model

__all__ = ["Row", "Samples", "estimate", "take"]

_SEEN = 1 << 24  # bytes of all windows that deflate compresses
_WINDOW = 1 << 16  # bytes of a window
_RUNS = 1 << 20  # bytes of all runs
_RUN = 3 << 17  # bytes of a run, where there is more than one
_HEADS = 3  # number of heads, in all runs together
_HEAD = 3 << 13  # bytes of a head
_MOST = 256  # parts of a sample at most, where files are short
_PEERS, _PEER = 1 << 21, 1 << 20  # bytes that other compressors code, and bytes of a piece of them
_QUICK = 2  # level at which runs are coded
_WARM = 1 << 10  # bytes that are coded before time is taken
_PROGRAM = 40 << 20  # bytes of memory of the program itself

_NUMBERS = range(levels.MIN_LEVEL, levels.MAX_LEVEL + 1)

# Fitted to 16 files of text, records, logs, programs and tables (docs/estimate.md).
_PER_DOUBLING = 0.97  # factor on bits per byte for each doubling of a run
_PER_DOUBLING_MAX = 0.9975  # one more factor for each doubling of a head, in the max profile
_SHRINKING = 0.25  # exponent: the network saves a smaller share in a block than in a short head
_PER_LANE = 0.01  # share that each doubling of lanes costs, where the network takes part
# An encoder's time as a share of a decoder's, without the network and with it: an encoder knows the
# bytes to come, so that the network can run ahead.
_ALONE = {Profile.LEAN: 0.63, Profile.RICH: 0.74, Profile.MAX: 0.92}
_NETWORK = {Profile.RICH: 0.68, Profile.MAX: 0.82}


@dataclass(frozen=True)
class Row:
    """A way to compress all files. Seconds are those of one thread, without program start."""

    name: str  # '-5', 'xz -6'
    size: int  # bytes
    seconds_in: float
    seconds_out: float
    memory: int | None  # bytes at most, of the direction that takes more; None: not known
    exact: bool  # whether all was coded, so that the size is no estimate


@dataclass(frozen=True)
class Samples:
    """The samples that were read of the files."""

    sizes: tuple[int, ...]  # bytes of each file, none of them 0
    seen: int  # bytes that deflate has seen
    deflated: int  # bytes that they became
    runs: tuple[bytes, ...]
    heads: tuple[bytes, ...]
    run_of: tuple[int, ...]  # the run that each head is from
    peers: tuple[bytes, ...]  # what other compressors code

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes)

    @property
    def whole(self) -> bool:
        """Whether the runs are the files."""
        return sum(map(len, self.runs)) == self.size

    @property
    def small(self) -> bool:
        """Whether the heads are the files."""
        return sum(map(len, self.heads)) == self.size


def take(files: Sequence[tuple[str, int]]) -> Samples:
    """Read samples of ``files``: (name, size in bytes, which is not 0). Raises ``OSError``, and
    ``NNCompError`` where all are empty. Where a file has become shorter meanwhile, its samples are
    shorter, too."""
    sizes = [size for _, size in files]

    def read(total: int, each: int) -> tuple[bytes, ...]:
        parts = (_read(files[place.file][0], place) for place in _places(sizes, total, each))
        return tuple(part for part in parts if part)

    seen = deflated = 0
    for place in _places(sizes, _SEEN, _WINDOW):
        content = _read(files[place.file][0], place)
        seen += len(content)
        deflated += _deflated(content)
    runs = read(_RUNS, _RUN)
    peers = runs if sum(map(len, runs)) == sum(sizes) else read(_PEERS, _PEER)
    if not runs or not seen:
        raise NNCompError("there is nothing to estimate: the files are empty")
    heads, run_of = zip(*_heads(runs), strict=True)
    return Samples(tuple(sizes), seen, deflated, runs, heads, run_of, peers)


@dataclass(frozen=True)
class _Place:
    """A part of a file."""

    file: int
    start: int
    size: int  # bytes


def _places(sizes: Sequence[int], total: int, each: int) -> list[_Place]:
    """Where to read samples: all files if they are no more than ``total`` bytes, else evenly spread
    parts of about so many bytes in all, none of more than ``each``."""
    everything = sum(sizes)
    if everything <= total and len(sizes) <= _MOST:
        return [_Place(file, 0, size) for file, size in enumerate(sizes)]
    mean = min(each, everything // len(sizes) + 1)
    count = min(-(-total // mean), _MOST)
    ends = [*itertools.accumulate(sizes)]
    places = {}
    for i in range(count):
        point = everything * (2 * i + 1) // (2 * count)
        file = bisect.bisect_right(ends, point)
        size = min(each, total // count + 1, sizes[file])
        start = min(max(0, point - (ends[file] - sizes[file]) - size // 2), sizes[file] - size)
        start = 0 if start < size else start  # the beginning of a file tells what format it has
        places[file, start] = _Place(file, start, size)
    return [*places.values()]


def _heads(runs: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the heads, each with the number of the run that it is from: all runs if they are short,
    else parts of them."""
    room = _HEADS * _HEAD
    if sum(map(len, runs)) <= room:
        yield from zip(runs, itertools.count())
        return
    for place in _places([*map(len, runs)], room, _HEAD):
        yield runs[place.file][place.start : place.start + place.size], place.file


def _read(name: str, place: _Place) -> bytes:
    with open(name, "rb") as file:
        file.seek(place.start)
        return rawio.read_full(file, place.size)


def _deflated(content: bytes) -> int:
    return len(zlib.compress(content, 1))


def estimate(samples: Samples) -> Iterator[Row]:
    """Yield the rows of levels 1 to 9, then of xz, and of zstd where Python's zstandard is
    installed. Raises ``ModelNotFoundError`` and ``ModelError``."""
    yield from _own(samples)
    for peer in _peers():
        yield _of_peer(samples, peer)


# ---- levels ----


@dataclass(frozen=True)
class _Coded:
    """The samples as coded at a level."""

    sizes: tuple[int, ...]  # bytes of each, without those that an empty file takes, too
    seconds_in: float  # to compress a byte
    seconds_out: float  # to decompress a byte
    network: bool  # whether the network takes part in any of them

    @property
    def size(self) -> int:
        """Bytes of all coded samples."""
        return sum(self.sizes)


def _own(samples: Samples) -> Iterator[Row]:
    frame = len(api.compress(b""))  # bytes that an empty file takes
    quick = _coded(samples.runs, _QUICK, None, frame)
    base = quick.size * _scale(samples, samples.runs)
    mean_run = sum(map(len, samples.runs)) / len(samples.runs)
    mean_head = sum(map(len, samples.heads)) / len(samples.heads)

    @cache
    def coded(model: str, profile: Profile) -> _Coded:  # codes the heads
        number = next(n for n in _NUMBERS if levels.get(n).profile == profile)
        return _coded(samples.heads, number, model, frame)

    cpu = engine.counting()
    encode, start = cache(cpu.encode_block), engine.in_steps().start_encoding

    @cache  # several levels ask the same
    def expect(run: bytes, lanes: int, mixing: Mixing, model: Model) -> int:
        return trial.expected_gain(run, lanes, mixing, model, start, lambda _: None)

    quick_heads = coded(NO_MODEL, levels.get(_QUICK).profile)
    # A short head is coded in every way, a long block is not, so the time to choose is a run's.
    choosing = max(0.0, quick.seconds_in / quick_heads.seconds_out - _ALONE[Profile.RICH])
    for number in _NUMBERS:
        level = levels.get(number)
        header = header_of(Options(level=number))
        block = _mean_block(samples.sizes, header)
        alone = coded(NO_MODEL, level.profile)
        size = base * alone.size / max(1, quick_heads.size)
        if not samples.whole:
            size *= _PER_DOUBLING ** max(0, math.log2(block / mean_run))
        if level.profile == Profile.MAX:
            size *= _PER_DOUBLING_MAX ** max(0, math.log2(block / mean_head))
        with_network = coded(level.model, level.profile)
        share = 0.0  # of the bytes that are coded with the network
        if samples.small:
            size, share = with_network.size, float(with_network.network)
        elif with_network.network:
            left = min(1, mean_head / block) ** _SHRINKING
            lanes = header.lanes_of(int(block))
            tried = [_ways(run, level, lanes, encode, expect) for run in samples.runs]
            saved, share = _saved(samples, alone, with_network, level, left, lanes, tried)
            size *= 1 - saved
        own_in = alone.seconds_out * (_ALONE[level.profile] + choosing)
        network_in = with_network.seconds_out * _NETWORK.get(level.profile, 0.0)
        network_in += alone.seconds_out * choosing
        yield Row(
            name=f"-{number}",
            size=round(size) + frame * len(samples.sizes),
            seconds_in=_between(own_in, network_in, share) * samples.size,
            seconds_out=_between(alone.seconds_out, with_network.seconds_out, share) * samples.size,
            memory=_memory(header, level, samples, share > 0),
            exact=samples.small or (samples.whole and number == _QUICK),
        )


def _saved(
    samples: Samples,
    alone: _Coded,
    with_network: _Coded,
    level: Level,
    left: float,
    lanes: int,
    tried: Sequence[Ways],
) -> tuple[float, float]:
    """Return (share of the stage's bytes that the network saves, share of the content coded with
    it). The network is used in runs where an encoder would have ``tried`` it, if it pays there. A
    block saves the fraction ``left`` of what a head saves, less what its ``lanes`` cost."""
    saved = taken = 0.0
    cost = _PER_LANE * math.log2(lanes)
    for number, ways in enumerate(tried):
        if Ways.NETWORK not in ways:
            continue
        heads = [head for head, run in enumerate(samples.run_of) if run == number]
        without = sum(alone.sizes[head] for head in heads)
        seen = without - sum(with_network.sizes[head] for head in heads)
        gain = seen * left - cost * without
        if ways == Ways.NETWORK or gain >= without * level.min_gain / 1024:
            saved += gain
            taken += sum(len(samples.heads[head]) for head in heads)
    return saved / max(1, alone.size), taken / sum(map(len, samples.heads))


def _ways(run: bytes, level: Level, lanes: int, encode: Any, expect: Any) -> Ways:
    """The ways in which an encoder would try to code a run, apart from filters."""
    mixing = choose.choose_mixing(run, level.profile, encode)
    if mixing is None or level.model == NO_MODEL:
        return Ways.ALONE
    model = registry.resolve(level.model)
    return Judge(level, len(run), lanes).choose(lambda: expect(run, lanes, mixing, model))


def _coded(parts: Sequence[bytes], level: int, model: str | None, frame: int) -> _Coded:
    """Code ``parts`` and measure it; ``frame`` is the bytes of a file of nothing."""
    # The first call loads models, which is not to be measured.
    api.decompress(api.compress(parts[0][:_WARM], level, model=model))
    compress = partial(api.compress, level=level, model=model)
    packed, a_byte_in, a_byte_out = _timed(parts, compress, api.decompress)
    network = any(get_frame_info(one).model is not None for one in packed)
    sizes = tuple(len(one) - frame for one in packed)
    return _Coded(sizes, a_byte_in, a_byte_out, network)


def _timed(
    parts: Sequence[bytes],
    compress: Callable[[bytes], bytes],
    decompress: Callable[[bytes], Any],
) -> tuple[list[bytes], float, float]:
    """Return (``parts`` as compressed, seconds to compress a byte, seconds to decompress one)."""
    start = time.process_time()
    packed = [compress(part) for part in parts]
    middle = time.process_time()
    for one in packed:
        decompress(one)
    end = time.process_time()
    size = sum(map(len, parts))
    return packed, (middle - start) / size, (end - middle) / size


def _between(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


def _scale(samples: Samples, parts: Sequence[bytes]) -> float:
    """The compressed size of all files as a multiple of that of ``parts``, judged by deflate."""
    if sum(map(len, parts)) == samples.size:
        return 1
    return samples.deflated / samples.seen * samples.size / sum(map(_deflated, parts))


def _mean_block(sizes: Sequence[int], header: Header) -> float:
    """Mean size of the block that a byte is in, over all bytes."""
    squares = 0
    for size in sizes:
        full, rest = divmod(size, header.block_size)
        squares += full * header.block_size**2 + rest**2
    return squares / sum(sizes)


def _memory(header: Header, level: Level, samples: Samples, network: bool) -> int:
    largest = max(samples.sizes)
    block = min(largest, header.block_size)
    lanes = header.lanes_of(block) if network else 1
    need = LEFT * block + costliest(level.profile).memory(block, lanes) + min(header.reach, largest)
    if level.model != NO_MODEL:
        model = registry.resolve(level.model)
        need += model.memory(lanes)
    return _PROGRAM + need


# ---- peers ----


@dataclass(frozen=True)
class _Peer:
    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]
    memory: int | None = None  # bytes


def _peers() -> Iterator[_Peer]:
    for name, preset, mib in (("xz -6", 6, 94), ("xz -9e", 9 | lzma.PRESET_EXTREME, 674)):
        compress = partial(lzma.compress, preset=preset)
        yield _Peer(name, compress, lzma.decompress, mib << 20)  # as its manual says
    try:
        zstandard: Any = importlib.import_module("zstandard")
    except ImportError:
        return
    for level in (3, 19):
        compress = zstandard.ZstdCompressor(level=level).compress
        yield _Peer(f"zstd -{level}", compress, zstandard.ZstdDecompressor().decompress)


def _of_peer(samples: Samples, peer: _Peer) -> Row:
    packed, a_byte_in, a_byte_out = _timed(samples.peers, peer.compress, peer.decompress)
    return Row(
        name=peer.name,
        size=round(sum(map(len, packed)) * _scale(samples, samples.peers)),
        seconds_in=a_byte_in * samples.size,
        seconds_out=a_byte_out * samples.size,
        memory=peer.memory,
        exact=sum(map(len, samples.peers)) == samples.size,
    )
