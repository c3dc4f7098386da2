"""Runs the GPU's form of the adaptive stage on the CPU, with a fiber for each thread."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from nncomp.engine import native
from nncomp.engine.cuda import device
from nncomp.engine.cuda.batch import Batch, Request
from nncomp.engine.cuda.network import DISTRIBUTION, Network, padded_lanes
from nncomp.model import Model

HERE = Path(__file__).parent


class EmulatedProgram:
    """``device.Program`` with a library built from device.cpp. Every launch runs its threads in
    another order."""

    def __init__(self, library: Path, threads: int = 256) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.launch.restype = ctypes.c_bool
        self.threads = threads  # threads of a block, instead of those that a launch asks for
        self.launches = 0

    def make_current(self) -> None:
        pass

    def launch(self, name: str, grid: int, threads: int, stream: int, *values: int) -> None:
        typed, places = device.arguments(name, values)
        self.launches += 1
        found = self._library.launch(
            name.encode(), grid, threads if name == "finish" else self.threads,
            ctypes.c_uint64(self.launches), places,
        )  # fmt: skip
        assert found
        del typed


def build(folder: Path) -> Path:
    """Compile the library into ``folder``; skip the test where there is no g++."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ here")
    library = folder / "device.so"
    command = [compiler, "-std=c++20", "-O1", "-fPIC", "-shared", "-Wno-unknown-pragmas"]
    command.append("-U_FORTIFY_SOURCE")  # its checks abort at jumps between stacks
    sources = ["-I", str(device.SOURCES), str(HERE / "device.cpp")]
    subprocess.run([*command, *sources, "-o", str(library)], check=True)
    return library


class ForeseenRun:
    """Replaces ``network.Run``: hands out what the native engine has computed before."""

    known: dict[int, bytes] = {}  # noqa: RUF012 - [0]: the batch's bytes, set by ``code``

    def __init__(self, network: Network, data: torch.Tensor, start: np.ndarray, steps: int) -> None:
        self.steps, self.count, self.lanes = steps, len(start), padded_lanes(len(start), steps)
        self.time = torch.zeros(self.lanes, dtype=torch.int32)
        self.distributions = torch.zeros((self.lanes * steps, DISTRIBUTION // 4), dtype=torch.int32)
        units = network.model.config.units
        self.activations = torch.zeros((self.lanes * steps, units), dtype=torch.int8)
        everything = ForeseenRun.known[0]
        ends = [*start[1:].tolist(), len(everything)]
        pieces = [everything[a:b] for a, b in zip(start.tolist(), ends, strict=True)]
        self._frequencies = [native.frequencies(network.model, piece) for piece in pieces]
        self._activations = [native.activations(network.model, piece) for piece in pieces]

    def forward(self) -> None:
        out = self.distributions.numpy().reshape(self.lanes, self.steps, -1)
        out[:] = 1
        units = self.activations.numpy().reshape(self.lanes, self.steps, -1)
        for lane, found in enumerate(self._frequencies):
            t = int(self.time[lane])
            w = found[t : t + self.steps]
            units[lane, : len(w)] = self._activations[lane][t : t + self.steps].astype(int) - 128
            out[lane, : len(w), :256] = w.view(np.int32)
            sums = w.reshape(len(w), 16, 16).sum(axis=2, dtype=np.int64)
            out[lane, : len(w), 256:] = sums.view(np.int32)


def code(
    program: device.Program, requests: list[Request], contents: list[bytes], model: Model
) -> None:
    """Run a batch of ``requests``, whose blocks are ``contents``."""
    ForeseenRun.known[0] = b"".join(contents)
    network = Network(model, torch.device("cpu"))
    Batch(network, program, requests).run(lambda: None)
