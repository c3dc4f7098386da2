"""A numcodecs codec, for zarr format 2 and other formats that store chunks with numcodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from nncomp import api
from nncomp.integrations import options

if TYPE_CHECKING:
    from typing_extensions import Self

    from nncomp.options import PrimeLike
    from nncomp.prime import Prime

__all__ = ["NNComp"]


class NNComp(Codec):
    """Stores each chunk as an nncomp frame.

    ``level``, ``model``, the name of a model, and ``prime`` are those of ``nncomp.compress``.
    Decoding needs neither level nor model, so an array's stored configuration is accepted even if
    that model is not installed. The prime is stored with the array.
    """

    codec_id = "nncomp"
    prime: Prime | None = None

    def __init__(
        self,
        level: int | None = None,
        model: str | None = None,
        prime: PrimeLike | str | None = None,
    ) -> None:
        self.level, self.model = options.check(level, model)
        self._take(prime)
        options.find(model)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        codec = cls.__new__(cls)
        given = dict(config)
        codec._take(given.pop("prime", None))
        codec.level, codec.model = options.check(**given)
        return codec

    def _take(self, prime: PrimeLike | str | None) -> None:
        """Set the attribute ``prime`` only if there is one: a codec's repr shows all attributes."""
        if prime is not None:
            self.prime = options.check_prime(prime)

    def get_config(self) -> dict[str, Any]:
        config = {"id": self.codec_id, "level": self.level, "model": self.model}
        return config if self.prime is None else {**config, "prime": options.written(self.prime)}

    def encode(self, buf: Any) -> bytes:
        """Compress a contiguous buffer to a frame. Raises ``TypeError`` for one of objects."""
        content = ensure_contiguous_ndarray(buf)
        return api.compress(content, self.level, model=self.model, prime=self.prime)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decompress a chunk; returns its bytes, or ``out`` filled with them.

        ``out`` is a contiguous buffer of the same size, not of objects. Raises ``TypeError`` or
        ``ValueError`` for others.
        """
        if out is not None:
            out = ensure_contiguous_ndarray(out)
        packed = ensure_contiguous_ndarray(buf)
        content = api.decompress(packed, model=self.model, prime=self.prime)
        return ndarray_copy(content, out)
