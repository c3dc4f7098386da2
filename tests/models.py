"""Models for tests, built from a fixed integer recipe: the same on every machine, for ever.

Golden vectors depend on this file. Change what a recipe gives, and they no longer mean anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.mixing import Mixing, Profile
from nncomp.model import Model
from nncomp.network import CONTEXTS, Attention, FeedForward, Layer, ModelConfig, Table

Array = npt.NDArray[Any]

MAX_M = (1 << 31) - 1
MAX_NORM_C = (1 << 44) - 1
MAX_ATTN_C = 1 << 38

LEAN = Mixing(Profile.LEAN)  # where it does not matter how

Entries = tuple[tuple[int, int, int, int], ...]


def hashed(*entries: tuple[int, int, int, int]) -> tuple[Table, ...]:
    """Hashed tables of n-grams: (order, log2 rows, width, first channel) of each."""
    return tuple(Table(str(order), *rest, 0) for order, *rest in entries)


def pairs(
    d: int, heads: int, width: int, inner: int, windows: tuple[int, ...], ngrams: Entries
) -> ModelConfig:
    """Layers of attention, one for each of ``windows``, each with a feed-forward layer behind."""
    layers: list[Layer] = []
    for window in windows:
        layers += [Attention(heads, width, window), FeedForward(inner)]
    return ModelConfig(1, d, tuple(layers), hashed(*ngrams))


TINY = pairs(64, 2, 32, 64, (64, 64), ((2, 8, 32, 0), (3, 9, 16, 48)))
# Unequal windows, heads that do not divide the width, all orders of n-grams, odd layer count.
MIXED = pairs(128, 8, 16, 192, (64, 192, 128), tuple((o, 6 + o, 16, 16 * o) for o in range(2, 7)))
# The largest window, as small as possible otherwise.
WIDE_WINDOW = pairs(64, 1, 64, 64, (1024,), ())
# The widest head and no n-grams.
WIDE_HEAD = pairs(64, 1, 128, 128, (64,), ())

# Layers of all kinds in no order, those of attention unlike each other.
UNEVEN = ModelConfig(
    1,
    128,
    (
        FeedForward(192),
        Attention(8, 16, 64),
        Attention(2, 32, 128),
        FeedForward(64),
        FeedForward(64),
    ),
    hashed((3, 9, 48, 16)),
)


# Every context, its rows known or, for every third, hashed; widths and places that overlap.
CONTEXTUAL = ModelConfig(
    1,
    128,
    (FeedForward(64), Attention(4, 16, 64)),
    tuple(
        Table(context, 8 + i % 3, 16 + i % 2 * 16, 16 * (i % 7), 8 * (i % 3 > 0))
        for i, context in enumerate((*CONTEXTS, *CONTEXTS[:1]))
    ),
)


def xorshift(seed: int) -> Iterator[int]:
    """Marsaglia's xorshift64: a stream of 64-bit integers. seed > 0."""
    state = seed
    while True:
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        yield state


def integers(seed: int, count: int, low: int, high: int) -> Array:
    """``count`` integers in low…high, about evenly: (count,) int64.

    Element i mixes the i-th number of the sequence seed, seed + odd, seed + 2·odd, … (splitmix64):
    like ``xorshift`` but without a loop.
    """
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(seed * 0xD1342543DE82EF95 & 0xFFFFFFFFFFFFFFFF)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    span = np.uint64(high - low + 1)
    return ((z >> np.uint64(32)) * span >> np.uint64(32)).astype(np.int64) + low


def text(size: int, seed: int = 1) -> bytes:
    """Bytes with some structure: words of a small vocabulary that a skewed draw repeats."""
    draw = xorshift(seed)
    words = [bytes(97 + next(draw) % 26 for _ in range(2 + next(draw) % 6)) for _ in range(40)]
    out = bytearray()
    while len(out) < size:
        out += words[min(next(draw) % 40, next(draw) % 40)] + b" "
    return bytes(out[:size])


