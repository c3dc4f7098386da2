"""Integrations of nncomp with other libraries, each imported only when it is used.

``numcodecs`` and ``zarr`` find their codecs through entry points. fsspec has none and needs a call
of ``register_fsspec``; the name that this returns registers it in Dask's workers, too.
``nncomp.integrations.numcodecs``, ``.zarr``, ``.dask`` and ``.ray`` are imported on first use.
"""

from __future__ import annotations

from typing import Any

__all__ = ["register_fsspec"]

_MODULES = ("dask", "numcodecs", "ray", "zarr")


def register_fsspec(level: int | None = None, model: str | None = None) -> str:
    """Teach fsspec the compression ``nncomp``, which it then infers from the suffix ``.nnc``.

    ``level`` and ``model``, the name or path of a model, are for writing, as in
    ``nncomp.compress``. It may be called again with others.

    Returns the compression's name. Unpickling it in another process registers the compression
    there, so that files opened by it, or by the suffix, can be read there without a call.

    Raises ``ImportError`` where fsspec is not installed, ``TypeError`` and ``ValueError`` for wrong
    options, and ``ModelNotFoundError`` and ``ModelError`` for the model.
    """
    from nncomp.integrations import options

    level, model = options.check(level, model)
    options.find(model)
    return _register(level, model)


def _register(level: int, model: str | None) -> str:
    from fsspec.compression import register_compression

    from nncomp.file import NNCompFile

    def opened(file: Any, mode: str = "rb") -> NNCompFile:
        return NNCompFile(file, mode, level=None if "r" in mode else level, model=model)

    name = _Name("nncomp")
    name.options = level, model
    register_compression(name, opened, "nnc", force=True)
    return name


class _Name(str):
    """The compression's name. Unpickling it registers the compression, with the same options."""

    options: tuple[int, str | None]

    def __reduce__(self) -> Any:
        return _register, self.options


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nncomp.integrations' has no attribute '{name}'")
    from importlib import import_module

    return import_module(f"nncomp.integrations.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
