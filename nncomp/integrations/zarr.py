"""A codec for zarr format 3. Format 2 uses that of ``nncomp.integrations.numcodecs``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import BytesBytesCodec

from nncomp import api, levels
from nncomp.integrations import options
from nncomp.prime import Prime

if TYPE_CHECKING:
    from typing_extensions import Self
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

    from nncomp.options import PrimeLike

__all__ = ["NNCompCodec"]


@dataclass(frozen=True)
class NNCompCodec(BytesBytesCodec):
    """Stores each chunk as an nncomp frame: ``zarr.create_array(…, compressors=NNCompCodec())``.

    ``level``, ``model``, the name of a model, and ``prime`` are those of ``nncomp.compress``.
    Decoding needs neither level nor model, so an array's stored configuration is accepted even if
    that model is not installed. The prime is stored with the array.
    """

    is_fixed_size = False

    level: int = levels.DEFAULT_LEVEL
    model: str | None = None
    prime: PrimeLike | str | None = None  # a Prime or None once the codec is made

    def __post_init__(self) -> None:
        self._set(*options.check(self.level, self.model), options.check_prime(self.prime))
        options.find(self.model)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        codec = cls.__new__(cls)
        given = dict(data.get("configuration", {}))
        prime = options.check_prime(given.pop("prime", None))
        codec._set(*options.check(**given), prime)
        return codec

    def to_dict(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {"level": self.level}
        if self.model is not None:
            configuration["model"] = self.model
        if isinstance(self.prime, Prime):
            configuration["prime"] = options.written(self.prime)
        return {"name": "nncomp", "configuration": configuration}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError  # the size depends on the content

    # zarr calls one pair or the other, depending on its version and its pipeline.

    def _encode_sync(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = api.compress(chunk.to_bytes(), self.level, model=self.model, prime=self._prime)
        return spec.prototype.buffer.from_bytes(data)

    def _decode_sync(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = api.decompress(chunk.to_bytes(), model=self.model, prime=self._prime)
        return spec.prototype.buffer.from_bytes(data)

    async def _encode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk, spec)

    async def _decode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk, spec)

    @property
    def _prime(self) -> Prime | None:
        return self.prime if isinstance(self.prime, Prime) else None

    def _set(self, level: int, model: str | None, prime: Prime | None) -> None:
        object.__setattr__(self, "level", level)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "prime", prime)
