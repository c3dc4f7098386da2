"""What bytes cost: every engine alike, and in all what the payload takes."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import nncomp
from conftest import peak_of
from nncomp import counting
from nncomp.engine import native, reference
from nncomp.engine.reference.coder import binary_logarithm
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model
from nncomp.options import Options

TEXT = models.text(3000)
MIXINGS = (Mixing(Profile.LEAN), Mixing(Profile.RICH), Mixing(Profile.RICH, Contexts.RECORDS, 7))


def bits(costs: np.ndarray) -> Fraction:
    """Their exact sum."""
    return Fraction(int(costs.sum(dtype=np.uint64)), 1 << 24)


@cache
def expected_costs(model: Model | None, data: bytes, mixing: Mixing) -> np.ndarray:
    return reference.cost_rows(model, data, mixing).reshape(-1)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
@pytest.mark.parametrize("mixing", MIXINGS, ids=str)
@pytest.mark.parametrize("data", [b"", b"a", TEXT[:200] + bytes(50) + models.noise(30)])
def test_engines(model: Model | None, mixing: Mixing, data: bytes, kernel: str) -> None:
    expected = expected_costs(model, data, mixing)
    assert expected.dtype == np.uint32 and expected.shape == (len(data),)
    for threads in (1, 3):
        found = native.cost_rows(model, data, mixing, threads=threads).reshape(-1)
        assert found.dtype == np.uint32 and np.array_equal(found, expected)
    (payload,) = native.encode_block(model, data, 1, mixing)
    assert not data or -8 <= 8 * len(payload) - bits(found) <= 32


@cache
def expected_rows(model: Model | None, mixing: Mixing, bits: bool) -> np.ndarray:
    return reference.cost_rows(model, MATCHED, mixing, split=True, bits=bits)


MATCHED = TEXT[:90] * 2 + TEXT[40:80] + models.noise(20)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
@pytest.mark.parametrize("mixing", [*MIXINGS, Mixing(Profile.MAX)], ids=str)
@pytest.mark.parametrize("per_bit", [False, True], ids=["bytes", "bits"])
def test_rows_of_engines(model: Model | None, mixing: Mixing, per_bit: bool, kernel: str) -> None:
    """What is asked for besides changes no cost; and it is the same on every engine."""
    expected = expected_rows(model, mixing, per_bit)
    each, kinds = (8 if per_bit else 1), (1 if model is None else 2)
    assert expected.shape == (len(MATCHED), each * kinds + 1)
    for threads in (1, 2):
        found = native.cost_rows(model, MATCHED, mixing, split=True, bits=per_bit, threads=threads)
        assert found.dtype == np.uint32 and np.array_equal(found, expected)
    costs = expected_costs(model, MATCHED, mixing)
    assert np.array_equal(expected[:, :each].sum(axis=1), costs)
    found = native.cost_rows(model, MATCHED, mixing, bits=per_bit)
    assert np.array_equal(found, expected[:, :each])
    foretold = expected[:, -1]
    assert not foretold[:7].any() and (foretold[100:180] == 2).all() and foretold[-1] < 2
    if model is not None:  # as frequencies have it, but for rounding
        w = native.frequencies(model, MATCHED).astype(float)
        said = -np.log2(w[np.arange(len(w)), [*MATCHED]] / w.sum(axis=1))
        alone = expected[:, each : 2 * each].sum(axis=1) * counting.UNIT
        assert np.allclose(alone, said, atol=0.001)


def test_what_parts_cost() -> None:
    text = TEXT * 3
    for model in ("none", models.tiny()):
        plain = nncomp.costs(text, model=model)
        found = nncomp.costs(text, model=model, split=True)
        assert np.array_equal(found.final, plain)
        assert np.array_equal(found.stage, nncomp.costs(text, model="none"))
        assert (found.network is None) == (model == "none")
        by_bit = nncomp.costs(text, model=model, bits=True)
        assert by_bit.shape == (len(text), 8) and np.array_equal(by_bit.sum(axis=1), plain)
        both = nncomp.costs(text, model=model, bits=True, split=True)
        assert np.array_equal(both.final, by_bit)
        assert np.array_equal(both.stage.sum(axis=1), found.stage)
        if found.network is not None and both.network is not None:
            assert np.array_equal(both.network.sum(axis=1), found.network)
    for data in (b"abc", models.noise(1 << 16)):  # what nothing predicts
        bits_, bytes_ = (
            nncomp.costs(data, model=models.tiny(), split=True, bits=bits) for bits in (True, False)
        )
        assert bits_.network is not None and bytes_.network is not None
        for part in bits_:
            assert np.array_equal(part, np.ones((len(data), 8)))
        for part in bytes_:
            assert np.array_equal(part, np.full(len(data), 8.0))
    assert nncomp.costs(b"", bits=True).shape == (0, 8)


def test_parts_of_blocks() -> None:
    (one,) = counting.read(io.BytesIO(TEXT), Options(model=models.tiny()), parts=True)
    split = nncomp.costs(TEXT, model=models.tiny(), split=True)
    assert one.parts is not None and one.parts.network is not None and split.network is not None
    assert np.array_equal(one.parts.network * counting.UNIT, split.network)
    assert np.array_equal(one.parts.stage * counting.UNIT, split.stage)
    assert one.parts.foretold.max() == 2
    (noise,) = counting.read(io.BytesIO(models.noise(1 << 16)), Options(), parts=True)
    assert noise.parts is None


@given(st.integers(1, 2**32 - 1))
@settings(deadline=None)
def test_logarithm(x: int) -> None:
    assert 0 <= log2(x) - binary_logarithm(x) / 2**24 < 2**-22


def test_logarithm_of_powers() -> None:
    assert [binary_logarithm(1 << k) for k in range(32)] == [k << 24 for k in range(32)]


def test_sum_is_the_payload() -> None:
    """Where there is one lane and no filter, that is the whole of a file."""
    for level in (1, 5):
        for data in (TEXT, TEXT * 20):
            costs = nncomp.costs(data, level)
            assert costs.dtype == np.float64 and costs.shape == (len(data),)
            around = len(nncomp.compress(b"", level)) + 64  # what is written beside the payload
            assert 0 <= len(nncomp.compress(data, level)) - costs.sum() / 8 <= around


def test_what_follows_changes_nothing() -> None:
    data = models.text(20_000)
    costs, other = (nncomp.costs(data[:9000] + end, 1) for end in (data[9000:], bytes(11_000)))
    assert np.array_equal(costs[:9000], other[:9000])
    assert costs[10_000:].sum() < costs[:10_000].sum()


def test_surprise() -> None:
    data = bytearray(b"all is well\n" * 500)
    data[6000:6012] = b"all is lost\n"
    costs = nncomp.costs(data, model="none")
    by_line = costs.reshape(-1, 12).sum(axis=1)
    assert int(by_line[20:].argmax()) + 20 == 500


def test_what_is_not_coded() -> None:
    noise = models.noise(1 << 17)
    assert np.array_equal(nncomp.costs(noise), np.full(len(noise), 8.0))
    assert nncomp.costs(b"").shape == (0,) and nncomp.costs(b"abc").tolist() == [8.0] * 3


def test_blocks() -> None:
    """Each for itself, with progress for every byte."""
    data = models.text(5000)
    done: list[int] = []
    options = Options(level=1, block_size=2048)
    found = list(counting.read(io.BytesIO(data), options, done.append))
    assert b"".join(one.content for one in found) == data and sum(done) == len(data)
    for one in found:
        assert np.array_equal(one.costs * counting.UNIT, nncomp.costs(one.content, 1))


def test_arguments() -> None:
    data = np.frombuffer(TEXT, np.uint8)
    assert np.array_equal(nncomp.costs(data, threads=2), nncomp.costs(TEXT, 5))
    with pytest.raises(TypeError):
        nncomp.costs("text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level 10"):
        nncomp.costs(b"", 10)
    with pytest.raises(nncomp.ModelNotFoundError):
        nncomp.costs(b"", model="no-such-model")


def test_memory() -> None:
    """No more than the documentation says, beside what the engine takes."""
    data = models.text(300_000)
    nncomp.costs(data, 1, model="none")  # everything is imported
    assert peak_of(lambda: nncomp.costs(data, 1, model="none")) < 13 * len(data)
