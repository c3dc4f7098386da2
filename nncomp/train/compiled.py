"""Attention on a CPU in C++: ``compiled.cpp``, compiled for this machine when it is first needed.

torch moves each score through memory six times in a step; here scores stay in the L1 cache. Without
a compiler, ``functions.attend`` does the same in torch, at a third of the speed.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_SOURCE = Path(__file__).with_suffix(".cpp")
_COMPILERS = "c++", "g++", "clang++"
_OPTIONS = "-std=c++17 -O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC".split()
_WIDTHS = 32, 64  # widths of heads that are supported
_BLOCK = 32  # positions of a block; sequences must be multiples of it


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled library; None if compiling, which takes two seconds, fails."""
    found = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if found is None or os.name != "posix":
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "compiled.so")
            command = [found, *_OPTIONS, str(_SOURCE), "-o", str(place)]
            subprocess.run(command, check=True, capture_output=True)
            loaded = ctypes.CDLL(str(place))
    except (OSError, subprocess.CalledProcessError):
        return None
    shape, pointer = [ctypes.c_int] * 4 + [ctypes.c_int64], ctypes.c_void_p
    loaded.attend.argtypes = [*shape, ctypes.c_int, *[pointer] * 7]
    loaded.attend_gradient.argtypes = [*shape, ctypes.c_int, *[pointer] * 11]
    loaded.attend.restype = loaded.attend_gradient.restype = None
    return loaded


def can_attend(q: Tensor) -> bool:
    """Whether ``attend`` supports queries like ``q``, (B, T, H, h)."""
    fits = q.shape[1] % _BLOCK == 0 and q.shape[-1] in _WIDTHS
    plain = q.device.type == "cpu" and q.dtype is torch.float32
    return fits and plain and library() is not None


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, gain: Tensor, rounded: bool) -> Tensor:
    """Attention of queries (B, T, H, h) to keys and values (B, T, h); returns (B, T, H, h).

    A query sees the last W positions; ``bias`` is (H, W), by distance. ``gain`` and ``rounded`` are
    as in ``functions.attend``.
    """
    y: Tensor = _Attend.apply(q, k, v, bias, gain, rounded)
    return y


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, gain: Tensor, rounded: bool
    ) -> Tensor:
        q, bias = q.contiguous(), bias.contiguous()
        mean, (top, share) = torch.empty_like(q), q.new_empty(2, *q.shape[:-1])
        _call("attend", _shape(q, k, v, bias), rounded, bias, q, k, v, mean, top, share)
        ctx.save_for_backward(q, k, v, bias, gain, mean, top, share)
        ctx.rounded = rounded
        y = mean * gain
        return y.round_().clamp_(-127, 127) if rounded else y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias, gain, mean, top, share = ctx.saved_tensors
        if ctx.rounded:
            g = g.masked_fill((mean * gain).abs() >= 127.5, 0.0)
        g_gain = (g * mean).sum() if ctx.needs_input_grad[4] else None
        g = g * (share[..., None] * gain)
        along = torch.linalg.vecdot(g, mean)
        g_q, g_k, g_v = torch.empty_like(q), q.new_zeros(k.shape), q.new_zeros(v.shape)
        g_bias = q.new_empty(len(q), *bias.shape)
        arrays = (q, k, v, g, along, top, g_q, g_k, g_v, g_bias)
        _call("attend_gradient", _shape(q, k, v, bias), ctx.rounded, bias, *arrays)
        octave = math.log(2)
        return g_q.mul_(octave), g_k.mul_(octave), g_v, g_bias.sum(0).mul_(octave), g_gain, None


def _shape(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[int, ...]:
    """(T, H, h, W, stride of keys and values), as the library's functions take them."""
    assert k.stride(1) == v.stride(1) and k.stride(2) == v.stride(2) == 1
    return (*q.shape[1:], bias.shape[1], k.stride(1))


def _call(name: str, shape: tuple[int, ...], rounded: bool, bias: Tensor, *arrays: Tensor) -> None:
    """Call a function of the library for every row of a batch, on torch's number of threads."""
    function: Callable[..., None] = getattr(library(), name)

    def row(b: int) -> None:
        places = (x.data_ptr() + b * x.stride(0) * x.element_size() for x in arrays)
        function(*shape, rounded, bias.data_ptr(), *places)

    rows, threads = range(len(arrays[0])), torch.get_num_threads()
    if threads == 1:
        for b in rows:
            row(b)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(row, rows))
