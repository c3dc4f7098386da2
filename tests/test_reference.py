"""The reference engine against a second, independent reading of docs/numerics.md, and itself."""

from __future__ import annotations

import json
import re
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
from nncomp.engine.reference import contexts, decode_block, encode_block, lane_sizes
from nncomp.errors import FormatError
from nncomp.model import Model
from nncomp.network import CONTEXTS, Attention, Table
from nncomp.tables import EXP, POW

VECTORS = Path(__file__).parent / "golden" / "numerics.json"

GOLDEN = 0x9E3779B97F4A7C15
FACTOR = 0x2F0B4C4700000B2D


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


def second_key(context: str, data: bytes) -> int:
    """What ``reference.contexts`` gives behind ``data``, from the whole of it."""
    if context.isdigit():
        return int.from_bytes(data[-int(context) :], "big")
    if context == "skip":
        return int.from_bytes(data[-4:], "big") // 256 * 256
    if context == "skip2":
        return int.from_bytes(data[-3:], "big") // 256 * 256
    line = data.rfind(b"\n") + 1
    above = data.rfind(b"\n", 0, max(line - 1, 0)) + 1
    if context == "indent":
        begun = re.match(rb"([\t ]*)([^\t ]?)", data[line:], re.DOTALL)
        before = re.match(rb"[\t ]*", data[above:line])
        assert begun and before
        numbers = min(len(begun[1]), 31) * 32 + min(len(before[0]), 31)
        first = begun[2] or b"\0"
        return ((numbers * 256 + first[0]) * FACTOR + (data[-1] if data else 0)) % 2**64
    if context == "above":
        place = above + len(data) - line
        bytes_above = data[place : place + 2].ljust(2, b"\0") if place < line else bytes(2)
        return int.from_bytes(bytes_above + (data[-1:] or b"\0"), "big")
    found = list(re.finditer(rb"[\xe0-\xff]?[\x80-\xdf0-9A-Za-z]+|[\xe0-\xff]", data))
    begun = found.pop()[0] if found and found[-1].end() == len(data) else b""
    word, before = second_hash(begun), second_hash(found[-1][0] if found else b"")
    fields = sum(data[line:].count(separator) for separator in b"\t,;|")
    return {
        "word": word,
        "words": (word * FACTOR + before) % 2**64,
        "field": (word * FACTOR + fields) % 2**64,
    }[context]


def second_hash(word: bytes) -> int:
    value = 0
    for byte in word.lower():
        value = (value + byte + 1) * FACTOR % 2**64
    return value


def second_row(table: Table, check: list[int] | None, data: bytes) -> int:
    hashed = f"{second_key(table.context, data) * GOLDEN % 2**64:064b}"
    bits = table.log2_rows
    if check is None:
        return int(hashed[:bits], 2)
    first = 8 * int(hashed[: bits - 3], 2)
    for row in range(first, first + 8):
        if check[row] == int(hashed[bits - 3 : bits + 5], 2):
            return row
    return 1 << bits


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

    result = []
    for t in range(len(data)):
        token = data[t - 1] if t else 256
        x = [squeeze(rule(e * 1024, one("embed.m")), 32767) for e in tensors["embed.weight"][token]]
        for i, table in enumerate(c.tables):
            row = second_row(table, tensors.get(f"table.{i}.check"), data[:t])
            for n in range(table.width):
                g = tensors[f"table.{i}.weight"][row][n]
                x[table.first + n] += squeeze(rule(g * 1024, one(f"table.{i}.m")), 32767)

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
        result.append(weights)
    return result


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


def test_contexts() -> None:
    data = models.contextual(400)
    past = contexts.Past()
    assert contexts.KEYS.keys() == set(CONTEXTS)
    for t in range(len(data) + 1):
        for context in CONTEXTS:
            assert contexts.KEYS[context](past) == second_key(context, data[:t]), (context, t)
        if t < len(data):
            past.take(data[t])


def test_second_reading_of_contexts() -> None:
    model = models.natural(models.CONTEXTUAL)
    data = models.contextual(40)
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
    stored = flat(json.loads(VECTORS.read_text(encoding="ascii")))
    computed = flat(golden.compute())
    for path, value in computed.items():
        assert value == stored[path], path
    assert stored.keys() == computed.keys()


def test_weights_have_no_float() -> None:
    table = reference.frequencies(models.tiny(), b"ab")
    assert table.dtype == np.uint32 and table.shape == (2, 256)
