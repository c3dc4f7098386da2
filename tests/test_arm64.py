"""The native engine for ARM64, under qemu: its bytes are those of the engine here, with ``==``.

What the kernels for ARM64 gain is counted in instructions, as nothing here can be timed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import arm64
import commandline
import models
import test_engines as engine_tests
import test_mixing as mixing_tests
from golden import numerics as golden
from golden.files import PRIME, golden_model
from models import LEAN
from nncomp import decompress, engine, model
from nncomp.engine import native
from nncomp.errors import FormatError
from nncomp.model import Model

GOLDEN = Path(__file__).parent / "golden"
MIXINGS = mixing_tests.MIXINGS
CONFIGS = engine_tests.CONFIGS


pytestmark = pytest.mark.slow  # it takes a minute to build


@pytest.fixture(scope="module")
def program() -> Path:
    return arm64.build()


@pytest.fixture(scope="module", params=arm64.KERNELS)
def arm(request: pytest.FixtureRequest, program: Path) -> Iterator[arm64.Engine]:
    """The engine with each of its kernels."""
    arm = arm64.Engine(program, request.param)
    yield arm
    arm.close()


def same(arm: arm64.Engine, model: Model | None, data: bytes, lanes: int, name: str) -> None:
    """Payloads are this machine's, and decode to the data."""
    mixing = MIXINGS[name]
    payloads = native.encode_block(model, data, lanes, mixing)
    assert arm.encode_block(model, data, lanes, mixing, threads=2) == payloads
    assert arm.decode_block(model, payloads, len(data), mixing, threads=2) == data


def same_frequencies(arm: arm64.Engine, model: Model, data: bytes) -> None:
    assert np.array_equal(arm.frequencies(model, data), native.frequencies(model, data))


# The build


def test_every_kernel_is_built(program: Path) -> None:
    """And a CPU runs those that it can."""
    newest = arm64.kernels(program, "max")
    assert list(newest) == list(arm64.KERNELS) and all(newest.values())
    oldest = arm64.kernels(program, "cortex-a72")
    assert [k for k, runs in oldest.items() if runs] == ["neon", "portable"]


# The network


def test_requests_that_are_cut(program: Path) -> None:
    command = arm64.emulated(program, "portable", cpu=arm64.KERNELS["portable"])
    whole = arm64.packed((ord("P"), *LEAN.numbers, b"abc"))
    for size in range(len(whole) + 1):
        done = subprocess.run(command, input=whole[:size], capture_output=True)
        assert done.returncode == (0 if size in (0, len(whole)) else 1)


def test_golden_vectors(arm: arm64.Engine) -> None:
    stored = json.loads((GOLDEN / "numerics.json").read_text("ascii"))
    data = models.text(200)
    found = arm.frequencies(models.tiny(), data)
    assert golden.digest(found.tobytes()) == stored["frequencies"]
    for lanes in (1, 3):
        payloads = arm.encode_block(models.tiny(), data, lanes, LEAN)
        assert [golden.digest(p) for p in payloads] == stored[f"payloads of {lanes} lanes"]


@pytest.mark.parametrize("name", list(CONFIGS))
def test_frequencies(arm: arm64.Engine, name: str) -> None:
    same_frequencies(arm, models.natural(CONFIGS[name]), models.text(300) + models.noise(30))


@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_extremes(arm: arm64.Engine, name: str) -> None:
    extreme = models.EXTREMES[name](models.TINY)
    same_frequencies(arm, extreme, models.text(70) + models.noise(10))
    same(arm, extreme, models.noise(100), 3, "lean")


@pytest.mark.parametrize("seed", range(6))
def test_random_shapes(arm: arm64.Engine, seed: int) -> None:
    config = models.random_config(seed)
    name = list(models.EXTREMES)[seed * 4 % len(models.EXTREMES)]
    for made in (models.natural(config), models.EXTREMES[name](config)):
        same_frequencies(arm, made, models.text(100, seed + 1) + models.noise(50, seed))


@pytest.mark.parametrize("name", ["plus-exact", "minus-exact", "signs"])
def test_largest_sums(arm: arm64.Engine, name: str) -> None:
    """The longest window, and the widest matrices a model may have, all at ±127."""
    long = models.EXTREMES[name](models.WIDE_WINDOW)
    same_frequencies(arm, long, models.text(1000) + models.noise(100))
    wide = models.EXTREMES[name](models.pairs(2048, 32, 128, 8192, (64,), ()))
    same_frequencies(arm, wide, b"\0\1\2")


