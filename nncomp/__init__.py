"""nncomp: lossless compression with a small integer transformer.

The names below are the public API. Functions are imported on first use, so that what needs none of
them, like ``nncomp --version``, starts at once.
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
)

if TYPE_CHECKING:
    from nncomp.codec import compress, decompress

__all__ = [
    "ChecksumError",
    "FormatError",
    "MemoryLimitError",
    "ModelError",
    "ModelNotFoundError",
    "NNCompError",
    "__version__",
    "compress",
    "decompress",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("compress", "decompress"):
        from nncomp import codec

        return getattr(codec, name)
    raise AttributeError(f"module 'nncomp' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
