"""The reference engine: ``docs/numerics.md`` as a program, in numpy integers.

It is slow and meant to be read; the other engines must equal it bit for bit. Names and section
numbers are those of that page. All arithmetic is int64, which every product and sum fits with room,
so that nothing can wrap unseen; the asserts state the narrower types that a fast engine may use.
Arrays carry one leading axis, the lanes of a block, which are coded in lock step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import isqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nncomp.engine.reference_mix import Stage, restore, transform
from nncomp.errors import FormatError
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.tables import EXP, POW

__all__ = [
    "Network",
    "RangeDecoder",
    "RangeEncoder",
    "decode_block",
    "encode_block",
    "lane_sizes",
    "weights",
]

Ints: TypeAlias = npt.NDArray[np.int64]

HISTORY = 6  # bytes of the past that the input of a step looks at
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: a multiplicative hash
PRECISION = 22  # bits of a probability


# 1. Conventions


def rq(x: Ints, m: Ints | int) -> Ints:
    """Requantise: x·m / 2^30, rounded to nearest, halves up. |x| < 2^29, 0 ≤ m < 2^31."""
    m = np.asarray(m, np.int64)
    assert abs(x).max() < 1 << 29 and m.min() >= 0 and m.max() < 1 << 31
    return (x * m + (1 << 29)) >> 30


def clamp(x: Ints, low: int, high: int) -> Ints:
    """Each element of ``x``, moved into low…high."""
    return np.minimum(np.maximum(x, low), high)


def clamp8(x: Ints) -> Ints:
    """Clamp to −127…127, the range s8."""
    return clamp(x, -127, 127)


def clamp16(x: Ints) -> Ints:
    """Clamp to −32767…32767."""
    return clamp(x, -32767, 32767)


def product(matrix: Ints, y: Ints) -> Ints:
    """matrix·y for every lane: (outputs, inputs), (lanes, inputs) → (lanes, outputs) in int32."""
    a: Ints = np.einsum("oi,li->lo", matrix, y)
    assert abs(a).max() < 1 << 29
    return a


# 4. Norm


def norm(x: Ints, c: int) -> Ints:
    """Scale each lane to a fixed size: (lanes, d), |x| < 2^22 → (lanes, d) s8. 0 < c < 2^44."""
    assert abs(x).max() < 1 << 22 and 0 < c < 1 << 44
    roots = [max(isqrt(int(s)), 1) for s in (x * x).sum(axis=1)]
    r = np.array([min(c // root, (1 << 31) - 1) for root in roots], np.int64)
    return clamp8(rq(x, r[:, None]))


# 3 to 6. The network


class Network:
    """A model and what it remembers of each lane: one call of ``step`` for each byte."""

    def __init__(self, model: Model, lanes: int) -> None:
        self.config = model.config
        self.tensors = {  # the n-gram tables are large and only looked up, so they stay narrow
            name: tensor if name.startswith("ngram.") else tensor.astype(np.int64)
            for name, tensor in model.tensors.items()
        }
        self.time = 0
        empty = np.zeros((lanes, 0, model.config.d_head), np.int64)
        self.keys = [empty] * model.config.n_layers  # (lanes, J, h) each, newest position first
        self.values = [empty] * model.config.n_layers

    def constant(self, name: str) -> int:
        """The one element of the tensor ``name``."""
        return int(self.tensors[name][0])

    def matrix(self, name: str, y: Ints) -> Ints:
        """The matrix ``name`` times y, each row requantised: (lanes, inputs) → (lanes, outputs)."""
        return rq(product(self.tensors[f"{name}.weight"], y), self.tensors[f"{name}.m"])

    def step(self, history: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        """Predict the next byte of each lane from (lanes, 6) uint8, the bytes before, newest first.

        Returns the weights of all byte values, (lanes, 256) uint32 in 1…2^30. The first call may
        be followed by calls with fewer lanes, never with more; the last lanes are those that end.
        """
        x = self.embed(history)
        for i in range(self.config.n_layers):
            x = self.layer(i, x)
        self.time += 1
        return self.output(x)

    def embed(self, history: npt.NDArray[np.uint8]) -> Ints:
        """Section 3: the residual stream at its start, (lanes, d), |x| ≤ 9·32767."""
        tokens = history[:, 0] if self.time else np.full(len(history), 256)
        rows = self.tensors["embed.weight"][tokens]
        x = clamp16(rq(rows << 10, self.constant("embed.m")))
        for i, (order, log2_rows, width, first) in enumerate(self.config.ngrams):
            context = np.zeros(len(history), np.uint64)
            for j in range(order):
                context |= history[:, j].astype(np.uint64) << np.uint64(8 * j)
            index = (context * GOLDEN) >> np.uint64(64 - log2_rows)  # uint64 arrays wrap: mod 2^64
            rows = self.tensors[f"ngram.{i}.weight"][index].astype(np.int64)
            addend = clamp16(rq(rows << 10, self.constant(f"ngram.{i}.m")))
            x[:, first : first + width] += addend
        return x

    def layer(self, i: int, x: Ints) -> Ints:
        """Section 5: layer ``i`` added to the residual stream, (lanes, d) → (lanes, d)."""
        name = f"layers.{i}"
        y = norm(x, self.constant(f"{name}.norm1.c"))
        x = x + clamp16(self.matrix(f"{name}.out", self.attention(i, y)))
        y = norm(x, self.constant(f"{name}.norm2.c"))
        p = clamp(self.matrix(f"{name}.up", y), 0, 4095)
        s = np.minimum((p * p + (1 << 15)) >> 16, 255)  # (lanes, f) u8
        return x + clamp16(self.matrix(f"{name}.down", s))

    def attention(self, i: int, y: Ints) -> Ints:
        """What the heads of layer ``i`` read from its window: (lanes, d) s8 → (lanes, H·h) s8."""
        name, lanes = f"layers.{i}", len(y)
        heads, h, window = self.config.n_heads, self.config.d_head, self.config.windows[i]
        a = clamp8(self.matrix(f"{name}.qkv", y))
        q, k, v = np.split(a, [heads * h, heads * h + h], axis=1)
        q = q.reshape(lanes, heads, h)
        self.keys[i] = keys = _push(k, self.keys[i], window)  # (lanes, J, h)
        self.values[i] = values = _push(v, self.values[i], window)

        z = rq(np.einsum("lhi,lji->lhj", q, keys), self.constant(f"{name}.attn.m"))
        z += self.tensors[f"{name}.attn.bias"][:, : keys.shape[1]]  # (lanes, H, J)
        distance = z.max(axis=2, keepdims=True) - z
        assert distance.max() < 1 << 24
        u = np.where(distance < 640, EXP[np.minimum(distance, 639)], 0).astype(np.int64)  # u8
        r = self.constant(f"{name}.attn.c") // u.sum(axis=2, keepdims=True)  # Σu ≥ 255
        o = clamp8(rq(np.einsum("lhj,lji->lhi", u, values), r))
        return o.reshape(lanes, heads * h)

    def output(self, x: Ints) -> npt.NDArray[np.uint32]:
        """Section 6: (lanes, d) → weights, (lanes, 256) uint32 in 1…2^30."""
        z = self.matrix("head", norm(x, self.constant("norm.c")))
        distance = z.max(axis=1, keepdims=True) - z
        octaves = distance >> 8
        w = POW[distance & 255] >> np.minimum(octaves, 31)
        return np.maximum(np.where(octaves > 30, 0, w), 1).astype(np.uint32)


def _push(new: Ints, cache: Ints, window: int) -> Ints:
    """``new`` (lanes, h) before what ``cache`` (at least as many lanes, J, h) has of the window."""
    return np.concatenate([new[:, None], cache[: len(new), : window - 1]], axis=1)


# 7 and 8. From weights to bytes


def probability(cumulative: list[int], low: int, high: int) -> int:
    """That a byte in low…high−1 is in the upper half of that range, in units of 2^−22.

    ``cumulative[b]`` is the sum of the weights of all bytes below b, at most 2^39.
    """
    middle = (low + high) // 2
    upper, both = cumulative[high] - cumulative[middle], cumulative[high] - cumulative[low]
    return min(max((upper << PRECISION) // both, 1), (1 << PRECISION) - 1)


class RangeEncoder:
    """Turns bits and their probabilities into the bytes of one lane.

    The bytes out, followed by ``low``, are a number that lies at the lower end of the interval of
    all numbers that decode to the bits so far; ``range`` is the interval's width.
    """

    def __init__(self) -> None:
        self.low = 0
        self.range = (1 << 32) - 1
        self.out = bytearray()
        self.empty = True

    def encode(self, bit: int, p: int) -> None:
        """Narrow the interval by a bit whose probability of being 1 is p / 2^22, 0 < p < 2^22."""
        assert 1 << 24 <= self.range < 1 << 32 and 0 <= self.low < 1 << 32
        assert 0 < p < 1 << PRECISION
        bound = (self.range * p) >> PRECISION
        if bit:
            self.range = bound
        else:
            self.low += bound
            self.range -= bound
        self._carry()
        while self.range < 1 << 24:
            self.out.append(self.low >> 24)
            self.low = (self.low << 8) & 0xFFFFFFFF
            self.range <<= 8
        self.empty = False

    def finish(self) -> bytes:
        """The payload: of the numbers in the interval, the one with the most zeros at its end.

        The decoder reads zeros beyond the end, so those are not put out.
        """
        if self.empty:
            return b""
        for k in (32, 24):
            value = (self.low + (1 << k) - 1) >> k << k
            if value < self.low + self.range:
                break
        self.low = value
        self._carry()
        if self.low:
            self.out.append(self.low >> 24)
        return bytes(self.out)

    def _carry(self) -> None:
        """Hand the overflow of ``low`` on to the bytes already out."""
        if self.low >> 32:
            self.low &= 0xFFFFFFFF
            i = len(self.out) - 1
            while self.out[i] == 0xFF:
                self.out[i] = 0
                i -= 1
            self.out[i] += 1  # i ≥ 0: no bit widens the interval that the lane began with


class RangeDecoder:
    """Gives back the bits of one lane, given the probabilities that they were encoded with.

    ``code`` is the payload's number minus the encoder's low end: invariant code < range.
    """

    def __init__(self, payload: bytes) -> None:
        """Raises ``FormatError`` if no encoder starts like this."""
        self.payload = payload
        self.position = 0  # bytes read, those beyond the end included
        self.range = (1 << 32) - 1
        self.code = 0
        self.empty = True
        for _ in range(4):
            self.code = self.code << 8 | self._byte()
        if self.code >= self.range:
            raise FormatError("lane payload is malformed")

    def decode(self, p: int) -> int:
        """The next bit; p as in ``RangeEncoder.encode``. ``FormatError`` past the payload's end."""
        assert 1 << 24 <= self.range < 1 << 32 and self.code < self.range
        assert 0 < p < 1 << PRECISION
        bound = (self.range * p) >> PRECISION
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        while self.range < 1 << 24:
            self.code = self.code << 8 | self._byte()
            self.range <<= 8
        self.empty = False
        return bit

    def finish(self) -> None:
        """Raise ``FormatError`` unless the payload ends as an encoder would have ended it."""
        beyond = self.position - len(self.payload)
        if self.empty:
            good = not self.payload
        elif beyond == 4:  # a multiple of 2^32, and the only one in the interval
            good = True
        elif beyond == 3:  # none is: then the smallest multiple of 2^24, whose byte is not zero
            last = self.payload[-1] << 24
            good = 0 < last and self.code < 1 << 24 and last - self.code + self.range <= 1 << 32
        else:
            good = False
        if not good:
            raise FormatError("lane payload has bytes left over")

    def _byte(self) -> int:
        self.position += 1
        if self.position > len(self.payload) + 4:
            raise FormatError("lane payload ends early")
        return self.payload[self.position - 1] if self.position <= len(self.payload) else 0


