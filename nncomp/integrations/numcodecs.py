"""A numcodecs codec, for zarr format 2 and whatever else stores chunks with numcodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from nncomp import api
from nncomp.integrations import options

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NNComp"]


class NNComp(Codec):
    """Stores each chunk as an nncomp frame.

    ``level`` and ``model``, the name of a model, are those of ``nncomp.compress``. Decoding needs
    neither of them, so what was stored with an array is taken whether there is that model or not.
    """

    codec_id = "nncomp"

    def __init__(self, level: int | None = None, model: str | None = None) -> None:
        self.level, self.model = options.check(level, model)
        options.find(model)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        codec = cls.__new__(cls)
        codec.level, codec.model = options.check(**config)
        return codec

    def encode(self, buf: Any) -> bytes:
        """The frame for any contiguous buffer but one of objects, which is a ``TypeError``."""
        return api.compress(ensure_contiguous_ndarray(buf), self.level, model=self.model)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The bytes of a chunk, or ``out`` filled with them.

        ``out`` is any contiguous buffer of their size, but not one of objects. Raises ``TypeError``
        or ``ValueError`` for others.
        """
        if out is not None:
            out = ensure_contiguous_ndarray(out)
        content = api.decompress(ensure_contiguous_ndarray(buf), model=self.model)
        return ndarray_copy(content, out)
