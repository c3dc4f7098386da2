"""nncomp: lossless compression with a small integer transformer.

The names below are the public API; ``docs/api.md`` shows them at work. All but the errors are
imported on first use, so that a program that needs none of them, like ``nncomp --version``, starts
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncomp.errors import (
    ChecksumError,
    FormatError,
    MemoryLimitError,
    ModelError,
    ModelNotFoundError,
    NNCompError,
    PrimeError,
    SizeLimitError,
    TruncatedError,
)

if TYPE_CHECKING:
    from nncomp import integrations
    from nncomp.api import compress, decompress
    from nncomp.counting import costs
    from nncomp.file import NNCompFile, open
    from nncomp.generation import generate
    from nncomp.incremental import NNCompressor, NNDecompressor
    from nncomp.info import FrameInfo, get_frame_info
    from nncomp.prime import Prime

__all__ = [
    "ChecksumError",
    "FormatError",
    "FrameInfo",
    "MemoryLimitError",
    "ModelError",
    "ModelNotFoundError",
    "NNCompError",
    "NNCompFile",
    "NNCompressor",
    "NNDecompressor",
    "Prime",
    "PrimeError",
    "SizeLimitError",
    "TruncatedError",
    "__version__",
    "compress",
    "costs",
    "decompress",
    "generate",
    "get_frame_info",
    "integrations",
    "open",
]

__version__ = "0.1.0"

_MODULES = {
    "FrameInfo": "info",
    "NNCompFile": "file",
    "NNCompressor": "incremental",
    "NNDecompressor": "incremental",
    "Prime": "prime",
    "compress": "api",
    "costs": "counting",
    "decompress": "api",
    "generate": "generation",
    "get_frame_info": "info",
    "open": "file",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "integrations":
        return import_module("nncomp.integrations")
    if name not in _MODULES:
        raise AttributeError(f"module 'nncomp' has no attribute '{name}'")
    return getattr(import_module(f"nncomp.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
