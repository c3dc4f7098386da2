"""nncomp inside other libraries, each imported only when it is used.

``numcodecs`` and ``zarr`` find their codecs by themselves, through entry points; fsspec has none
and needs a call.
"""

from __future__ import annotations

__all__ = ["register_fsspec"]


def register_fsspec() -> None:
    """Teach fsspec the compression ``nncomp``, which it then infers from the suffix ``.nnc``.

    Raises ``ImportError`` where fsspec is not installed. May be called again.
    """
    from fsspec.compression import register_compression

    from nncomp.file import NNCompFile

    register_compression("nncomp", NNCompFile, "nnc", force=True)
