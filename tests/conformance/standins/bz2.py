"""nncomp as ``bz2``: a compresslevel is a level."""

from __future__ import annotations

from typing import Any

import nncomp
from nncomp import NNDecompressor as BZ2Decompressor
from nncomp import decompress

__all__ = ["BZ2Compressor", "BZ2Decompressor", "BZ2File", "compress", "decompress", "open"]


class BZ2Compressor(nncomp.NNCompressor):
    def __init__(self, compresslevel: Any = 9, /) -> None:
        super().__init__(compresslevel, model="none")


class BZ2File(nncomp.NNCompFile):
    def __init__(self, filename: Any, mode: Any = "r", *, compresslevel: Any = 9) -> None:
        super().__init__(filename, mode, **_level(mode, compresslevel))

    @property
    def _fp(self) -> Any:
        return self._file


def open(filename: Any, mode: Any = "rb", compresslevel: Any = 9, **text: Any) -> Any:
    return nncomp.open(filename, mode, **_level(mode, compresslevel), **text)


def compress(data: Any, compresslevel: Any = 9) -> bytes:
    return nncomp.compress(data, compresslevel, model="none")


def _level(mode: str, compresslevel: Any) -> dict[str, Any]:
    return {} if "r" in mode else {"level": compresslevel, "model": "none"}
