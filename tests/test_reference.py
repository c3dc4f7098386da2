"""The reference engine against a second, independent reading of docs/numerics.md, and itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples, some_quick
from golden import numerics as golden
from models import LEAN
from nncomp.engine import reference
from nncomp.engine.reference import decode_block, encode_block, lane_sizes
from nncomp.errors import FormatError
from nncomp.model import Model
from nncomp.network import Attention
from nncomp.tables import EXP, POW

GOLDEN = Path(__file__).parent / "golden" / "numerics.json"


# A second reading: plain Python integers, one lane, loops as the page has formulas. It shares with
# the reference only the tables, which test_numerics.py checks.


def rule(x: int, m: int) -> int:
    assert abs(x) < 2**29 and 0 <= m < 2**31
    return (x * m + 2**29) >> 30


def squeeze(x: int, bound: int) -> int:
    return max(-bound, min(bound, x))


def dot(a: list[int], b: list[int]) -> int:
    return sum(map(int.__mul__, a, b))


def scaled(x: list[int], c: int) -> list[int]:
    s = sum(v * v for v in x)
    root = 0  # the bitwise recipe
    for bit in reversed(range(28)):
        if (root | 1 << bit) ** 2 <= s:
            root |= 1 << bit
    r = min(c // max(root, 1), 2**31 - 1)
    return [squeeze(rule(v, r), 127) for v in x]


def second_frequencies(model: Model, data: bytes) -> list[list[int]]:
    """What ``reference.frequencies`` gives, by a program that was written apart from it."""
    c = model.config
    tensors = {name: tensor.tolist() for name, tensor in model.tensors.items()}
    keys: list[list[list[int]]] = [[] for _ in c.layers]  # per layer, oldest first, never dropped
    values: list[list[list[int]]] = [[] for _ in c.layers]

    def rows(name: str, y: list[int]) -> list[int]:
        weight, m = tensors[name + ".weight"], tensors[name + ".m"]
        return [rule(dot(row, y), m[o]) for o, row in enumerate(weight)]

    def one(name: str) -> int:
        return tensors[name][0]

    table = []
    for t in range(len(data)):
        token = data[t - 1] if t else 256
        x = [squeeze(rule(e * 1024, one("embed.m")), 32767) for e in tensors["embed.weight"][token]]
        for i, (order, b, w, first) in enumerate(c.ngrams):
            past = (bytes(order) + data[:t])[-order:]
            row = int.from_bytes(past, "big") * 0x9E3779B97F4A7C15 % 2**64 // 2 ** (64 - b)
            for n in range(w):
                g = tensors[f"ngram.{i}.weight"][row][n]
                x[first + n] += squeeze(rule(g * 1024, one(f"ngram.{i}.m")), 32767)

        for i, layer in enumerate(c.layers):
            p = f"layers.{i}."
            y = scaled(x, one(p + "norm.c"))
            if isinstance(layer, Attention):
                a = [squeeze(v, 127) for v in rows(p + "qkv", y)]
                queries = layer.heads * layer.width
                keys[i].append(a[queries : queries + layer.width])
                values[i].append(a[queries + layer.width :])
                o = []
                for head in range(layer.heads):
                    q = a[head * layer.width : (head + 1) * layer.width]
                    z = [
                        rule(dot(q, keys[i][t - j]), one(p + "attn.m"))
                        + tensors[p + "attn.bias"][head][j]
                        for j in range(min(t + 1, layer.window))
                    ]
                    u = [int(EXP[max(z) - s]) if max(z) - s < 640 else 0 for s in z]
                    r = one(p + "attn.c") // sum(u)
                    for n in range(layer.width):
                        total = sum(u[j] * values[i][t - j][n] for j in range(len(u)))
                        o.append(squeeze(rule(total, r), 127))
                added = rows(p + "out", o)
            else:
                s = []
                for v in rows(p + "up", y):
                    v = min(max(v, 0), 4095)
                    s.append(min((v * v + 2**15) // 2**16, 255))
                added = rows(p + "down", s)
            for n, v in enumerate(added):
                x[n] += squeeze(v, 32767)

        z = rows("head", scaled(x, one("norm.c")))
        weights = []
        for v in z:
            d = max(z) - v
            weights.append(1 if d >> 8 > 30 else max(int(POW[d & 255]) >> (d >> 8), 1))
        table.append(weights)
    return table


@pytest.mark.slow
def test_second_reading() -> None:
    """Past the window's end, so that the oldest positions drop out."""
    data = models.text(70) + models.noise(10)
    assert reference.frequencies(models.tiny(), data).tolist() == second_frequencies(
        models.tiny(), data
    )


