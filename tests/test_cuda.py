"""The CUDA engine from outside: when it is chosen, and with a GPU (``-m gpu``) that it is exact."""

from __future__ import annotations

import subprocess
import sys
import threading
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import commandline
import models
import nncomp
import test_mixing as mixing_tests
from nncomp import engine, levels
from nncomp.engine import cuda, native
from nncomp.engine.cuda import device
from nncomp.errors import FormatError, NNCompError
from nncomp.mixing import Mixing, Profile
from nncomp.model import Model

no_gpu = pytest.mark.skipif(device.count() > 0, reason="there is a GPU")


# Choice


@no_gpu
def test_a_device_that_is_not_there(run: commandline.Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    for name in ("cuda", "cuda:3"):
        result = run("--device", name, "a", status=1)
        (line,) = result.stderr.decode().splitlines()
        assert line.startswith("nncomp: ") and "cuda" in line.lower()
        assert not (tmp_path / "a.nnc").exists()
    for call in (nncomp.compress, nncomp.decompress):
        with pytest.raises(NNCompError, match=r"device|needs"):
            call(b"", device="cuda")
    run("--device", "auto", "a")


@pytest.mark.torch
def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "count", lambda: 2)
    pytest.importorskip("triton")
    engine.check("cuda:1")
    with pytest.raises(NNCompError, match="they are 0 to 1"):
        engine.check("cuda:2")
    with pytest.raises(ValueError, match="unknown device"):
        engine.check("cuda:")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NNCompError, match="needs torch: pip install torch triton"):
        engine.check("cuda")


def test_auto_wants_enough_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNCOMP_ENGINE", raising=False)
    gpu, limit = object(), engine.LANES_PER_THREAD

    def use(get: Callable[[int], Any]) -> None:
        """Instead of the module, which imports torch."""
        monkeypatch.setattr(cuda, "engine", types.SimpleNamespace(get=get), raising=False)

    monkeypatch.setattr(device, "count", lambda: 1)
    use(lambda number: gpu)
    assert engine.get("auto", limit, 1) is gpu and engine.get("auto", 4 * limit, 4) is gpu
    assert engine.get("auto", limit - 1, 1) is native and engine.get("auto", limit, 2) is native
    assert engine.get("cpu", 100 * limit, 1) is native

    def broken(number: int) -> None:
        raise NNCompError("this torch has no CUDA")

    use(broken)
    assert engine.get("auto", limit, 1) is native, "silently"
    monkeypatch.setattr(device, "count", lambda: 0)
    assert engine.get("auto", limit, 1) is native


@no_gpu
def test_the_check_says_that_there_is_no_gpu(tmp_path: Path) -> None:
    tool = Path(__file__).parents[1] / "tools" / "gpu_check.py"
    command = [sys.executable, str(tool), "--out", str(tmp_path / "table")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("gpu-check: ")


def test_torch_is_for_a_gpu_only() -> None:
    code = """
import nncomp, sys
data = b"some text, and some more text, " * 40
for device in ("auto", "cpu"):
    assert nncomp.decompress(nncomp.compress(data, device=device), device=device) == data
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not {b"torch", b"triton"} & set(result.stdout.split())


class StandIn:
    """An engine with ``blocks`` blocks in flight, which is native and sees who calls."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.most = 0  # calls at the same time
        self._calls = 0
        self._changed = threading.Condition()

    def blocks_in_flight(self, model: Model, mixing: Mixing | None, size: int, lanes: int) -> int:
        return self.blocks

    def _meet(self) -> None:
        """Waits a while for others, as a batch does."""
        with self._changed:
            self._calls += 1
            self.most = max(self.most, self._calls)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.blocks, timeout=0.3)
            self._calls -= 1

    def encode_block(self, model: Model | None, *args: Any, **options: Any) -> list[bytes]:
        assert model is not None
        self._meet()
        return native.encode_block(model, *args, **options)

    def decode_block(
        self, model: Model | None, payloads: Sequence[bytes], *args: Any, **options: Any
    ) -> bytes:
        assert model is not None
        self._meet()
        return native.decode_block(model, payloads, *args, **options)

    def frequencies(self, model: Model, data: bytes) -> np.ndarray:
        return native.frequencies(model, data)


@pytest.mark.slow
def test_a_gpu_has_many_blocks_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than threads; blocks without network stay on the CPU; the bytes are the same."""
    model = models.chain_model("chain")
    parts = [models.chained(4096, i + 1) for i in range(8)]
    parts[3] = bytes(range(256)) * 15 + models.text(256)  # the network does not know this
    data = b"".join(parts)
    options: dict[str, Any] = {"model": model, "block_size": 4096, "threads": 2}
    expected = nncomp.compress(data, 5, device="cpu", **options)
    kinds = nncomp.get_frame_info(expected).blocks
    assert kinds["network+mix"] >= 6 and len(kinds) > 1
    monkeypatch.setattr(engine, "check", lambda device: None)
    for blocks, least in ((5, 3), (1, 1)):  # of the 5, some may need no network
        gpu = StandIn(blocks)
        assert isinstance(gpu, engine.ManyBlocks)
        monkeypatch.setattr(
            engine, "get", lambda name, *rest, gpu=gpu: native if name == "cpu" else gpu
        )
        assert nncomp.compress(data, 5, device="cuda", **options) == expected
        assert 1 <= gpu.most <= blocks
        gpu.most = 0
        assert nncomp.decompress(expected, model=model, device="cuda", threads=2) == data
        assert least <= gpu.most <= blocks


def test_lanes_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``auto`` is told: the lanes of all blocks of the content, where its size is known."""
    asked: list[tuple[int, int]] = []

    def get(device: str, lanes: int = 0, threads: int = 1) -> Any:
        if device == "auto":
            asked.append((lanes, threads))
        return native

    monkeypatch.setattr(engine, "get", get)
    model = models.chain_model("chain")
    data = models.chained(2 * 4096 + 1030)
    lane_size = levels.get(5).block_size // levels.get(5).full_lanes(levels.get(5).block_size)
    assert lane_size > 4096, "a block of 4096 bytes has one lane"
    packed = nncomp.compress(data, model=model, block_size=4096, threads=3)
    assert asked == [(3, 3)]
    asked.clear()
    nncomp.decompress(packed, model=model)
    assert asked == [(0, 1)], "a stream's size is not known"


