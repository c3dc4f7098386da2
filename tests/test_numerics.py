"""The pieces of docs/numerics.md against exact Python integers, at the ends of their ranges."""

from __future__ import annotations

import hashlib
from math import isqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from nncomp.engine import reference
from nncomp.tables import EXP, POW

PAGE = Path(__file__).parents[1] / "docs" / "numerics.md"
EXP_DIGEST = "54408c2d571377d0c5da415c983bf28c"
POW_DIGEST = "1af4bd11c44c8f3c4841c016c2676eb0"


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def column(*values: int) -> np.ndarray:
    return np.array([values], np.int64)


# Section 1


@given(st.integers(-(2**29) + 1, 2**29 - 1), st.integers(0, 2**31 - 1))
def test_rounding_rule(x: int, m: int) -> None:
    assert (
        reference.arithmetic.rq(column(x), m).item() == (x * m + 2**29) // 2**30
    )  # Python's // is floor


def test_rounding_rule_at_the_ends() -> None:
    xs = [sign * (2**29 - 1 - k) for sign in (1, -1) for k in (0, 1)] + [0, 1, -1, 2**15, -(2**15)]
    ms = [0, 1, 2**29 - 1, 2**29, 2**29 + 1, 2**30, 2**30 + 1, 2**31 - 1]
    for x in xs:
        for m in ms:
            assert reference.arithmetic.rq(column(x), m).item() == (x * m + 2**29) >> 30
    assert reference.arithmetic.rq(column(2**29 - 1), 2**31 - 1).item() <= 2**30
    # A half rounds up on both sides of zero.
    assert [reference.arithmetic.rq(column(x), 2**29).item() for x in (1, -1, 3, -3)] == [
        1,
        0,
        2,
        -1,
    ]


@pytest.mark.parametrize(("x", "m"), [(2**29, 1), (-(2**29), 1), (0, -1), (0, 2**31)])
def test_rounding_rule_checks_its_bounds(x: int, m: int) -> None:
    with pytest.raises(AssertionError):
        reference.arithmetic.rq(column(x), m)


# Section 2


def test_exp_is_the_recipe() -> None:
    a = []
    for i in range(64):
        target = (2 * 65280) ** 64
        n = round(65280 * 2 ** (-i / 64)) - 2  # a guess; the search decides
        while (2 * n + 1) ** 64 << i < target:
            n += 1
        assert (2 * n - 1) ** 64 << i < target
        a.append(n)
    assert EXP.dtype == np.uint8 and EXP.shape == (640,)
    assert EXP.tolist() == [(a[d & 63] + (128 << (d >> 6))) >> (8 + (d >> 6)) for d in range(640)]
    assert EXP[0] == 255 and EXP[639] == 0 and np.all(np.diff(EXP.astype(int)) <= 0)


def test_pow_is_the_recipe() -> None:
    assert POW.dtype == np.uint32 and POW.shape == (256,)
    target = (2**31) ** 256
    for i, a in enumerate(POW.tolist()):
        assert (2 * a - 1) ** 256 << i < target <= (2 * a + 1) ** 256 << i
    assert POW[0] == 2**30


def test_tables_never_change() -> None:
    assert digest(EXP.tobytes()) == EXP_DIGEST
    assert digest(POW.astype("<u4").tobytes()) == POW_DIGEST
    page = PAGE.read_text(encoding="utf-8")
    assert EXP_DIGEST in page and POW_DIGEST in page


# Section 3


def test_row_of_an_ngram_uses_its_bytes_alone() -> None:
    """Some orders, against the formula; the network's other parts are switched off by zeros."""
    config = models.MIXED
    model = models.natural(config)
    network = reference.network.Network(model, 1)
    history = (255, 1, 128, 7, 254, 99)  # newest first
    for byte in reversed(history):
        x = network.embed([byte])[0]
    addends = {}
    for i, table in enumerate(config.tables):
        context = sum(b << (8 * j) for j, b in enumerate(history[: int(table.context)]))
        row = (context * 0x9E3779B97F4A7C15 % 2**64) >> (64 - table.log2_rows)
        weights = model.tensors[f"table.{i}.weight"][row].astype(np.int64)
        addends[table.first] = weights, table.width, i
    start = (model.tensors["embed.weight"][255].astype(np.int64) << 10) * 2**26 + 2**29 >> 30
    for first, (row, width, i) in addends.items():
        m = int(model.tensors[f"table.{i}.m"][0])
        start[first : first + width] += (row << 10) * m + 2**29 >> 30
    assert x.tolist() == start.tolist()


def test_lane_starts_with_token_256_and_zeros() -> None:
    model = models.tiny()
    network = reference.network.Network(model, 1)
    first, later = network.embed([256]), network.embed([0])
    rows = model.tensors["embed.weight"].astype(np.int64)
    m = int(model.tensors["embed.m"][0])
    change = reference.arithmetic.rq(rows[256] << 10, m) - reference.arithmetic.rq(rows[0] << 10, m)
    assert np.array_equal(first - later, [change])


# Section 4


def test_norm_at_squares() -> None:
    """Sums of squares at k², k² − 1 and k² + 1, where a float square root goes wrong."""
    k = 2**22 - 1
    for x in ([k], [k, 1], [3, 4], [2**21, 2**21, 1], [1] * 63, [1] * 64, [0] * 64, [-k] * 64):
        c = 2**44 - 1
        root = max(isqrt(sum(v * v for v in x)), 1)
        r = min(c // root, 2**31 - 1)
        expected = [max(-127, min(127, (v * r + 2**29) // 2**30)) for v in x]
        assert reference.network.norm(column(*x), c).tolist() == [expected]


@given(
    st.lists(st.integers(-(2**22) + 1, 2**22 - 1), min_size=1, max_size=70),
    st.integers(1, 2**44 - 1),
)
def test_norm(x: list[int], c: int) -> None:
    s = sum(v * v for v in x)
    root = max(isqrt(s), 1)
    assert root**2 <= max(s, 1) < (root + 1) ** 2
    r = min(c // root, 2**31 - 1)
    expected = [max(-127, min(127, (v * r + 2**29) // 2**30)) for v in x]
    assert reference.network.norm(column(*x), c).tolist() == [expected]


# Section 6


def test_frequencies_span_their_range() -> None:
    """A head that is sure gives frequencies of 1, at once and by underflow, and of 2^30."""
    w = reference.frequencies(models.natural(models.TINY, head_m=2**28), models.text(40))
    assert w.dtype == np.uint32 and w.min() == 1 and w.max() == 2**30
    assert len(np.unique(w)) > 100
    assert np.all(w.max(axis=1) == 2**30)
