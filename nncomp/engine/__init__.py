"""Engines: interchangeable programs for the arithmetic of ``docs/numerics.md``.

An engine is a module, or an object, with a few functions: ``encode_block``, ``decode_block`` and,
for tests, ``frequencies``; those of the CPU have ``cost_rows``, too. A block is coded by the
adaptive stage (``mixing``), alone or together with the network (``model``). ``get`` is the one
place where an engine is chosen; all engines give the same bytes. Nothing here imports torch unless
a GPU is to be used.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from nncomp import arguments
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
"""Powers to which odds are raised are in units of 1/2^16."""

PLAIN, MAX_POWER = 1 << POWER_BITS, 1 << POWER_BITS + 8
"""The power 1, which changes nothing, and the largest power, 2^8, in these units."""

_ENGINES = ("native", "reference")


class Engine(Protocol):
    """The interface of every engine."""

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
        """Code a block in ``lanes`` lanes; returns one payload each. Without a model, one lane.

        ``progress`` is called with the bytes done since the last call, and may raise to abort. If
        there is a ``prime``, which engines of the CPU support, it is read before each lane.
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
        """The network's frequencies of the 256 bytes before each byte of ``data``, coded in one
        lane: (len(data), 256) uint32."""


class Counting(Engine, Protocol):
    """An engine of the CPU, which can also compute the cost of each byte."""

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
        """The cost of each byte if coded in one lane, in 1/2^24 of a bit: (len(data), columns).

        There is one column, or with ``bits`` eight, highest bit first. ``split`` adds as many for
        the costs with the network alone, if there is one; and one that says whether matches
        predicted the byte: 0 no match, 1 the longest match was wrong, 2 it was right.
        """

    def Primed(self, known: bytes, room: int, mixing: Mixing) -> Primed:
        """The stage after reading ``known``, as in a block of ``room`` > len(known) bytes."""


class Primed(Protocol):
    """The adaptive stage alone, after reading some bytes."""

    def costs(self, data: bytes) -> npt.NDArray[np.uint32]:
        """The cost of each byte after those read so far, in 1/2^24 of a bit: (len(data),)."""

    def read(self, data: bytes) -> npt.NDArray[np.uint32]:
        """Read ``data`` on; returns its costs as ``costs`` does. There must be room for at least
        one byte more."""


class Encoding(Protocol):
    """A block that is being encoded step by step. Between calls its memory is held, but no thread
    is at work."""

    def encode(
        self, steps: int, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> None:
        """Encode until ``steps`` bytes of each lane are done; with a network a multiple of 128."""

    @property
    def size(self) -> int:
        """Size of all payloads so far, in bytes."""

    def finish(
        self, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> list[bytes]:
        """Encode to the end, and return the payloads."""


class Decoding(Protocol):
    """A block that is being decoded step by step. Between calls its memory is held, but no thread
    is at work."""

    def decode(self, steps: int, *, progress: Callable[[int], Any] | None = None) -> None:
        """Decode until ``steps`` bytes of each lane are done. Raises ``FormatError``."""

    def part(self, start: int, size: int) -> bytes:
        """``size`` bytes from ``start`` on; those not decoded yet may have any value."""

    def finish(self, *, progress: Callable[[int], Any] | None = None) -> bytes:
        """Decode to the end, and return all bytes. Raises ``FormatError``."""


@runtime_checkable
class InSteps(Engine, Protocol):
    """An engine that can code a block's beginning before the rest, and caches primed states."""

    def start_encoding(
        self,
        model: Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing,
        prime: Prime | None = None,
    ) -> Encoding:
        """Prepare to encode a block, with the arguments of ``encode_block``; ``data`` is not
        empty."""

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
        """Prepare to decode a block, with the arguments of ``decode_block``. With one lane and no
        prime, its first bytes may be ``known``, fewer than ``size``; the payload then codes only
        the rest. The odds of each bit are raised to the power ``power``/2^16, 1..``MAX_POWER``.
        Raises ``FormatError``."""

    def primed_memory(self, prime: Prime) -> int:
        """Upper bound in bytes of the states of ``prime`` that are cached."""

    def keep_primed(self, prime: Prime, most: int) -> None:
        """Drop cached states of ``prime``, the least lately used first, until the others take at
        most ``most`` bytes."""


@runtime_checkable
class ManyBlocks(Engine, Protocol):
    """An engine that is fast only if many threads call it at the same time."""

    def blocks_in_flight(self, model: Model, mixing: Mixing, size: int, lanes: int) -> int:
        """How many blocks of ``size`` bytes in ``lanes`` lanes fit into the device's memory, at
        least 1."""


COST_UNIT = 2.0**-24
"""The unit of ``cost_rows``, in bits."""

LANES_PER_THREAD = 64
"""From so many lanes for each CPU thread on, a GPU is faster than the CPU.

On an H100 a step of 192 lanes took 270 µs, and a core of the same machine 20 µs a byte: it breaks
even at some 14 lanes a thread (docs/performance.md, with an earlier version). This is more than
four times that, for GPUs that are slower and CPUs that are faster.
"""


def check(device: str) -> None:
    """Raise ``NNCompError`` unless ``device`` is auto, cpu, or a CUDA device that is there, and
    ``TypeError`` or ``ValueError`` for what names no device anywhere."""
    if arguments.device(device) in ("auto", "cpu"):
        return
    for package in ("torch", "triton"):
        if importlib.util.find_spec(package) is None:
            raise NNCompError(f"device cuda needs {package}: pip install torch triton")
    count = _cuda_devices()
    if count == 0:
        raise NNCompError("there is no CUDA device")
    number = _number(device)
    if number >= count:
        raise NNCompError(f"there is no CUDA device {number}: they are 0 to {count - 1}")


def get(device: str = "auto", lanes: int = 0, threads: int = 1) -> Engine:
    """The engine for a device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    ``auto`` is a GPU if there is one and so many ``lanes`` wait to be coded together that it is
    faster than ``threads`` CPU threads. Raises ``NNCompError`` for a device that is not there. The
    environment variable ``NNCOMP_ENGINE`` (``native`` or ``reference``) chooses the engine of the
    CPU; it is for tests and changes speed only.
    """
    check(device)
    if device == "auto" and lanes >= LANES_PER_THREAD * threads and _cuda_devices() > 0:
        with contextlib.suppress(NNCompError, ImportError):
            return _cuda(0)
    if device.startswith("cuda"):
        return _cuda(_number(device))
    name = os.environ.get("NNCOMP_ENGINE") or "native"
    if name not in _ENGINES:
        raise NNCompError(f"NNCOMP_ENGINE={name}: use one of {', '.join(_ENGINES)}")
    return cast(Engine, importlib.import_module(f"nncomp.engine.{name}"))


def counting() -> Counting:
    """The CPU's engine, as one that can compute costs."""
    return cast(Counting, get("cpu"))


def in_steps() -> InSteps:
    """The CPU's engine if it codes step by step, else the native one."""
    cpu = get("cpu")
    if isinstance(cpu, InSteps):
        return cpu
    return cast(InSteps, importlib.import_module("nncomp.engine.native"))


def _number(device: str) -> int:
    """Of cuda or cuda:N."""
    return int(device.partition(":")[2] or 0)


def _cuda(number: int) -> Engine:
    from nncomp.engine.cuda import engine

    return engine.get(number)


def _cuda_devices() -> int:
    from nncomp.engine.cuda import device

    return device.count()
