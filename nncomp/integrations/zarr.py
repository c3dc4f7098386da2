"""A codec for zarr format 3. Format 2 takes the one of ``nncomp.integrations.numcodecs``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import BytesBytesCodec

from nncomp import codec, levels

if TYPE_CHECKING:
    from typing_extensions import Self
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

__all__ = ["NNCompCodec"]


@dataclass(frozen=True)
class NNCompCodec(BytesBytesCodec):
    """Stores each chunk as an nncomp frame: ``zarr.create_array(…, compressors=NNCompCodec())``.

    ``level`` and ``model``, the name of a model, are those of ``nncomp.compress``. Decoding needs
    neither of them.
    """

    is_fixed_size = False

    level: int = levels.DEFAULT_LEVEL
    model: str | None = None

    def __post_init__(self) -> None:
        levels.get(self.level)  # raises for what is out of range

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {"level": self.level}
        if self.model is not None:
            configuration["model"] = self.model
        return {"name": "nncomp", "configuration": configuration}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError  # the size depends on the content

    async def _encode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = await asyncio.to_thread(
            codec.compress, chunk.to_bytes(), self.level, model=self.model
        )
        return spec.prototype.buffer.from_bytes(data)

    async def _decode_single(self, chunk: Buffer, spec: ArraySpec) -> Buffer:
        data = await asyncio.to_thread(codec.decompress, chunk.to_bytes(), model=self.model)
        return spec.prototype.buffer.from_bytes(data)
