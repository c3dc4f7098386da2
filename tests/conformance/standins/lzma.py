"""nncomp as ``lzma``: a preset is a level.

Formats, checks and filters, which nncomp has not, are given to lzma, so that wrong ones are refused
before a test gets to what nncomp does. After that they are forgotten: data of every format is a
frame, and its check is nncomp's.
"""

from __future__ import annotations

import lzma
from lzma import *  # noqa: F403
from typing import Any

import nncomp

LZMAError = nncomp.NNCompError
CHECK_NONE = CHECK_CRC32 = CHECK_CRC64 = CHECK_SHA256 = lzma.CHECK_CRC64


def _for_writing(
    format: Any = lzma.FORMAT_XZ, check: Any = -1, preset: Any = None, filters: Any = None
) -> dict[str, Any]:
    known = None if preset is None else lzma.PRESET_DEFAULT
    try:
        lzma.LZMACompressor(format, check, known, filters)
    except lzma.LZMAError as error:
        raise LZMAError(error) from None
    return {"level": preset, "model": "none"}


def _for_reading(
    format: Any = lzma.FORMAT_AUTO, memlimit: Any = None, filters: Any = None
) -> dict[str, Any]:
    lzma.LZMADecompressor(format, memlimit, filters)
    return {} if memlimit is None else {"memory_limit": memlimit}


def _for_files(mode: str, format: Any, check: Any, preset: Any, filters: Any) -> dict[str, Any]:
    if "r" not in mode:
        return _for_writing(lzma.FORMAT_XZ if format is None else format, check, preset, filters)
    if check != -1:
        raise ValueError("a check is for writing")
    _for_reading(lzma.FORMAT_AUTO if format is None else format, filters=filters)
    return {"level": preset}


class LZMACompressor(nncomp.NNCompressor):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(**_for_writing(*args, **more))


class LZMADecompressor(nncomp.NNDecompressor):
    check = lzma.CHECK_CRC64

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(**_for_reading(*args, **more))


class LZMAFile(nncomp.NNCompFile):
    def __init__(
        self,
        filename: Any = None,
        mode: Any = "r",
        *,
        format: Any = None,
        check: Any = -1,
        preset: Any = None,
        filters: Any = None,
    ) -> None:
        super().__init__(filename, mode, **_for_files(mode, format, check, preset, filters))

    @property
    def _fp(self) -> Any:
        return self._file


def open(
    filename: Any,
    mode: str = "rb",
    *,
    format: Any = None,
    check: Any = -1,
    preset: Any = None,
    filters: Any = None,
    **text: Any,
) -> Any:
    return nncomp.open(filename, mode, **_for_files(mode, format, check, preset, filters), **text)


def compress(data: Any, *args: Any, **more: Any) -> bytes:
    return nncomp.compress(data, **_for_writing(*args, **more))


def decompress(data: Any, *args: Any, **more: Any) -> bytes:
    return nncomp.decompress(data, **_for_reading(*args, **more))
