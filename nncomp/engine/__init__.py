"""Engines: interchangeable programs for the arithmetic of ``docs/numerics.md``.

An engine is a module, or an object, of a few functions: ``encode_block``, ``decode_block`` and, for
tests, ``frequencies``; those of the CPU have ``byte_costs``, too. A block is coded by the adaptive
stage (``mixing``), alone or together with the network (``model``). ``get`` is the one place where
an engine is chosen; whichever it is, the bytes are the same. Nothing here imports torch before a
GPU is to be used.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from nncomp.errors import NNCompError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nncomp.mixing import Mixing
    from nncomp.model import Model
    from nncomp.prime import Prime

__all__ = [
    "COST_UNIT",
    "LANES_PER_THREAD",
    "MAX_POWER",
    "PLAIN",
    "POWER_BITS",
    "Counting",
    "Decoding",
    "Encoding",
    "Engine",
    "InSteps",
    "ManyBlocks",
    "Primed",
    "check",
    "counting",
    "get",
    "in_steps",
]

POWER_BITS = 16
"""A power, to which odds are raised, is in 1/2^16."""

PLAIN, MAX_POWER = 1 << POWER_BITS, 1 << POWER_BITS + 8
"""The power that changes nothing, and the largest."""

_ENGINES = ("native", "reference")


class Engine(Protocol):
    """What every engine module provides."""

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
        """Code a block as ``lanes`` pieces; returns one payload each. Without model: one piece.

        ``progress`` is called with the bytes done since, and may raise to abort. Each piece begins
        behind the ``prime``, if there is one, which engines of the CPU take.
        """

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
        """The inverse of ``encode_block``; raises ``FormatError``."""

    def frequencies(self, model: Model, data: bytes) -> npt.NDArray[np.uint32]:
        """The frequencies before each byte of ``data``, one lane: (len(data), 256) uint32."""


class Counting(Engine, Protocol):
    """An engine of the CPU, which can tell what each byte costs."""

    def byte_costs(
        self,
        model: Model | None,
        data: bytes,
        mixing: Mixing,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> npt.NDArray[np.uint32]:
        """What each byte takes of a payload of one lane, in 1/2^24 of a bit: (len(data),)."""

    def cost_rows(
        self,
        model: Model | None,
        data: bytes,
        mixing: Mixing,
        *,
        split: bool = False,
        bits: bool = False,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> npt.NDArray[np.uint32]:
        """What each byte takes of a payload of one lane, in 1/2^24 of a bit: (len(data), columns).

        That is one number, or with ``bits`` eight, highest bit first. With ``split``, as many more
        for what the network alone would take, if there is one; and whether matches foretold the
        byte: 0 where there was none, 1 where the longest was wrong, 2 where it was right.
        """

    def Primed(self, known: bytes, room: int, mixing: Mixing) -> Primed:
        """The stage when it has read ``known``, for blocks of ``room`` bytes, which are more."""


class Primed(Protocol):
    """The adaptive stage alone when it has read something."""

    def costs(self, data: bytes) -> npt.NDArray[np.uint32]:
        """What each byte costs behind what is known, in 1/2^24 of a bit: (len(data),)."""

    def read(self, data: bytes) -> npt.NDArray[np.uint32]:
        """The same; from then on ``data`` is known. There must be room for more."""


class Encoding(Protocol):
    """A block on its way to payloads. What it takes is held until it ends; no thread is."""

    def encode(
        self, steps: int, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> None:
        """Go on until so many bytes of each lane are coded; with a network a multiple of 128."""

    @property
    def size(self) -> int:
        """Bytes of all payloads so far."""

    def finish(
        self, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> list[bytes]:
        """Go on to the end; the payloads."""


class Decoding(Protocol):
    """A block on its way out, likewise."""

    def decode(self, steps: int, *, progress: Callable[[int], Any] | None = None) -> None:
        """Go on until ``steps`` bytes of each lane are there. Raises ``FormatError``."""

    def part(self, start: int, size: int) -> bytes:
        """``size`` bytes from ``start`` on; what is not there yet may be anything."""

    def finish(self, *, progress: Callable[[int], Any] | None = None) -> bytes:
        """Go on to the end; all of the bytes. Raises ``FormatError``."""


@runtime_checkable
class InSteps(Engine, Protocol):
    """An engine that can code the beginning of a block before the rest."""

    def start_encoding(
        self,
        model: Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing,
        prime: Prime | None = None,
    ) -> Encoding:
        """As ``encode_block``, but nothing is encoded yet; ``data`` is not empty."""

    def start_decoding(
        self,
        model: Model | None,
        payloads: Sequence[bytes],
        size: int,
        mixing: Mixing,
        threads: int,
        known: bytes = b"",
        power: int = PLAIN,
        prime: Prime | None = None,
    ) -> Decoding:
        """As ``decode_block``, but nothing is decoded yet. With one lane and no prime, its first
        bytes may be ``known``, fewer than ``size``: the payload has the rest. The odds of each bit
        are raised to the power of ``power``/2^16, 1..``MAX_POWER``. Raises ``FormatError``."""


@runtime_checkable
class ManyBlocks(Engine, Protocol):
    """An engine that is fast only if many threads call it at the same time."""

    def blocks_in_flight(self, model: Model, mixing: Mixing, size: int, lanes: int) -> int:
        """How many blocks of ``size`` bytes in ``lanes`` lanes fit into its memory; at least 1."""


COST_UNIT = 2.0**-24
"""Bits that 1 is in what ``byte_costs`` gives."""

LANES_PER_THREAD = 64
"""From so many lanes a thread on, a GPU beats the CPU.