def walk(w: npt.NDArray[np.uint32], choose: Callable[[int], int]) -> int:
    """Code one byte, given its 256 weights, as eight bits, most significant first; returns it.

    ``choose(p)`` codes a bit that is 1 with probability p/2^22, and returns it.
    """
    cumulative = _cumulative(w)
    low, high = 0, 256
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if choose(probability(cumulative, low, high)) else (low, middle)
    return low


def _cumulative(w: npt.NDArray[np.uint32]) -> list[int]:
    return [0, *w.cumsum(dtype=np.int64).tolist()]


def _writer(encoder: RangeEncoder, byte: int) -> Callable[[int], int]:
    """Encodes the bits of ``byte``, one a call."""
    bits = (byte >> k & 1 for k in range(7, -1, -1))

    def choose(p: int) -> int:
        bit = next(bits)
        encoder.encode(bit, p)
        return bit

    return choose


def encode_byte(encoder: RangeEncoder, w: npt.NDArray[np.uint32], byte: int) -> None:
    """Code one byte, given its 256 weights."""
    walk(w, _writer(encoder, byte))


def decode_byte(decoder: RangeDecoder, w: npt.NDArray[np.uint32]) -> int:
    """The inverse of ``encode_byte``."""
    return walk(w, decoder.decode)