@pytest.mark.parametrize("name", ["nano-1", "base-2"])
def test_models_that_are_shipped(arm: arm64.Engine, name: str) -> None:
    shipped = model.load(arm64.ROOT / "models" / f"{name}.safetensors")
    data = arm64.HERE.joinpath("__init__.py").read_bytes()[:700] + models.noise(60)
    same_frequencies(arm, shipped, data)
    same(arm, shipped, data, 4, "general")


@pytest.mark.parametrize("lanes", [1, 2, 5, 40])
def test_lanes(arm: arm64.Engine, lanes: int) -> None:
    same(arm, models.natural(models.UNEVEN), models.text(290), lanes, "lean")


# The adaptive stage


@pytest.mark.parametrize("name", list(MIXINGS))
def test_all_contexts(arm: arm64.Engine, name: str) -> None:
    data = mixing_tests.some_of_all(1500)
    same(arm, None, data, 1, name)
    same(arm, models.tiny(), data[::5], 3, name)
    found = arm.bit_probabilities(data, MIXINGS[name])
    assert np.array_equal(found, native.bit_probabilities(data, MIXINGS[name]))


@pytest.mark.parametrize("likely", [False, True])
def test_saturated_weights(arm: arm64.Engine, likely: bool) -> None:
    data = mixing_tests.chosen(400, likely)
    same(arm, mixing_tests.hesitant(), data, 1, "lean")


def test_payloads_that_no_encoder_writes(arm: arm64.Engine) -> None:
    with pytest.raises(FormatError):
        arm.decode_block(models.tiny(), [models.noise(90)], 200, LEAN)


# Whole files

GOOD = sorted(GOLDEN.glob("good-*.nnc"))
INDEX = json.loads((GOLDEN / "files.json").read_text())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_golden_files(
    arm: arm64.Engine, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test.safetensors").write_bytes(model.dumps(golden_model()))
    commandline.use_models(monkeypatch, tmp_path)
    monkeypatch.setattr(engine, "get", lambda *args: arm)
    content = decompress(path.read_bytes(), prime=PRIME)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    assert INDEX[path.name] == {"size": len(content), "blake2b": digest}


# Instructions


@pytest.fixture(scope="module")
def plugin(program: Path) -> Path:
    return arm64.build_counter(program.parent)


SIZES = {"network": (128, 640), "stage": (4000, 12000)}  # the second less the first are counted
TEXT = (arm64.ROOT / "docs" / "numerics.md").read_bytes()


@pytest.fixture(scope="module")
def small() -> Model:
    return model.load(arm64.ROOT / "models" / "base-2.safetensors")


def executed(program: Path, plugin: Path, kernel: str, coded_by: Model | None) -> int:
    """Instructions of the network, or without one of the stage, for a number of bytes."""
    counts = []
    for size in SIZES["network" if coded_by else "stage"]:
        arm = arm64.Engine(program, kernel, plugin)
        if coded_by:
            arm.frequencies(coded_by, TEXT[:size])
        else:
            arm.encode_block(None, TEXT[:size], 1, MIXINGS["general"])
        arm.close()
        counts.append(arm.executed)
    return counts[1] - counts[0]


@pytest.mark.parametrize(("kernel", "network", "stage"), [("dotprod", 7, 1.3), ("neon", 3, 1.3)])
def test_instructions_a_byte(
    program: Path, plugin: Path, small: Model, kernel: str, network: float, stage: float
) -> None:
    """How many times fewer than the portable kernel executes, of the network and of the stage."""
    for coded_by, factor in ((small, network), (None, stage)):
        portable = executed(program, plugin, "portable", coded_by)
        assert portable / executed(program, plugin, kernel, coded_by) >= factor


@pytest.mark.parametrize("kernel", ["dotprod", "neon"])
def test_hostile_models_take_not_much_more(
    program: Path, plugin: Path, small: Model, kernel: str
) -> None:
    """Where no squared ReLU is zero, and all are as large as can be."""
    hostile = models.EXTREMES["plus-exact"](small.config)
    usual = executed(program, plugin, kernel, small)
    assert executed(program, plugin, kernel, hostile) <= 2 * usual
