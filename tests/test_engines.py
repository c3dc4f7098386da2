"""Every engine and every kernel against the reference, with ``==``, in all they give.

Kernels that this CPU cannot run are skipped.
"""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples, some_quick
from golden import numerics as golden
from models import LEAN
from nncomp import _native, registry
from nncomp.engine import native, reference
from nncomp.errors import FormatError
from nncomp.model import Model, ModelConfig
from nncomp.tables import EXP, POW

STORED = json.loads((Path(__file__).parent / "golden" / "numerics.json").read_text("ascii"))
# Ends of windows, of chunks of 128 steps and of vectors, one more and one less.
SIZES = (0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 400)

CONFIGS = {
    "tiny": models.TINY,
    "mixed": models.MIXED,
    "uneven": models.UNEVEN,
    "contextual": models.CONTEXTUAL,
    "wide-head": models.WIDE_HEAD,
    # Rows that fill no vector of 64: h = 16 gives 32 rows of keys and values.
    "narrow-head": models.pairs(64, 4, 16, 64, (128, 64), ((6, 8, 64, 0), (2, 18, 16, 32))),
    "many-heads": models.pairs(64, 64, 16, 128, (64,), ()),
    "odd-width": models.pairs(192, 6, 32, 320, (192, 64, 64), ((2, 10, 176, 16),)),
}


@cache
def natural(name: str) -> Model:
    return models.natural(CONFIGS[name])


@cache
def expected_frequencies(model: Model, data: bytes) -> np.ndarray:
    return reference.frequencies(model, data)


@cache
def expected_payloads(model: Model, data: bytes, lanes: int) -> list[bytes]:
    return reference.encode_block(model, data, lanes, LEAN)


@cache
def extreme(config: ModelConfig, name: str) -> Model:
    return models.natural(config) if name == "natural" else models.EXTREMES[name](config)


def same_frequencies(model: Model, data: bytes) -> None:
    computed = native.frequencies(model, data)
    assert computed.dtype == np.uint32 and computed.shape == (len(data), 256)
    assert np.array_equal(computed, expected_frequencies(model, data))


# Golden vectors


def test_tables() -> None:
    exp, pow_ = _native.tables()
    assert exp == EXP.tobytes()
    assert np.array_equal(np.frombuffer(pow_, np.uint32), POW)


def test_golden_vectors(kernel: str) -> None:
    """Against what is stored, not against what the reference computes today."""
    tiny, data = models.tiny(), models.text(200)
    assert golden.digest(native.frequencies(tiny, data).tobytes()) == STORED["frequencies"]
    for lanes in (1, 2, 3, 7):
        payloads = native.encode_block(tiny, data, lanes, LEAN)
        assert [golden.digest(p) for p in payloads] == STORED[f"payloads of {lanes} lanes"]
    for name in models.EXTREMES:
        model = extreme(models.TINY, name)
        found = native.frequencies(model, models.text(70))
        assert golden.digest(found.tobytes()) == STORED[name]["frequencies"]
    found = native.frequencies(models.natural(models.CONTEXTUAL), models.contextual(200))
    assert golden.digest(found.tobytes()) == STORED["contexts"]["frequencies"]


# Tables of contexts


def test_contexts(kernel: str) -> None:
    """Past chunks, in lanes of all lengths, from an encoder's many steps and a decoder's one."""
    model = natural("contextual")
    data = models.contextual(300)
    same_frequencies(model, data)
    payloads = expected_payloads(model, data[:100], 3)
    assert native.encode_block(model, data[:100], 3, LEAN) == payloads
    for lanes in (1, 2, 7):
        payloads = native.encode_block(model, data, lanes, LEAN)
        assert native.decode_block(model, payloads, len(data), LEAN) == data


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(1, 2**20), st.integers(1, 200), st.integers(0, 100))
def test_contexts_of_anything(seed: int, size: int, cut: int) -> None:
    same_frequencies(natural("contextual"), models.contextual(size, seed)[cut:])


# Weights


@pytest.mark.parametrize("name", some_quick(CONFIGS, "tiny", "mixed", "uneven"))
def test_frequencies(kernel: str, name: str) -> None:
    """Past windows and chunks."""
    same_frequencies(natural(name), models.text(300) + models.noise(30))