# Blocks


def lane_sizes(size: int, lanes: int) -> list[int]:
    """Lengths of the contiguous pieces of a block: the first ``size`` mod ``lanes`` one longer."""
    if size < 0 or lanes < 1:
        raise ValueError("size must be 0 or more and lanes 1 or more")
    return [size // lanes + (i < size % lanes) for i in range(lanes)]


def _steps(
    model: Model | None, pieces: Sequence[bytearray | bytes], sizes: list[int]
) -> Iterator[tuple[int, int, npt.NDArray[np.uint32] | None]]:
    """For each step its time t, how many lanes have a byte t, and its weights, (lanes, 256).

    Without a model there are no weights. Between two steps the caller may append to ``pieces``;
    when step t is taken, bytes before t are there.
    """
    network = None if model is None else Network(model, len(sizes))
    history = np.zeros((len(sizes), HISTORY), np.uint8)  # newest first; zeros before the start
    for t in range(max(sizes)):
        active = sum(size > t for size in sizes)  # the shorter lanes are the last ones
        history = history[:active]
        if t > 0:
            newest = np.array([pieces[lane][t - 1] for lane in range(active)], np.uint8)
            history = np.column_stack([newest, history[:, :-1]])
        yield t, active, None if network is None else network.step(history)


def weights(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The weights before each byte of ``data``, one lane: (len(data), 256) uint32 in 1…2^30."""
    table = np.zeros((len(data), 256), np.uint32)
    for t, _, w in _steps(model, [data], [len(data)]):
        assert w is not None
        table[t] = w[0]
    return table


def _check(model: Model | None, lanes: int, mixing: Mixing | None) -> None:
    if model is None and mixing is None:
        raise ValueError("neither a network nor the adaptive stage is given")
    if model is None and lanes != 1:
        raise ValueError("without a network there is one lane")


def _code_byte(
    stage: Stage | None,
    lane: int,
    w: npt.NDArray[np.uint32] | None,
    choose: Callable[[int], int],
) -> int:
    """Code a byte with the network alone, the stage alone, or both; returns it."""
    if stage is None:
        assert w is not None
        return walk(w, choose)
    network = None if w is None else partial(probability, _cumulative(w))
    return stage.code_byte(lane, network, choose)


def encode_block(
    model: Model | None,
    data: bytes,
    lanes: int,
    mixing: Mixing | None = None,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> list[bytes]:
    """Code a block as ``lanes`` ≥ 1 lanes; returns one payload each, empty for an empty lane.

    With ``mixing`` the adaptive stage takes part; without a model it is alone, with one lane.
    ``threads`` changes nothing here. ``progress(n)`` is told after every step of n more bytes done.
    """
    _check(model, lanes, mixing)
    if mixing is not None:
        data = transform(mixing.transform, data)
    sizes = lane_sizes(len(data), lanes)
    starts = [sum(sizes[:lane]) for lane in range(lanes)]
    pieces = [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    stage = None if mixing is None else Stage(mixing, model is not None, pieces, sizes)
    encoders = [RangeEncoder() for _ in sizes]
    for t, active, w in _steps(model, pieces, sizes):
        for lane in range(active):
            choose = _writer(encoders[lane], pieces[lane][t])
            _code_byte(stage, lane, None if w is None else w[lane], choose)
        if stage is not None:
            stage.update(active)
        if progress is not None:
            progress(active)
    return [encoder.finish() for encoder in encoders]


def decode_block(
    model: Model | None,
    payloads: Sequence[bytes],
    size: int,
    mixing: Mixing | None = None,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> bytes:
    """The ``size`` bytes of the block that was coded as ``payloads``, one for each lane.

    Raises ``FormatError`` for a payload that no encoder writes, as soon as it shows.
    """
    _check(model, len(payloads), mixing)
    sizes = lane_sizes(size, len(payloads))
    pieces = [bytearray() for _ in sizes]
    stage = None if mixing is None else Stage(mixing, model is not None, pieces, sizes)
    decoders = [RangeDecoder(payload) for payload in payloads]
    for _, active, w in _steps(model, pieces, sizes):
        for lane in range(active):
            choose = decoders[lane].decode
            pieces[lane].append(_code_byte(stage, lane, None if w is None else w[lane], choose))
        if stage is not None:
            stage.update(active)
        if progress is not None:
            progress(active)
    for decoder in decoders:
        decoder.finish()
    data = b"".join(pieces)
    return data if mixing is None else restore(mixing.transform, data)
