"""The stage and the coder on a GPU: compiles csrc/device/stage.cu with NVRTC and launches it.

NVRTC comes with torch's CUDA packages, so no compiler has to be installed. Everything goes through
ctypes; this module imports neither torch nor triton. ``BLOCK`` and ``SEAT`` have the layouts of the
structures of the same names in stage.cu.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import glob
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nncomp import _native
from nncomp.errors import NNCompError

__all__ = ["BLOCK", "SEAT", "STATUS", "Program", "StageProgram", "count", "load_driver", "tables"]

SOURCES = Path(__file__).parents[2] / "csrc"
THREADS = 256  # threads of a thread block: at least MAX_LANES, and a multiple of the warp's 32

BLOCK = np.dtype(
    [("stage", "u8"), ("data", "u8"), ("tables", "u8"), ("size", "u4"), ("first", "u4")]
    + [(name, "u4") for name in ("lanes", "family", "period", "stride", "units", "pad")]
)
SEAT = np.dtype(
    [
        *(("start", "u4"), ("size", "u4"), ("room", "u8")),
        *(("low", "u8"), ("range", "u4"), ("pad", "u4"), ("out", "u8"), ("out_size", "u8")),
        *(("code", "u4"), ("in_range", "u4"), ("in", "u8"), ("in_size", "u8"), ("position", "u8")),
        *(("status", "u4"), ("found", "u4")),
    ]
)
# Errors of a lane's payload. 0 means none; 5, that it does not fit into its memory, is none either:
# the block is coded elsewhere.
STATUS = {
    1: "has a malformed payload",
    2: "ends too early",
    3: "has bytes left over",
    4: "has a payload but no bytes",
}

_KERNELS = {  # argument types of each kernel
    "begin": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32),
    "code": (*[ctypes.c_void_p] * 5, ctypes.c_uint32, ctypes.c_uint32),
    "finish": (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32),
}
# NVRTC has no standard library; this defines what the sources use of it.
_STANDARD = b"""#pragma once
using int8_t = signed char; using int16_t = short; using int32_t = int; using int64_t = long long;
using uint8_t = unsigned char; using uint16_t = unsigned short; using uint32_t = unsigned int;
using uint64_t = unsigned long long; using size_t = decltype(sizeof 0);
"""


class Program(Protocol):
    """The compiled kernels of stage.cu, on a GPU or, in tests, a substitute for one."""

    def make_current(self) -> None:
        """Select the device for the calling thread, before it launches anything."""

    def launch(self, name: str, grid: int, threads: int, stream: int, *values: int) -> None:
        """Start a kernel on a stream with ``grid`` thread blocks of ``threads`` threads; ``values``
        are its arguments, addresses and numbers."""


def arguments(name: str, values: tuple[int, ...]) -> tuple[Any, Any]:
    """Return (a kernel's arguments as ctypes, the array of their addresses for
    ``cuLaunchKernel``). The first must live as long as the second is used."""
    typed = [kind(value) for kind, value in zip(_KERNELS[name], values, strict=True)]
    places = (ctypes.c_void_p * len(typed))(*[ctypes.addressof(value) for value in typed])
    return typed, places


def tables() -> npt.NDArray[np.uint8]:
    """The bytes of the structure Tables of csrc/stage/tables.hpp: (bytes,) uint8."""
    stretch, squash, following, start, reciprocal, *rates = _native.mixing_tables()
    tables = (stretch, squash, following, reciprocal, start, *rates)
    return np.frombuffer(b"".join(tables), np.uint8)


def count() -> int:
    """The number of CUDA devices, asked of the driver without torch; 0 without a driver."""
    try:
        driver = load_driver()
    except (OSError, NNCompError):
        return 0
    found = ctypes.c_int()
    return found.value if driver.cuDeviceGetCount(ctypes.byref(found)) == 0 else 0


class StageProgram:
    """A ``Program`` on the CUDA device number ``device``."""

    def __init__(self, device: int) -> None:
        self._driver = load_driver()
        handle, self._context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(handle), device)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), handle)  # torch's, too
        self.make_current()
        capability = []
        for attribute in (75, 76):  # compute capability, major and minor
            value = ctypes.c_int()
            self._call("cuDeviceGetAttribute", ctypes.byref(value), attribute, handle)
            capability.append(value.value)
        image = _cached_cubin("sm_{}{}".format(*capability))
        module = ctypes.c_void_p()
        self._call("cuModuleLoadData", ctypes.byref(module), image)
        self._functions = {}
        for name in _KERNELS:
            self._functions[name] = function = ctypes.c_void_p()
            self._call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())

    def make_current(self) -> None:
        """Make the device's context current for the calling thread, which begins with none."""
        self._call("cuCtxSetCurrent", self._context)

    def launch(self, name: str, grid: int, threads: int, stream: int, *values: int) -> None:
        typed, places = arguments(name, values)
        self._call(
            "cuLaunchKernel", self._functions[name], *(grid, 1, 1), *(threads, 1, 1), 0,
            ctypes.c_void_p(stream), places, None,
        )  # fmt: skip
        del typed  # kept until here because ``places`` points into it

    def _call(self, name: str, *args: Any) -> None:
        _check(getattr(self._driver, name)(*args), name)


