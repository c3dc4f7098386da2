"""nncomp as ``compression.zstd``: a level above nncomp's highest is that one.

Options and dictionaries, which nncomp has not, are given to zstd, so that wrong ones are refused
before a test gets to what nncomp does. After that they are forgotten.
"""

from __future__ import annotations

from typing import Any

from compression import zstd
from compression.zstd import *  # noqa: F403

import nncomp
from nncomp import levels

ZstdError = nncomp.NNCompError


def _for_writing(level: Any, options: Any, zstd_dict: Any) -> dict[str, Any]:
    zstd.ZstdCompressor(options=options, zstd_dict=zstd_dict)
    if type(level) is int and level > levels.MAX_LEVEL:
        level = levels.MAX_LEVEL
    return {"level": level, "model": "none"}


def _for_files(mode: Any, level: Any, options: Any, zstd_dict: Any) -> dict[str, Any]:
    if "r" not in mode:
        return _for_writing(level, options, zstd_dict)
    zstd.ZstdDecompressor(zstd_dict, options)
    return {"level": level}


class ZstdCompressor(nncomp.NNCompressor):
    CONTINUE, FLUSH_BLOCK, FLUSH_FRAME = range(3)

    def __init__(self, level: Any = None, options: Any = None, zstd_dict: Any = None) -> None:
        self._more = _for_writing(level, options, zstd_dict)
        super().__init__(**self._more)

    def compress(self, data: Any, mode: int = CONTINUE) -> bytes:
        output = super().compress(data)
        return output + self.flush() if mode == self.FLUSH_FRAME else output

    def flush(self, mode: int = FLUSH_FRAME) -> bytes:
        output = super().flush()
        super().__init__(**self._more)
        return output


class ZstdDecompressor(nncomp.NNDecompressor):
    def __init__(self, zstd_dict: Any = None, options: Any = None) -> None:
        zstd.ZstdDecompressor(zstd_dict, options)
        super().__init__()


class ZstdFile(nncomp.NNCompFile):
    FLUSH_BLOCK, FLUSH_FRAME = ZstdCompressor.FLUSH_BLOCK, ZstdCompressor.FLUSH_FRAME

    def __init__(
        self,
        file: Any,
        /,
        mode: Any = "r",
        *,
        level: Any = None,
        options: Any = None,
        zstd_dict: Any = None,
    ) -> None:
        super().__init__(file, mode, **_for_files(mode, level, options, zstd_dict))

    @property
    def _fp(self) -> Any:
        return self._file


def open(
    file: Any,
    /,
    mode: Any = "rb",
    *,
    level: Any = None,
    options: Any = None,
    zstd_dict: Any = None,
    **text: Any,
) -> Any:
    return nncomp.open(file, mode, **_for_files(mode, level, options, zstd_dict), **text)


def compress(data: Any, level: Any = None, options: Any = None, zstd_dict: Any = None) -> bytes:
    return nncomp.compress(data, **_for_writing(level, options, zstd_dict))


def decompress(data: Any, zstd_dict: Any = None, options: Any = None) -> bytes:
    zstd.ZstdDecompressor(zstd_dict, options)
    return nncomp.decompress(data)
