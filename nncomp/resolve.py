"""Which model a call or a frame means: installed, at a path, offered, or embedded.

The path of an ``.nnc`` file stands for the model that is embedded in it.
"""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING

from nncomp import container, fileio, packing, registry
from nncomp.container import ModelRef, Packed
from nncomp.errors import (
    FormatError,
    MemoryLimitError,
    ModelError,
    ModelNotFoundError,
    NNCompError,
)
from nncomp.levels import NO_MODEL
from nncomp.model import Model
from nncomp.options import DEFAULT_MEMORY_LIMIT, Options

if TYPE_CHECKING:
    from nncomp.options import Embeddable

__all__ = ["find", "for_frame", "for_writing", "is_released"]


def for_writing(options: Options) -> tuple[Model | None, Packed | None]:
    """(the model, its packed form if that is to be embedded); (None, None) without a network.

    Raises ``ModelNotFoundError`` and ``ModelError``, and ``ValueError`` where there is none to
    embed.
    """
    wanted = options.wanted_model
    if options.embed_model and wanted == NO_MODEL:
        raise ValueError("there is no model to embed")
    if isinstance(wanted, Packed):
        return find(wanted), wanted
    if wanted == NO_MODEL:
        return None, None
    model = find(wanted)
    return model, packing.pack(model) if options.embed_model else None


def is_released(model: Model | None) -> bool:
    """Whether every decoder has the model, so that a few bytes name it."""
    return model is not None and registry.is_released(model.id)


def find(wanted: Embeddable) -> Model:
    """A model, or that of a name, of a path, or of what files embed. Raises ``ModelNotFoundError``,
    ``ModelError``, ``OSError`` and ``MemoryLimitError``."""
    if isinstance(wanted, Packed):
        return _unpack(wanted, DEFAULT_MEMORY_LIMIT)
    if not isinstance(wanted, Model) and os.fspath(wanted).endswith(fileio.SUFFIX):
        path = os.fspath(wanted)
        status = os.stat(path)
        return _embedded_in(path, status.st_mtime_ns, status.st_size)
    return registry.resolve(wanted)


@functools.lru_cache(maxsize=1)  # as registry's, for files that are compressed in a row
def _embedded_in(path: str, mtime_ns: int, size: int) -> Model:
    """The first model that is in an ``.nnc`` file."""
    named = ""
    try:
        with fileio.open_input(path) as file:
            for item in container.read(file, DEFAULT_MEMORY_LIMIT):
                if isinstance(item, ModelRef):
                    if item.data is not None:
                        return for_frame(item)
                    named = named or f"; it names {item.name or item.id.hex()}"
    except (FormatError, MemoryLimitError, ModelNotFoundError) as error:
        raise ModelError(f"{path}: {error}") from None
    raise ModelError(f"{path}: no model is embedded in it{named}")


def for_frame(
    ref: ModelRef, offered: Embeddable | None = None, memory_limit: int = DEFAULT_MEMORY_LIMIT
) -> Model:
    """The model that a frame needs: embedded, or ``offered`` if it is the one, or installed.

    Raises ``ModelNotFoundError``, ``ModelError``, and ``FormatError`` and ``MemoryLimitError`` for
    what is embedded.
    """
    if ref.data is not None:
        try:
            model = _unpack(Packed(ref.name, ref.data), memory_limit)
        except ModelError as error:
            raise FormatError(f"the embedded model is malformed: {error}") from None
        if model.id != ref.id:
            raise FormatError("the embedded model is not the one that the frame names")
        return model
    if offered is not None and not isinstance(offered, Packed):
        with contextlib.suppress(NNCompError, OSError):  # it was only an offer
            model = find(offered)
            if model.id.startswith(ref.id):
                return model
    return registry.find_id(ref.id, ref.name)


def _unpack(packed: Packed, memory_limit: int) -> Model:
    """An embedded model. Raises ``ModelError`` for what is wrong with it, ``ModelNotFoundError``
    for its base, and ``MemoryLimitError`` before tensors are allocated."""
    base_id = packing.base_id(packed)
    base = None if base_id is None else registry.find_id(base_id, f"base of {packed.name}")
    need = len(packed.data) + packing.read_config(packed, base).memory(1)
    if need > memory_limit:
        raise MemoryLimitError.of("the embedded model", need, memory_limit)
    return packing.unpack(packed, base)
