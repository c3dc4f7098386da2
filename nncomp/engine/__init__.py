"""Engines: interchangeable programs for the arithmetic of ``docs/numerics.md``.

An engine is a module of three functions: ``encode_block``, ``decode_block`` and, for tests,
``weights``. A block is coded by the network (``model``), by the adaptive stage (``mixing``), or by
both together; at least one of the two is given. ``get`` is the one place where an engine is chosen;
whichever it is, the bytes are the same. Nothing here imports torch.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from nncomp.errors import NNCompError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nncomp.mixing import Mixing
    from nncomp.model import Model

__all__ = ["Engine", "get"]

_ENGINES = ("native", "reference")


class Engine(Protocol):
    """What every engine module provides."""

    def encode_block(
        self,
        model: Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing | None = None,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> list[bytes]:
        """Code a block as ``lanes`` pieces; returns one payload each. Without model: one piece.

        ``progress`` is called with the bytes done since, and may raise to abort.
        """

    def decode_block(
        self,
        model: Model | None,
        payloads: Sequence[bytes],
        size: int,
        mixing: Mixing | None = None,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> bytes:
        """The inverse of ``encode_block``; raises ``FormatError``."""

    def weights(self, model: Model, data: bytes) -> npt.NDArray[np.uint32]:
        """The weights before each byte of ``data``, one lane: (len(data), 256) uint32."""


def get(device: str = "auto") -> Engine:
    """The engine for a device: ``auto`` or ``cpu``; others raise ``NNCompError``.

    The environment variable ``NNCOMP_ENGINE`` (``native`` or ``reference``) overrides the choice
    on the CPU: a means for tests, as it changes speed only.
    """
    if device == "cuda" or device.startswith("cuda:"):
        raise NNCompError("device cuda needs nncomp[torch] and an engine this version lacks")
    if device not in ("auto", "cpu"):
        raise NNCompError(f"unknown device {device!r}: use auto or cpu")
    name = os.environ.get("NNCOMP_ENGINE") or "native"
    if name not in _ENGINES:
        raise NNCompError(f"NNCOMP_ENGINE={name}: use one of {', '.join(_ENGINES)}")
    return cast(Engine, importlib.import_module(f"nncomp.engine.{name}"))
