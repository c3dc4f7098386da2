"""A codec for zarr format 3. Format 2 takes the one of ``nncomp.integrations.numcodecs``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import BytesBytesCodec

from nncomp import api, levels
from nncomp.integrations import options

if TYPE_CHECKING:
    from typing_extensions import Self
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

__all__ = ["NNCompCodec"]


@dataclass(frozen=True)
class NNCompCodec(BytesBytesCodec):
    """Stores each chunk as an nncomp frame: ``zarr.create_array(…, compressors=NNCompCodec())``.

    ``level`` and ``model``, the name of a model, are those of ``nncomp.compress``. Decoding needs
    neither of them, so what was stored with an array is taken whether there is that model or not.
    """

    is_fixed_size = False

    level: int = levels.DEFAULT_LEVEL
    model: str | None = None

    def __post_init__(self) -> None:
        self._set(*options.check(self.level, self.model))
        options.find(self.model)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        codec = cls.__new__(cls)
        codec._set(*options.check(**data.get("configuration", {})))
        return codec

    def to_dict(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {"level": self.level}
        if self.model is not None:
            configuration["model"] = self.model
        return {"name": "nncomp", "configuration": configuration}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError  # the size depends on the content

    # zarr calls one pair or the other, depending on its version and its pipeline.

    def _encode_sync(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = api.compress(chunk.to_bytes(), self.level, model=self.model)
        return spec.prototype.buffer.from_bytes(data)

    def _decode_sync(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = api.decompress(chunk.to_bytes(), model=self.model)
        return spec.prototype.buffer.from_bytes(data)

    async def _encode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk, spec)

    async def _decode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk, spec)

    def _set(self, level: int, model: str | None) -> None:
        object.__setattr__(self, "level", level)
        object.__setattr__(self, "model", model)