@pytest.mark.parametrize("size", SIZES)
def test_frequencies_of_all_sizes(kernel: str, size: int) -> None:
    expected = expected_frequencies(natural("tiny"), models.text(SIZES[-1]))
    assert np.array_equal(native.frequencies(natural("tiny"), models.text(size)), expected[:size])


@pytest.mark.parametrize("config", some_quick(["tiny", "mixed", "contextual"], "tiny"))
@pytest.mark.parametrize("name", some_quick(models.EXTREMES, "plus", "signs", "zero"))
def test_frequencies_at_extremes(kernel: str, config: str, name: str) -> None:
    same_frequencies(extreme(CONFIGS[config], name), models.text(70) + models.noise(10))


@pytest.mark.parametrize("seed", some_quick(range(6), 2))
def test_random_shapes(kernel: str, seed: int) -> None:
    config = models.random_config(seed)
    names = [*models.EXTREMES, "natural"]
    data = models.text(100, seed + 1) + models.noise(50, seed)
    for model in (extreme(config, "natural"), extreme(config, names[seed * 4 % len(names)])):
        same_frequencies(model, data)
        payloads = native.encode_block(model, data, 1 + seed, LEAN)
        assert native.decode_block(model, payloads, len(data), LEAN) == data


@pytest.mark.slow
@pytest.mark.parametrize("name", ["natural", "plus-exact", "minus-exact", "signs"])
def test_largest_window(kernel: str, name: str) -> None:
    """W = 1024 with more positions than that: the largest sums that attention can reach."""
    config = models.WIDE_WINDOW
    model = extreme(config, name)
    data = models.text(1000) + models.noise(200)
    same_frequencies(model, data)
    payload = native.encode_block(model, data, 1, LEAN)
    assert native.decode_block(model, payload, len(data), LEAN) == data


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plus-exact", "minus-exact", "signs"])
def test_largest_dimensions(kernel: str, name: str) -> None:
    """The widest matrices a model may have, all at ±127."""
    config = models.pairs(2048, 32, 128, 8192, (64,), ())
    same_frequencies(extreme(config, name), b"\0\1\2")


# Blocks


@pytest.mark.parametrize("lanes", [1, 2, 3, 17])
@pytest.mark.parametrize("size", some_quick([0, 1, 17, 131, 300], 0, 1, 17))
def test_blocks(kernel: str, lanes: int, size: int) -> None:
    model = natural("tiny")
    data = models.text(size, seed=lanes)
    payloads = expected_payloads(model, data, lanes)
    assert native.encode_block(model, data, lanes, LEAN) == payloads
    assert native.decode_block(model, payloads, size, LEAN) == data


@pytest.mark.parametrize("threads", some_quick([2, 3, 8], 3))
@pytest.mark.parametrize(
    "shape", some_quick([(1, 300), (4, 301), (7, 300), (16, 40), (128, 300)], (7, 300), (16, 40))
)
def test_threads_change_nothing(kernel: str, threads: int, shape: tuple[int, int]) -> None:
    lanes, size = shape
    model = natural("mixed")
    data = models.text(size)
    payloads = expected_payloads(model, data, lanes)
    assert native.encode_block(model, data, lanes, LEAN, threads=threads) == payloads
    assert native.decode_block(model, payloads, size, LEAN, threads=threads) == data


@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_blocks_at_extremes(kernel: str, name: str) -> None:
    model = extreme(models.TINY, name)
    data = models.noise(100)
    payloads = expected_payloads(model, data, 3)
    assert native.encode_block(model, data, 3, LEAN) == payloads
    assert native.decode_block(model, payloads, len(data), LEAN, threads=2) == data


@pytest.mark.parametrize("name", some_quick(CONFIGS, "narrow-head"))
def test_blocks_of_other_shapes(kernel: str, name: str) -> None:
    model = natural(name)
    data = models.text(290)
    payloads = expected_payloads(model, data, 2)
    assert native.encode_block(model, data, 2, LEAN) == payloads
    assert native.decode_block(model, payloads, len(data), LEAN) == data


