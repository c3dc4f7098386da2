"""Compares the Triton kernels, interpreted in numpy, with the reference engine.

test_cuda_kernels.py runs this file with TRITON_INTERPRET=1. Whole distributions are compared,
because compressed bytes alone do not show where two engines begin to differ.
"""

# ruff: noqa: E402 (the environment comes first)
from __future__ import annotations

import dataclasses
import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

assert os.environ["TRITON_INTERPRET"] == "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

import emulated
import models
from models import LEAN
from nncomp.engine import native, reference
from nncomp.engine.cuda import network
from nncomp.engine.cuda.engine import CudaEngine
from nncomp.engine.cuda.network import Network, Run
from nncomp.errors import FormatError, NNCompError
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model, ModelConfig

CPU = torch.device("cpu")
SMALLEST = models.pairs(64, 1, 64, 64, (64,), ())
WIDE_HEAD = models.pairs(64, 1, 128, 128, (64,), ())
NARROW_HEAD = models.pairs(64, 4, 16, 64, (64,), ((6, 8, 64, 0), (2, 18, 16, 32)))
MANY_HEADS = models.pairs(64, 64, 16, 128, (64,), ())
ODD = models.pairs(192, 6, 32, 320, (192, 64), ((2, 10, 176, 16),))


@pytest.fixture(autouse=True)
def few_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use large tiles early: the interpreter takes about the same time for a tile of any size."""
    monkeypatch.setattr(network, "MANY_ROWS", 17)


def distributions(model: Model, lanes: list[bytes], steps: int) -> list[np.ndarray]:
    """Each lane's (bytes, 288) int32, ``steps`` at a time."""
    start = np.cumsum([0] + [len(lane) for lane in lanes])[:-1]
    data = np.frombuffer(b"".join(lanes) + bytes(steps), np.uint8).copy()
    run = Run(Network(model, CPU), torch.from_numpy(data), start, steps)
    parts = []
    for _ in range(0, max(map(len, lanes)), steps):
        run.forward()
        parts.append(run.distributions.numpy().reshape(run.lanes, steps, -1).copy())
        run.time += steps
    table = np.concatenate(parts, axis=1)
    return [table[i, : len(lane)] for i, lane in enumerate(lanes)]


def same(model: Model, lanes: list[bytes], steps: int) -> None:
    for computed, data in zip(distributions(model, lanes, steps), lanes, strict=True):
        expected = reference.frequencies(model, data)
        assert np.array_equal(computed[:, :256].astype(np.uint32), expected)
        sums = np.ascontiguousarray(computed[:, 256:]).view(np.int64)
        assert np.array_equal(sums, expected.reshape(-1, 16, 16).sum(axis=2, dtype=np.int64))


def texts(lanes: int, size: int) -> list[bytes]:
    """Lanes of ``size`` bytes; every third is noise, and the last ones are a byte shorter."""
    kinds = [models.noise if i % 3 == 2 else models.text for i in range(lanes)]
    return [make(size - (2 * i > lanes), i + 1) for i, make in enumerate(kinds)]


def test_a_step_at_a_time() -> None:
    same(models.tiny(), texts(3, 2), 1)


@pytest.mark.slow
def test_a_chunk() -> None:
    same(models.tiny(), texts(2, 70), 64)


def test_contexts() -> None:
    """Both kinds of tables; their state is kept from step to step and from chunk to chunk."""
    lanes = [models.contextual(40), models.contextual(39, 2), b"\n\n \tx"]
    same(models.natural(models.CONTEXTUAL), lanes, 16)
    same(models.natural(models.CONTEXTUAL), [models.contextual(3)], 1)


@pytest.mark.slow
def test_more_contexts() -> None:
    model = models.natural(models.CONTEXTUAL)
    same(model, [models.contextual(300, 3), models.contextual(250, 4)], 64)
    same(model, [models.contextual(40, 5)], 1)


@pytest.mark.parametrize("name", ["plus-exact", "signs"])
def test_extremes(name: str) -> None:
    same(models.EXTREMES[name](models.TINY), [models.text(20)], 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_all_extremes(name: str) -> None:
    same(models.EXTREMES[name](models.TINY), [models.text(24) + models.noise(8)], 32)


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", [models.MIXED, models.UNEVEN, WIDE_HEAD, NARROW_HEAD, MANY_HEADS, ODD]
)
def test_shapes(config: ModelConfig) -> None:
    same(models.natural(config), [models.text(70)], 64)
    same(models.natural(config), [models.text(1)], 1)


@pytest.mark.slow
def test_thirty_two_lanes() -> None:
    same(models.tiny(), texts(32, 64), 64)  # ragged: half of them are a byte shorter


@pytest.mark.slow
def test_past_the_window() -> None:
    """A ring buffer without spare slots, which wraps around."""
    same(models.natural(SMALLEST), [models.text(66)], 1)