def _check(result: int, name: str) -> None:
    if result != 0:
        raise NNCompError(f"the CUDA device failed: {name} returned {result}")


@functools.cache
def load_driver() -> ctypes.CDLL:
    """Load CUDA's driver. Raises ``OSError`` where there is none, ``NNCompError`` if it fails."""
    driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    _check(driver.cuInit(0), "cuInit")
    return driver


def _nvrtc() -> ctypes.CDLL:
    """Load NVRTC from torch's packages or an installed toolkit. Raises ``NNCompError``."""
    places = [os.path.join(p, "nvidia", "*", "lib") for p in sys.path]
    places += [os.path.join(p, "torch", "lib") for p in sys.path]
    places += ["/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu"]
    for place in places:
        for path in sorted(glob.glob(os.path.join(place, "libnvrtc.so.*"))):
            # NVRTC opens a second library by name, which it finds only if that is already loaded.
            for helper in glob.glob(os.path.join(os.path.dirname(path), "libnvrtc-builtins.so.*")):
                if ".alt." not in helper:
                    ctypes.CDLL(helper, ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(path)
    raise NNCompError("device cuda needs NVRTC, which comes with torch for CUDA")


def compile_cubin(architecture: str) -> bytes:
    """Compile stage.cu to machine code for an architecture such as ``sm_90``. Raises
    ``NNCompError``."""
    nvrtc = _nvrtc()
    program = ctypes.c_void_p()
    headers = (ctypes.c_char_p * 2)(_STANDARD, _STANDARD)
    names = (ctypes.c_char_p * 2)(b"cstdint", b"cstddef")
    source = (SOURCES / "device" / "stage.cu").read_bytes()
    options = [
        "--std=c++20",
        "--device-as-default-execution-space",  # so that headers need not say it
        f"--gpu-architecture={architecture}",
        f"--include-path={SOURCES}",
    ]
    encoded = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source, b"stage.cu", 2, headers, names
    )
    _check(created, "nvrtcCreateProgram")
    size = ctypes.c_size_t()
    try:
        if nvrtc.nvrtcCompileProgram(program, len(options), encoded) != 0:
            nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            nvrtc.nvrtcGetProgramLog(program, log)
            first = next(iter(log.value.decode(errors="replace").splitlines()), "no reason given")
            raise NNCompError(f"NVRTC cannot compile the adaptive stage: {first}")
        _check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)), "nvrtcGetCUBINSize")
        code = ctypes.create_string_buffer(size.value)
        _check(nvrtc.nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN")
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _cached_cubin(architecture: str) -> bytes:
    """Compile stage.cu, or read it from a cache on disk, since compiling takes ten seconds. The key
    is a digest of everything that the result depends on."""
    import hashlib

    digest = hashlib.blake2b(_STANDARD + architecture.encode(), digest_size=16)
    for path in sorted([*SOURCES.rglob("*.hpp"), SOURCES / "device" / "stage.cu"]):
        digest.update(path.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    kept = Path(home, "nncomp", f"{digest.hexdigest()}.cubin")
    try:
        return kept.read_bytes()
    except OSError:
        code = compile_cubin(architecture)
    with contextlib.suppress(OSError):  # without a cache it is compiled again next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
            try:
                file.write(code)
                file.close()
                os.replace(file.name, kept)
            except OSError:
                os.unlink(file.name)
    return code