On an H100 a step of 192 lanes took 270 µs, and a core of the same machine 20 µs a byte: it breaks
even at some 14 lanes a thread (docs/performance.md, with an earlier version). This is more than
four times that, for GPUs that are slower and CPUs that are faster.
"""


def check(device: str) -> None:
    """Raise ``NNCompError`` unless ``device`` is auto, cpu, or a CUDA device that is there, and
    ``TypeError`` or ``ValueError`` for what names no device anywhere."""
    if not isinstance(device, str):
        raise TypeError(f"device must be a string, not {type(device).__name__}")
    if device in ("auto", "cpu"):
        return
    match = re.fullmatch(r"cuda(?::([0-9]{1,3}))?", device)
    if match is None:
        raise ValueError(f"unknown device {device!r}: use auto, cpu, cuda or cuda:N")
    for package in ("torch", "triton"):
        if importlib.util.find_spec(package) is None:
            raise NNCompError(f"device cuda needs {package}: pip install torch triton")
    count = _cuda_devices()
    if count == 0:
        raise NNCompError("there is no CUDA device")
    if int(match[1] or 0) >= count:
        raise NNCompError(f"there is no CUDA device {match[1]}: they are 0 to {count - 1}")


def get(device: str = "auto", lanes: int = 0, threads: int = 1) -> Engine:
    """The engine for a device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    With ``auto`` it is a GPU's if there is one and ``lanes``, which wait to be coded together, are
    enough to beat ``threads`` threads. Raises ``NNCompError`` for a device that is not there. The
    environment variable ``NNCOMP_ENGINE`` (``native`` or ``reference``) overrides the choice on the
    CPU: a means for tests, as it changes speed only.
    """
    check(device)
    if device == "auto" and lanes >= LANES_PER_THREAD * threads and _cuda_devices() > 0:
        with contextlib.suppress(NNCompError, ImportError):
            return _cuda(0)
    if device.startswith("cuda"):
        return _cuda(int(device.partition(":")[2] or 0))
    name = os.environ.get("NNCOMP_ENGINE") or "native"
    if name not in _ENGINES:
        raise NNCompError(f"NNCOMP_ENGINE={name}: use one of {', '.join(_ENGINES)}")
    return cast(Engine, importlib.import_module(f"nncomp.engine.{name}"))


def counting() -> Counting:
    """The CPU's engine."""
    return cast(Counting, get("cpu"))


def in_steps(cpu: Engine) -> InSteps:
    """The CPU's engine where it codes step by step, or the native one."""
    if isinstance(cpu, InSteps):
        return cpu
    return cast(InSteps, importlib.import_module("nncomp.engine.native"))


def _cuda(number: int) -> Engine:
    from nncomp.engine.cuda import engine

    return engine.get(number)


def _cuda_devices() -> int:
    from nncomp.engine.cuda import device

    return device.count()
