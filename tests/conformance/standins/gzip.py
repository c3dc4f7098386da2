"""nncomp as ``gzip``: a compresslevel is a level, and a time is forgotten."""

from __future__ import annotations

from typing import Any

import nncomp
from nncomp import FormatError as BadGzipFile
from nncomp import decompress

__all__ = ["READ", "WRITE", "BadGzipFile", "GzipFile", "compress", "decompress", "open"]

READ, WRITE = "rb", "wb"


class GzipFile(nncomp.NNCompFile):
    def __init__(
        self,
        filename: Any = None,
        mode: Any = None,
        compresslevel: Any = 9,
        fileobj: Any = None,
        mtime: Any = None,
    ) -> None:
        file = filename if fileobj is None else fileobj
        mode = mode or "rb"
        super().__init__(file, mode, **_level(mode, compresslevel))

    @property
    def fileobj(self) -> Any:
        return self._file

    myfileobj = fileobj


def open(filename: Any, mode: Any = "rb", compresslevel: Any = 9, **text: Any) -> Any:
    return nncomp.open(filename, mode, **_level(mode, compresslevel), **text)


def compress(data: Any, compresslevel: Any = 9, *, mtime: Any = None) -> bytes:
    return nncomp.compress(data, compresslevel, model="none")


def _level(mode: str, compresslevel: Any) -> dict[str, Any]:
    return {} if "r" in mode else {"level": compresslevel, "model": "none"}