def contextual(size: int, seed: int = 1) -> bytes:
    """Bytes that contexts tell apart: words of letters, digits and characters of more bytes, in
    fields and lines of all lengths, that come again."""
    parts = [
        *"aB9",
        "Word",
        "second",
        "été",
        "語",
        "語文",
        " ",
        "\n",
        "\n ",
        "\n\t  ",
        "\n" + " " * 40,
        "\n\n",
        "\t",
        ",",
        ";",
        "|",
        "_",
    ]
    draw = integers(seed, size, 0, len(parts) ** 2 - 1).tolist()
    out = "".join(parts[min(divmod(n, len(parts)))] for n in draw).encode()
    out += out[: size // 2] + noise(size // 8, seed) + out
    return out[-size:] if size else b""


def follower(byte: int) -> int:
    """What follows a printable byte in ``chained``, as a rule."""
    return 32 + ((byte - 32) * 37 + 11) % 95


def chained(size: int, seed: int = 1) -> bytes:
    """Printable bytes that follow each other by a rule, but for one in eight: nothing that a few
    hundred of them would show. The model of ``conftest`` knows the rule."""
    draw = integers(seed, 2 * size, 0, 759)
    out = bytearray()
    for surprise, other in draw.reshape(-1, 2).tolist():
        out.append(follower(out[-1]) if out and surprise >= 95 else 32 + other % 95)
    return bytes(out)


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes without structure."""
    return integers(seed, size, 0, 255).astype(np.uint8).tobytes()


def build(
    config: ModelConfig, fill: Callable[[str, int, int], Array | int], name: str = "test"
) -> Model:
    """A model whose tensor is fill(tensor name, count, index): an array of count, or one value."""
    tensors = {}
    for index, key in enumerate(sorted(config.tensors, key=_place)):
        row = config.tensors[key]
        values = fill(key, int(np.prod(row.shape)), index)
        flat = np.broadcast_to(np.asarray(values, np.int64), int(np.prod(row.shape)))
        tensors[key] = flat.reshape(row.shape).astype(row.type)
    return Model.build(config, tensors, name)


def _place(name: str) -> tuple[str, str]:
    """Tensors are filled in this order: the way they were once named, two layers counted as one."""
    if name.startswith("table."):
        return name.replace("table.", "ngram."), name
    if not name.startswith("layers."):
        return name, name
    _, number, own = name.split(".", 2)
    pair, half = divmod(int(number), 2)
    return f"layers.{pair}.{f'norm{half + 1}.c' if own == 'norm.c' else own}", name


def natural(config: ModelConfig, seed: int = 1, head_m: int | None = None) -> Model:
    """Random weights, scaled so that values spread over their ranges as in a trained model.

    ``head_m``, if given, replaces the multipliers of the head: large ones make it very sure.
    """

    def fill(key: str, count: int, index: int) -> Array | int:
        draw = seed * 1000 + index
        kind = key.split(".")[-2]
        if key.endswith(".weight"):
            return integers(draw, count, -127, 127)
        if key.endswith(".check"):
            return integers(draw, count, 0, 39)  # few: found often, and twice in a bucket
        if key.endswith(".bias"):
            return integers(draw, count, -500, 100)
        if key.endswith("attn.m"):
            # Dot products of random heads are about 28²·√h; let them spread over some octaves.
            return (200 << 30) // (28 * 28 * isqrt(_attention(config, key).width))
        if key.endswith("attn.c"):
            return 1 << 30
        if key.endswith(".c"):
            return 28 * isqrt(config.d_model << 20) << 20
        if kind == "head" and head_m is not None:
            return head_m
        targets = {"qkv": 28, "out": 2000, "up": 1200, "down": 2000, "head": 500}
        if kind in targets:
            # A row's sum is about 73·28·√inputs; targets in the units of each output.
            _, inputs = config.tensors[key.removesuffix(".m") + ".weight"].shape
            middle = (targets[kind] << 30) // (73 * 28 * isqrt(inputs))
            return integers(draw, count, middle * 3 // 4, middle * 5 // 4)
        return 1 << 26  # embeddings

    return build(config, fill)


def _attention(config: ModelConfig, name: str) -> Attention:
    """The layer that a tensor belongs to."""
    layer = config.layers[int(name.split(".")[1])]
    assert isinstance(layer, Attention)
    return layer


def tiny(seed: int = 1) -> Model:
    """The model of the golden vectors (seed 1)."""
    return natural(TINY, seed)


def extreme(
    config: ModelConfig,
    fill_weight: Callable[[int, int], Array | int],
    m: int | None,
    norm_c: int = MAX_NORM_C,
    attn_c: int = MAX_ATTN_C,
    bias: int | None = None,
    seed: int = 1,
) -> Model:
    """A model of extreme matrices between inputs and outputs that show what comes of them.

    fill_weight(draw, count) gives the layers' weights. Their multipliers are all ``m``, or for None
    such that the largest sum there can be just fits the output's range: no clamp hides a wrong sum.
    A ``bias`` of None is ±32768 at random. Even tokens are embedded as one constant, odd ones as
    random signs; the last norm and the head are as in ``natural``.
    """
    targets = {"qkv": 127, "attn": 600, "out": 16000, "up": 4095, "down": 16000}

    def fill(key: str, count: int, index: int) -> Array | int:
        draw = seed * 1000 + index
        kind = key.split(".")[-2]
        if key == "embed.weight":
            rows = (integers(draw, count, 0, 1) * 254 - 127).reshape(257, -1)
            rows[::2] = 127
            return rows.ravel()
        if key == "embed.m":
            return 1 << 28  # just below the clamp
        if key == "head.weight":
            return integers(draw, count, -127, 127)
        if key == "head.m":
            return (500 << 30) // (73 * 73 * isqrt(config.d_model))
        if key.endswith(".weight"):
            return fill_weight(draw, count)
        if key.endswith(".bias"):
            return integers(draw, count, 0, 1) * 65535 - 32768 if bias is None else bias
        if key.endswith("attn.c"):
            return attn_c
        if key == "norm.c":
            return min(28 * isqrt(config.d_model << 20) << 20, norm_c)
        if key.endswith(".c"):
            return norm_c
        if m is None and kind in targets:
            if kind == "attn":
                inputs = _attention(config, key).width
            else:
                _, inputs = config.tensors[key.removesuffix(".m") + ".weight"].shape
            largest = inputs * 127 * (255 if kind == "down" else 127)
            return (targets[kind] << 30) // largest
        return MAX_M if m is None else m

    return build(config, fill)


def _plus(draw: int, count: int) -> int:
    return 127


def _minus(draw: int, count: int) -> int:
    return -127


def _zero(draw: int, count: int) -> int:
    return 0


def _signs(draw: int, count: int) -> Array:
    return integers(draw, count, 0, 1) * 254 - 127


def random_config(seed: int) -> ModelConfig:
    """Some small legal configuration."""
    draw = xorshift(seed + 1)
    for _ in range(20):
        next(draw)  # small seeds need a while to mix

    def one_of(*choices: int) -> int:
        return choices[next(draw) % len(choices)]

    d = one_of(64, 64, 128, 192, 320)
    h = one_of(16, 32, 64, 128)
    heads = one_of(1, 2, 3) * max(64 // h, 1)
    windows = tuple(one_of(64, 64, 128, 192, 320) for _ in range(one_of(1, 2, 3)))
    ngrams = []
    for _ in range(one_of(0, 1, 2, 3)):
        width = 16 * (1 + next(draw) % (d // 16))
        first = 16 * (next(draw) % ((d - width) // 16 + 1))
        ngrams.append((one_of(2, 3, 4, 5, 6), one_of(8, 9, 12), width, first))
    return pairs(d, heads, h, one_of(64, 128, 192, 448), windows, tuple(ngrams))


def chain_model(name: str, seed: int = 1) -> Model:
    """A model that knows ``chained``, and nothing else.

    The stream is the byte's code, of random signs, which the head takes for the byte that follows.
    Models of other seeds know the same and have other codes.
    """
    config = TINY
    codes = integers(seed, 257 * config.d_model, 0, 1).reshape(257, -1) * 254 - 127

    def fill(key: str, count: int, index: int) -> Array | int:
        if key == "embed.weight":
            return codes.ravel()
        if key == "head.weight":
            rows = np.zeros((256, config.d_model), np.int64)
            for byte in range(32, 127):
                rows[follower(byte)] = codes[byte]
            return rows.ravel()
        constants = {
            "embed.m": 1 << 28,
            "norm.c": 28 * 8 << 30,  # 28 times the square root of d_model
            "head.m": (3072 << 30) // (config.d_model * 28 * 127),  # 12 octaves
        }
        return constants.get(key, 1 if key.endswith(".c") else 0)

    return build(config, fill, name)


EXTREMES: dict[str, Callable[[ModelConfig], Model]] = {
    "plus": lambda config: extreme(config, _plus, MAX_M, bias=0),
    "minus": lambda config: extreme(config, _minus, MAX_M, bias=0),
    "plus-exact": lambda config: extreme(config, _plus, None, bias=0, attn_c=1 << 30),
    "minus-exact": lambda config: extreme(config, _minus, None, bias=0, attn_c=1 << 30),
    "signs": lambda config: extreme(config, _signs, MAX_M),
    "signs-exact": lambda config: extreme(config, _signs, None, bias=0, attn_c=1 << 30),
    "signs-middle": lambda config: extreme(config, _signs, 1 << 20),
    "signs-small-norm": lambda config: extreme(config, _signs, 1 << 24, norm_c=1 << 34),
    "zero": lambda config: extreme(config, _zero, 0, norm_c=1, attn_c=1, bias=0),
    "zero-m": lambda config: extreme(config, _plus, 0, bias=0),
    "small-scales": lambda config: extreme(config, _minus, 1, norm_c=1, attn_c=1, bias=-32768),
    "sure": lambda config: natural(config, head_m=MAX_M),
    "quite-sure": lambda config: natural(config, head_m=1 << 28),
    "steep": lambda config: extreme(config, _signs, MAX_M, bias=32767),
}
"""Models that reach the ends of ranges, by name."""


def varint(data: list[int]) -> int:
    """A number of a file, taken from the front: a reading of docs/format.md of its own."""
    value, shift = 0, 0
    while data[0] > 127:
        value += (data.pop(0) - 128) << shift
        shift += 7
    return value + (data.pop(0) << shift)