# On a GPU


@pytest.fixture
def gpu() -> engine.Engine:
    if device.count() == 0:
        pytest.skip("there is no GPU")
    return engine.get("cuda")


CodeBlock = Callable[[Model, bytes, int, Mixing], None]


@pytest.fixture
def both_ways(gpu: engine.Engine) -> CodeBlock:
    """Checks that a block's payloads are native's, and decode to it."""

    def check(model: Model, data: bytes, lanes: int, mixing: Mixing) -> None:
        expected = native.encode_block(model, data, lanes, mixing, threads=4)
        assert gpu.encode_block(model, data, lanes, mixing) == expected
        assert gpu.decode_block(model, expected, len(data), mixing) == data

    return check


@pytest.mark.gpu
@pytest.mark.parametrize("name", list(mixing_tests.MIXINGS))
def test_mixings_on_a_gpu(both_ways: CodeBlock, name: str) -> None:
    both_ways(models.tiny(), mixing_tests.some_of_all(5000), 3, mixing_tests.MIXINGS[name])


@pytest.mark.gpu
@pytest.mark.parametrize("lanes", [1, 2, 16, 31, 32, 33, 64, 65, 127, 128])
def test_lanes_on_a_gpu(both_ways: CodeBlock, lanes: int) -> None:
    data = models.text(300) * lanes + b"end"
    both_ways(models.natural(models.MIXED), data, lanes, Mixing(Profile.RICH))


@pytest.mark.gpu
@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_extremes_on_a_gpu(gpu: engine.Engine, name: str) -> None:
    for config in (models.TINY, models.MIXED, models.WIDE_WINDOW, models.WIDE_HEAD):
        model = models.EXTREMES[name](config)
        data = models.text(1100) + models.noise(100)
        assert np.array_equal(gpu.frequencies(model, data), native.frequencies(model, data))
    model = models.EXTREMES[name](models.TINY)
    data = models.text(500)
    payloads = native.encode_block(model, data, 5, Mixing(Profile.LEAN))
    assert gpu.encode_block(model, data, 5, Mixing(Profile.LEAN)) == payloads
    assert gpu.decode_block(model, payloads, len(data), Mixing(Profile.LEAN)) == data


@pytest.mark.gpu
@pytest.mark.parametrize("seed", range(12))
def test_random_shapes_on_a_gpu(both_ways: CodeBlock, seed: int) -> None:
    model, data = models.natural(models.random_config(seed)), models.text(2000, seed + 1)
    both_ways(model, data, 9, Mixing(Profile.RICH))


@pytest.mark.gpu
def test_largest_dimensions_on_a_gpu(gpu: engine.Engine) -> None:
    model = models.natural(models.pairs(2048, 32, 128, 8192, (1024,), ()))
    data = models.text(1100)
    assert np.array_equal(gpu.frequencies(model, data), native.frequencies(model, data))


@pytest.mark.gpu
def test_damage_on_a_gpu(gpu: engine.Engine) -> None:
    model, data = models.tiny(), models.text(4000)
    payloads = native.encode_block(model, data, 5, Mixing(Profile.RICH))
    for bad, message in (
        (payloads[4] + b"\0", "lane 4 has bytes left over"),
        (b"\xff" * 40, "lane 4 has a malformed payload"),
        (payloads[4][:20], "lane 4 ends too early"),
    ):
        with pytest.raises(FormatError, match=message):
            gpu.decode_block(model, [*payloads[:4], bad], len(data), Mixing(Profile.RICH))


@pytest.mark.gpu
@pytest.mark.parametrize("level", range(levels.MIN_LEVEL, levels.MAX_LEVEL + 1))
def test_levels_on_a_gpu(gpu: engine.Engine, level: int) -> None:
    """What this package consists of, with the released models: both ways, across devices."""
    paths = sorted(Path(nncomp.__file__).parent.rglob("*.?[yp]*"))
    data = b"".join(p.read_bytes() for p in paths if p.suffix in (".py", ".hpp", ".cpp"))
    assert len(data) > 200_000
    options: dict[str, Any] = {"level": level, "block_size": 1 << 14}
    packed = nncomp.compress(data, device="cpu", threads=16, **options)
    assert nncomp.get_frame_info(packed).blocks["network+mix"] > 1
    assert nncomp.compress(data, device="cuda", threads=16, **options) == packed
    assert nncomp.decompress(packed, device="cuda", threads=16) == data