def test_twice_the_same(kernel: str) -> None:
    """No state outlives a block."""
    model, other = natural("tiny"), natural("mixed")
    first = native.encode_block(model, models.text(200), 2, LEAN)
    native.encode_block(other, models.noise(200), 3, LEAN)
    native.decode_block(model, native.encode_block(model, models.noise(90), 1, LEAN), 90, LEAN)
    assert native.encode_block(model, models.text(200), 2, LEAN) == first


@pytest.mark.parametrize("lanes", [1, 3])
def test_long_lanes_agree(kernel: str, lanes: int) -> None:
    """Many windows and chunks, where the reference is too slow: decoding steps against encoding.
    A lane that is alone has bytes that were foreseen, and others."""
    model = natural("tiny")
    scale = 1 if kernel == "portable" else 5
    data = models.text(2000 * scale) + models.noise(500 * scale) + bytes(500 * scale) + b"end"
    payloads = native.encode_block(model, data, lanes, LEAN)
    assert native.encode_block(model, data, lanes, LEAN, threads=2) == payloads
    assert native.decode_block(model, payloads, len(data), LEAN) == data


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plus", "plus-exact", "signs", "steep"])
def test_hostile_models_take_not_much_more(kernel: str, name: str) -> None:
    """Where nothing is zero and all is as large as can be. Best of some times in turns."""
    usual = registry.find("base-2")
    hostile = extreme(usual.config, name)
    data = models.text(400 if kernel == "portable" else 2000)
    best = {usual: float("inf"), hostile: float("inf")}
    for _ in range(5):
        for model in best:
            start = time.thread_time()
            native.frequencies(model, data)
            best[model] = min(best[model], time.thread_time() - start)
    assert best[hostile] <= 3 * best[usual]


def test_progress(kernel: str) -> None:
    model = natural("tiny")
    data = models.text(1000)
    done: list[int] = []
    payloads = native.encode_block(model, data, 2, LEAN, progress=done.append)
    assert sum(done) == len(data)
    done.clear()
    native.decode_block(model, payloads, len(data), LEAN, threads=2, progress=done.append)
    assert sum(done) == len(data)


# Damage: both engines agree on what is not a payload


def outcome(engine: object, model: Model, payloads: list[bytes], size: int) -> bytes | str:
    try:
        return bytes(engine.decode_block(model, payloads, size, LEAN))  # type: ignore[attr-defined]
    except FormatError as error:
        assert "\n" not in str(error)
        return "FormatError"


@cache
def damaged_payloads() -> dict[bytes, bytes | str]:
    """Payload → what the reference makes of it, for 40 bytes and the tiny model."""
    model = natural("tiny")
    (payload,) = expected_payloads(model, models.text(40), 1)
    damaged = [payload[:size] for size in range(len(payload))]
    damaged += [payload + bytes([b]) * n for b in (0, 1, 255) for n in (1, 2, 5)]
    damaged += [b"\xff" * 4 + payload, b"\xff\xff\xff\xfe" + payload, b"\xff" * 60, bytes(60)]
    for i in range(0, len(payload), 3):
        damaged.append(payload[:i] + bytes([payload[i] ^ 1 << i % 8]) + payload[i + 1 :])
    return {bad: outcome(reference, model, [bad], 40) for bad in damaged}


@pytest.mark.slow
def test_damaged_payloads(kernel: str) -> None:
    model = natural("tiny")
    for bad, expected in damaged_payloads().items():
        assert outcome(native, model, [bad], 40) == expected
    assert outcome(native, model, [b"\0"], 0) == "FormatError"
    assert outcome(native, model, [b"", b"\0"], 1) == outcome(reference, model, [b"", b"\0"], 1)


def test_damage_in_one_of_many_lanes(kernel: str) -> None:
    """An error in a thread reaches the caller, whichever lane it is in."""
    model = natural("tiny")
    data = models.text(400)
    payloads = expected_payloads(model, data, 5)
    for lane in range(5):
        bad = list(payloads)
        bad[lane] += b"\0"
        for threads in (1, 2, 3):
            with pytest.raises(FormatError):
                native.decode_block(model, bad, len(data), LEAN, threads=threads)
