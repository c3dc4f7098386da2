"""Runs the native engine for ARM64 in qemu, built by a cross compiler.

This needs no Python for ARM64: ``engine.cpp`` answers requests on a pipe, and ``Engine`` sends them
and has the functions that every engine has.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pytest

from nncomp.errors import FormatError
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.prime import Prime

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CSRC = ROOT / "nncomp" / "csrc"
COMPILER, QEMU = "aarch64-linux-gnu-g++", "qemu-aarch64"
LIBRARIES = "/usr/aarch64-linux-gnu"  # where Debian's cross compiler has the C library

# Kernels, fastest first, and for each a CPU that has the features it needs and few more.
KERNELS = {"dotprod": "neoverse-n1", "neon": "cortex-a72", "portable": "cortex-a72"}


def build() -> Path:
    """Build the program with the project's CMakeLists.txt; skip the test where tools are missing.

    It stays in ``build/``, so that the next time only what has changed is compiled.
    """
    folder = ROOT / "build" / "arm64"
    for tool in (COMPILER, QEMU, "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here")
    settings = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_CXX_COMPILER": COMPILER,
        "Python_EXECUTABLE": sys.executable,
        "Python_INCLUDE_DIR": sysconfig.get_paths()["include"],
        "STRICT": "ON",
    }
    defines = [f"-D{name}={value}" for name, value in settings.items()]
    run("cmake", "-S", ROOT, "-B", folder, *defines)
    run("cmake", "--build", folder, "--target", "core", "--parallel", 2)
    program = folder / "engine"
    source = [HERE / "engine.cpp", "-I", CSRC, folder / "libcore.a"]
    run(COMPILER, "-std=c++20", "-O1", "-Wall", "-Wextra", "-pthread", *source, "-o", program)
    return program


def build_counter(folder: Path) -> Path:
    """Build the plugin for qemu that counts instructions; skip the test without a C compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc here")
    plugin = folder / "count.so"
    run(compiler, "-O1", "-fPIC", "-shared", HERE / "count.c", "-o", plugin)
    return plugin


def run(*command: str | Path | int) -> None:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def emulated(program: Path, *arguments: str, cpu: str, plugin: Path | None = None) -> list[str]:
    """The command that runs a program in qemu on the CPU ``cpu``."""
    counting = ["-plugin", str(plugin), "-d", "plugin"] if plugin else []
    return [QEMU, "-L", LIBRARIES, "-cpu", cpu, *counting, str(program), *arguments]


def kernels(program: Path, cpu: str) -> dict[str, bool]:
    """The kernels of the build, fastest first, and whether the CPU can run them."""
    command = emulated(program, cpu=cpu)
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: runs == "1" for name, runs in map(str.split, out.splitlines())}


class Engine:
    """``nncomp.engine.Engine`` for ARM64 with one kernel. With the plugin, ``executed`` is the
    number of instructions after ``close``."""

    def __init__(self, program: Path, kernel: str, plugin: Path | None = None) -> None:
        self._log: IO[str] = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            emulated(program, kernel, cpu=KERNELS[kernel], plugin=plugin),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._networks: dict[bytes, int] = {}
        self.executed = 0

    def close(self) -> None:
        self._process.communicate()
        self._log.seek(0)
        log = self._log.read()
        self._log.close()
        if counted := re.search(r"executed (\d+)", log):
            self.executed = int(counted[1])
        assert self._process.returncode == 0, log

    def encode_block(
        self,
        model: Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
        prime: Prime | None = None,
    ) -> list[bytes]:
        if not data:
            return [b""] * lanes
        numbers = (self._network(model), *mixing.numbers, lanes, threads)
        joined = self._ask("E", *numbers, data, known(prime))
        payloads = []
        while joined:
            (size,) = struct.unpack_from("<I", joined)
            payloads.append(joined[4 : 4 + size])
            joined = joined[4 + size :]
        return payloads

    def decode_block(
        self,
        model: Model | None,
        payloads: Sequence[bytes],
        size: int,
        mixing: Mixing,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
        prime: Prime | None = None,
    ) -> bytes:
        numbers = (self._network(model), *mixing.numbers, threads, size)
        return self._ask("D", *numbers, list(payloads), known(prime))

    def frequencies(self, model: Model, data: bytes) -> npt.NDArray[np.uint32]:
        out = self._ask("F", self._network(model), data)
        return np.frombuffer(out, "<u4").reshape(-1, 256)

    def bit_probabilities(self, data: bytes, mixing: Mixing) -> npt.NDArray[np.uint32]:
        out = self._ask("P", *mixing.numbers, data)
        return np.frombuffer(out, "<u4").reshape(-1, 8)

    def _network(self, model: Model | None) -> int:
        """The number of a model in the program, which is sent if it is new. 0: no model."""
        if model is None:
            return 0
        if model.id not in self._networks:
            c = model.config
            layers = [(layer.kind.encode(), list(layer.numbers)) for layer in c.layers]
            tensors = [
                (name.encode(), ord(t.dtype.kind), t.itemsize, list(t.shape), t.tobytes())
                for name, t in model.tensors.items()
            ]
            tables = [(table.context.encode(), *table.entry[1:]) for table in c.tables]
            (number,) = struct.unpack("<I", self._ask("N", c.d_model, layers, tables, tensors))
            self._networks[model.id] = number
        return self._networks[model.id]

    def _ask(self, operation: str, *values: Any) -> bytes:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None and back is not None
        to.write(packed((ord(operation), *values)))
        to.flush()
        status, size = struct.unpack("<II", back.read(8))
        result = back.read(size)
        if status:
            raise (FormatError if status == 1 else ValueError)(result.decode())
        return result


def known(prime: Prime | None) -> bytes:
    return b"" if prime is None else prime.data


def packed(value: int | bytes | Iterable[Any]) -> bytes:
    """The bytes of a request: numbers as uint32, bytes and lists with their length before them, and
    tuples without."""
    if isinstance(value, int):
        return struct.pack("<I", value)
    if isinstance(value, bytes):
        return packed(len(value)) + value
    items = b"".join(packed(v) for v in value)
    return packed(len(value)) + items if isinstance(value, list) else items
