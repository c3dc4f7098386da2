"""The stage and the coder on a device: csrc/device/stage.cu, compiled by NVRTC and launched.

NVRTC comes with torch's CUDA packages, so no compiler has to be installed. Everything goes through
ctypes; this module imports neither torch nor triton. ``BLOCK`` and ``SEAT`` are the structures that
the kernels take, field by field.
"""

from __future__ import annotations

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
THREADS = 256  # of a thread block: MAX_LANES or more, a multiple of the warp's 32

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
STATUS = {  # what is wrong with a lane's payload; 0 is nothing
    1: "has a malformed payload",
    2: "ends too early",
    3: "has bytes left over",
    4: "has a payload but no bytes",
}
NO_ROOM = 5  # the payload grew beyond what was reserved: not an error of anybody

_KERNELS = {  # name → types of the arguments
    "begin": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32),
    "code": (*[ctypes.c_void_p] * 5, ctypes.c_uint32, ctypes.c_uint32),
    "finish": (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32),
}
# NVRTC has no standard library; this is what the sources use of it.
_STANDARD = b"""#pragma once
using int8_t = signed char; using int16_t = short; using int32_t = int; using int64_t = long long;
using uint8_t = unsigned char; using uint16_t = unsigned short; using uint32_t = unsigned int;
using uint64_t = unsigned long long; using size_t = decltype(sizeof 0);
"""


class Program(Protocol):
    """The kernels of stage.cu, compiled for something that runs them."""

    def make_current(self) -> None:
        """Before the calling thread launches anything."""

    def launch(self, name: str, grid: int, threads: int, stream: int, *values: int) -> None:
        """Start a kernel on a stream: ``grid`` blocks of ``threads``; addresses and numbers."""


def arguments(name: str, values: tuple[int, ...]) -> tuple[Any, Any]:
    """The values of a kernel's arguments, and their addresses, as ``cuLaunchKernel`` takes them."""
    typed = [kind(value) for kind, value in zip(_KERNELS[name], values, strict=True)]
    places = (ctypes.c_void_p * len(typed))(*[ctypes.addressof(value) for value in typed])
    return typed, places


def tables() -> npt.NDArray[np.uint8]:
    """stage/tables.hpp's Tables, as bytes."""
    stretch, squash, following, start, reciprocal, *rates = _native.mixing_tables()
    tables = (stretch, squash, following, reciprocal, start, *rates)
    return np.frombuffer(b"".join(tables), np.uint8)


def count() -> int:
    """How many CUDA devices there are, by the driver alone; 0 without a driver."""
    try:
        driver = load_driver()
    except (OSError, NNCompError):
        return 0
    found = ctypes.c_int()
    return found.value if driver.cuDeviceGetCount(ctypes.byref(found)) == 0 else 0


class StageProgram:
    """``Program`` on the CUDA device of that number."""

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
        """A thread has no context of its own accord."""
        self._call("cuCtxSetCurrent", self._context)

    def launch(self, name: str, grid: int, threads: int, stream: int, *values: int) -> None:
        typed, places = arguments(name, values)
        self._call(
            "cuLaunchKernel", self._functions[name], *(grid, 1, 1), *(threads, 1, 1), 0,
            ctypes.c_void_p(stream), places, None,
        )  # fmt: skip
        del typed  # it had to live until now

    def _call(self, name: str, *args: Any) -> None:
        _check(getattr(self._driver, name)(*args), name)


def _check(result: int, name: str) -> None:
    if result != 0:
        raise NNCompError(f"the CUDA device failed: {name} returned {result}")


@functools.cache
def load_driver() -> ctypes.CDLL:
    """CUDA's driver. Raises ``OSError`` where there is none, ``NNCompError`` for its errors."""
    driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    _check(driver.cuInit(0), "cuInit")
    return driver


def _nvrtc() -> ctypes.CDLL:
    """NVRTC, of torch's packages or of an installed toolkit. Raises ``NNCompError``."""
    places = [os.path.join(p, "nvidia", "*", "lib") for p in sys.path]
    places += [os.path.join(p, "torch", "lib") for p in sys.path]
    places += ["/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu"]
    for place in places:
        for path in sorted(glob.glob(os.path.join(place, "libnvrtc.so.*"))):
            # It opens a second library by its name, which is found once it is loaded.
            for helper in glob.glob(os.path.join(os.path.dirname(path), "libnvrtc-builtins.so.*")):
                if ".alt." not in helper:
                    ctypes.CDLL(helper, ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(path)
    raise NNCompError("device cuda needs NVRTC, which comes with torch for CUDA")


def compile_cubin(architecture: str) -> bytes:
    """Machine code of stage.cu for ``sm_90`` and the like. Raises ``NNCompError``."""
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
    """Compiling takes ten seconds, so its result is kept, under a digest of all that enters."""
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
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
            file.write(code)
        os.replace(file.name, kept)
    except OSError:
        pass  # it will take its time again
    return code
