"""A numcodecs codec, for zarr format 2 and whatever else stores chunks with numcodecs."""

from __future__ import annotations

from typing import Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from nncomp import codec, levels

__all__ = ["NNComp"]


class NNComp(Codec):
    """Stores each chunk as an nncomp frame.

    ``level`` and ``model``, the name of a model, are those of ``nncomp.compress``. Decoding needs
    neither of them.
    """

    codec_id = "nncomp"

    def __init__(self, level: int = levels.DEFAULT_LEVEL, model: str | None = None) -> None:
        levels.get(level)  # raises for what is out of range
        self.level = level
        self.model = model

    def encode(self, buf: Any) -> bytes:
        """The frame for any contiguous buffer."""
        return codec.compress(ensure_contiguous_ndarray(buf), self.level, model=self.model)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The bytes of a chunk, or ``out`` filled with them: it must have their size."""
        content = codec.decompress(ensure_contiguous_ndarray(buf), model=self.model)
        return ndarray_copy(content, out)
