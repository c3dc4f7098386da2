"""The network's Triton kernels: compiled for a GPU, and run by Triton's interpreter.

Neither needs a GPU. The interpreter is chosen by an environment variable before triton is first
imported, so what runs in it (``emulated/interpreted.py``) has a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="the CUDA engine needs triton")

import torch
import triton

import models
from nncomp.engine.cuda import embedding, kernels, layers, network
from nncomp.model import Model, ModelConfig

HERE = Path(__file__).parent
SMALL = models.pairs(192, 4, 32, 512, (64, 512), ((2, 13, 32, 0), (4, 14, 32, 64)))
LARGE = models.pairs(2048, 32, 128, 8192, (1024,), ((6, 8, 2048, 0),))


def run_interpreted(*arguments: str) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    file = str(HERE / "emulated" / "interpreted.py")
    result = subprocess.run(
        [*command, file, *arguments], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-1000:]


def test_interpreted() -> None:
    run_interpreted("-m", "not slow")


@pytest.mark.slow
def test_interpreted_at_length() -> None:
    run_interpreted("-m", "slow")


class Recorder:
    """In place of a kernel: keeps what it would be launched with."""

    def __init__(self, kernel: object, launches: list[tuple[object, tuple, tuple, dict]]) -> None:
        self._kernel, self._launches = kernel, launches

    def __getitem__(self, grid: tuple[int, ...]) -> object:
        def launch(*values: object, **options: object) -> None:
            self._launches.append((self._kernel, grid, values, options))

        return launch


def launches_of(
    model: Model, lanes: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[object, tuple, tuple, dict]]:
    """Every different launch of a step."""
    import numpy as np

    launches: list[tuple[object, tuple, tuple, dict]] = []
    for module in (
        kernels,
        embedding,
        *(sys.modules[kind.__module__] for kind in layers.LAYERS.values()),
    ):
        for name in module.__all__:
            if isinstance(getattr(module, name), triton.JITFunction):
                recorder = Recorder(getattr(module, name), launches)
                monkeypatch.setattr(module, name, recorder)
    data = torch.zeros(steps, dtype=torch.uint8)
    run = network.Run(
        network.Network(model, torch.device("cpu")), data, np.zeros(lanes, np.int64), steps
    )
    run.forward()
    different = {(id(k), tuple(sorted(o.items()))): (k, g, v, o) for k, g, v, o in launches}
    return list(different.values())


POINTERS = {torch.int8: "*i8", torch.uint8: "*u8", torch.int32: "*i32", torch.int64: "*i64"}


def shapes() -> list[object]:
    """(configuration, lanes, steps, capability); one of them is quick."""
    cases = {
        "small": (SMALL, 192, 1, 90),
        "small-80": (SMALL, 192, 1, 80),
        "small-chunk": (SMALL, 64, 64, 90),
        "tiny": (models.TINY, 3, 1, 90),
        "mixed-chunk": (models.MIXED, 5, 64, 90),
        "contextual-chunk": (models.CONTEXTUAL, 5, 64, 90),
        "large": (LARGE, 17, 1, 90),
    }
    return [
        pytest.param(*case, id=name, marks=[] if name == "small" else [pytest.mark.slow])
        for name, case in cases.items()
    ]


@pytest.mark.parametrize(("config", "lanes", "steps", "capability"), shapes())
def test_they_compile_for_devices(
    config: ModelConfig, lanes: int, steps: int, capability: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a launch would compile fits into registers and shared memory."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    if os.environ.get("TRITON_INTERPRET") == "1":
        pytest.skip("the interpreter compiles nothing")
    model = models.natural(config)
    for kernel, _, values, options in launches_of(model, lanes, steps, monkeypatch):
        options = dict(options)
        launch = {"num_warps": options.pop("num_warps", 4)}
        names = kernel.arg_names  # type: ignore[attr-defined]
        assert len(values) + len(options) == len(names)
        signature = dict.fromkeys(names, "constexpr")
        attributes = {}
        for i, (name, value) in enumerate(zip(names, values, strict=False)):
            assert isinstance(value, torch.Tensor) and value.data_ptr() % 16 == 0
            signature[name] = POINTERS[value.dtype]
            attributes[(i,)] = [["tt.divisibility", 16]]
        constants = {(names.index(name),): value for name, value in options.items()}
        source = ASTSource(kernel, signature, constants, attributes)
        target = GPUTarget("cuda", capability, 32)
        compiled = triton.compile(source, target=target, options=launch)
        assert compiled.metadata.shared <= (227 if capability >= 90 else 163) << 10
        ptx = compiled.asm["ptx"]
        assert not any(f".f{bits}" in ptx for bits in (16, 32, 64)), "no floating point"
        if kernel.__name__ not in ("embed", "follow"):  # type: ignore[attr-defined]
            assert "mma" in ptx, "products are for tensor cores"