@pytest.mark.slow
@pytest.mark.parametrize("many", [0, 1 << 30])
def test_tiles_of_a_device(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MANY_ROWS", many)
    same(models.tiny(), texts(5, 16), 16)


# The whole engine, except what only a device has: streams, graphs, its compiler


@cache
def program() -> emulated.EmulatedProgram:
    import tempfile

    folder = Path(tempfile.mkdtemp())
    return emulated.EmulatedProgram(emulated.build(folder), threads=32)


@cache
def engine() -> CudaEngine:
    return CudaEngine(CPU, program())


def test_blocks() -> None:
    model, data, mixing = models.tiny(), models.text(5), Mixing(Profile.LEAN)
    payloads = native.encode_block(model, data, 3, mixing)
    done: list[int] = []
    assert engine().encode_block(model, data, 3, mixing, progress=done.append) == payloads
    assert sum(done) == len(data)
    done.clear()
    assert engine().decode_block(model, payloads, len(data), mixing, progress=done.append) == data
    assert sum(done) == len(data)
    with pytest.raises(FormatError, match="lane 2 has bytes left over"):
        engine().decode_block(model, [*payloads[:2], payloads[2] + b"\0"], len(data), mixing)


@pytest.mark.slow
def test_frequencies() -> None:
    model, data = models.tiny(), models.text(66)
    assert np.array_equal(engine().frequencies(model, data), native.frequencies(model, data))


@pytest.mark.slow
def test_what_goes_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from nncomp.engine.cuda import batch

    model, mixing = models.tiny(), Mixing(Profile.RICH)
    data = models.text(500)
    assert engine().encode_block(None, data, 1, mixing) == native.encode_block(
        None, data, 1, mixing
    )
    assert engine().encode_block(model, b"", 2, mixing) == [b"", b""]
    assert engine().decode_block(model, [b"", b""], 0, mixing) == b""
    with pytest.raises(ValueError, match="lanes"):
        engine().encode_block(model, data, 129, mixing)
    monkeypatch.setattr(batch, "payload_room", lambda size: size)  # noise takes more
    noise, done = models.noise(300), list[int]()
    payloads = engine().encode_block(model, noise, 2, LEAN, progress=done.append)
    assert payloads == native.encode_block(model, noise, 2, LEAN) and sum(done) == len(noise)


def test_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the device lacks memory, the CPU takes over; other failures are errors of one line."""
    from nncomp.engine.cuda import engine as module

    model, data, mixing = models.tiny(), models.text(300), Mixing(Profile.LEAN)
    payloads = native.encode_block(model, data, 2, mixing)

    def fail(error: Exception) -> None:
        def batch(*_: object) -> None:
            raise error

        monkeypatch.setattr(module, "Batch", batch)

    fail(torch.OutOfMemoryError("CUDA out of memory"))
    done: list[int] = []
    assert engine().encode_block(model, data, 2, mixing, progress=done.append) == payloads
    assert engine().decode_block(model, payloads, 300, mixing, progress=done.append) == data
    assert sum(done) == 600
    fail(RuntimeError("CUDA error: unspecified launch failure\nmore\nand more"))
    with pytest.raises(NNCompError, match=r"^the CUDA device failed: CUDA error: [a-z ]*$"):
        engine().encode_block(model, data, 2, mixing)


@pytest.mark.slow
def test_calls_that_wait_are_coded_together() -> None:
    import threading

    model, mixing = models.tiny(), Mixing(Profile.RICH, Contexts.X86)
    blocks = [models.text(20 + i, i + 1) + b"\xe8\1\2\3\0\0" for i in range(4)]
    payloads: dict[int, list[bytes]] = {}

    def encode(i: int) -> None:
        payloads[i] = engine().encode_block(model, blocks[i], 2, mixing)

    before = program().launches
    threads = [threading.Thread(target=encode, args=(i,)) for i in range(len(blocks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert program().launches - before <= 2 * 3, "begin, code and finish of one batch, or two"
    for i, data in enumerate(blocks):
        assert payloads[i] == native.encode_block(model, data, 2, mixing)


@pytest.mark.slow
def test_progress_can_stop_the_work() -> None:
    class Stop(Exception):
        pass

    def stop(done: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        engine().encode_block(models.tiny(), models.text(90), 1, LEAN, progress=stop)
    data = models.text(10)
    assert engine().encode_block(models.tiny(), data, 1, LEAN) == native.encode_block(
        models.tiny(), data, 1, LEAN
    )


@pytest.mark.slow
def test_measurements(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """tools/gpu_check.py, as far as it runs without a GPU, reports bytes that differ."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import gpu_check

    from nncomp import engine as engines
    from nncomp.engine.cuda import batch

    monkeypatch.setattr(engines, "get", lambda device: engine())
    monkeypatch.setattr(batch, "POLL", 8)
    monkeypatch.setattr(batch, "CHUNK", 8)
    data = models.text(48)
    layout = gpu_check.Layout("two", models.tiny(), Mixing(Profile.LEAN), [data[:24], data[24:]], 1)
    monkeypatch.setattr(gpu_check, "layouts", lambda data: iter([layout]))
    check = gpu_check.Check(1000, tmp_path / "table")
    gpu_check.speed_part(check, data)
    assert not check.failed and check.lines[-1].startswith("| two | 0.")
    assert (tmp_path / "table").read_text().splitlines() == check.lines
    wrong = [native.encode_block(models.tiny(), data, 1, Mixing(Profile.RICH))]
    with check.part("Wrong payloads", 0):
        gpu_check.native_rate(check, dataclasses.replace(layout, blocks=[data]), wrong)
    assert check.failed
    with check.part("A part", 2000) as enough:
        assert not enough