@pytest.mark.parametrize("name", some_quick(models.EXTREMES, "plus", "signs"))
def test_second_reading_at_extremes(name: str) -> None:
    model = models.EXTREMES[name](models.TINY)
    data = models.noise(8)
    assert reference.frequencies(model, data).tolist() == second_frequencies(model, data)


def test_second_reading_of_other_shapes() -> None:
    for config in (models.MIXED, models.WIDE_HEAD):
        model = models.natural(config)
        data = models.noise(4)
        assert reference.frequencies(model, data).tolist() == second_frequencies(model, data)


# Lanes and blocks


def test_lane_sizes() -> None:
    assert lane_sizes(10, 3) == [4, 3, 3]
    assert lane_sizes(2, 4) == [1, 1, 0, 0]
    assert lane_sizes(0, 1) == [0]
    for size in range(20):
        for lanes in range(1, 8):
            sizes = lane_sizes(size, lanes)
            assert sum(sizes) == size and len(sizes) == lanes
            assert sizes == sorted(sizes, reverse=True) and sizes[0] - sizes[-1] <= 1
    for size, lanes in ((1, 0), (-1, 1)):
        with pytest.raises(ValueError):
            lane_sizes(size, lanes)


@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", some_quick([0, 1, 2, 5, 64, 131], 0, 1, 2, 5))
def test_round_trip(lanes: int, size: int) -> None:
    model = models.tiny()
    data = models.text(size)
    payloads = encode_block(model, data, lanes, LEAN)
    assert len(payloads) == lanes
    assert decode_block(model, payloads, size, LEAN) == data


@settings(max_examples=examples(25), deadline=None)
@given(st.binary(max_size=40), st.integers(1, 6))
def test_round_trip_of_anything(data: bytes, lanes: int) -> None:
    model = models.tiny()
    assert decode_block(model, encode_block(model, data, lanes, LEAN), len(data), LEAN) == data


@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_round_trip_at_extremes(name: str) -> None:
    model = models.EXTREMES[name](models.TINY)
    data = models.noise(30)
    assert decode_block(model, encode_block(model, data, 2, LEAN), len(data), LEAN) == data


def test_progress_counts_every_byte() -> None:
    model = models.tiny()
    done: list[int] = []
    payloads = encode_block(model, models.text(20), 3, LEAN, progress=done.append)
    assert sum(done) == 20
    done.clear()
    decode_block(model, payloads, 20, LEAN, progress=done.append)
    assert sum(done) == 20


def test_damaged_payloads() -> None:
    model = models.tiny()
    data = models.noise(40)
    first, second = encode_block(model, data, 2, LEAN)
    for payloads in ([first, second + b"\x00"], [first + b"\x00", second], [first[:-4], second]):
        with pytest.raises(FormatError):
            decode_block(model, payloads, 40, LEAN)
    with pytest.raises(FormatError):
        decode_block(model, [first, second, b"\x00"], 2, LEAN)
    with pytest.raises(FormatError):
        decode_block(model, [b"\x00"], 0, LEAN)


# Golden vectors: what version 1 of the arithmetic gives, stored once


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key in value for k, v in flat(value[key], f"{path}/{key}").items()}
    return {path: value}


@pytest.mark.slow
def test_golden_vectors() -> None:
    """One by one, in the order of the computation: the first that differs is where to look."""
    stored = flat(json.loads(GOLDEN.read_text(encoding="ascii")))
    computed = flat(golden.compute())
    for path, value in computed.items():
        assert value == stored[path], path
    assert stored.keys() == computed.keys()


def test_weights_have_no_float() -> None:
    table = reference.frequencies(models.tiny(), b"ab")
    assert table.dtype == np.uint32 and table.shape == (2, 256)
