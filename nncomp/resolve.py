"""Resolves the model that a call or a frame names: installed, at a path, offered, or embedded.

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
from nncomp.model import Model, ModelConfig
from nncomp.options import DEFAULT_MEMORY_LIMIT, Options

if TYPE_CHECKING:
    from nncomp.options import Embeddable

__all__ = ["config_of", "find", "for_frame", "for_writing", "is_released"]


def for_writing(options: Options) -> tuple[Model | None, Packed | None]:
    """Return (the model, its packed form if that is to be embedded); (None, None) if no network is
    used.

    Raises ``ModelNotFoundError`` and ``ModelError``, and ``ValueError`` where no network is used
    but the model is to be embedded.
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
    """Whether every decoder has the model, so that the first bytes of its id suffice to name it."""
    return model is not None and registry.is_released(model.id)


def find(wanted: Embeddable) -> Model:
    """The model that is given: by name, by path, packed, or as a ``Model``. Raises
    ``ModelNotFoundError``, ``ModelError``, ``OSError`` and ``MemoryLimitError``."""
    if isinstance(wanted, Packed):
        return _unpack(wanted, DEFAULT_MEMORY_LIMIT)
    if not isinstance(wanted, Model) and os.fspath(wanted).endswith(fileio.SUFFIX):
        path = os.fspath(wanted)
        return _embedded_in(path, fileio.version(os.stat(path)))
    return registry.resolve(wanted)


@functools.lru_cache(maxsize=1)  # because files are often compressed in a row; see registry
def _embedded_in(path: str, version: tuple[int, ...]) -> Model:
    """The first model that is embedded in an ``.nnc`` file. Raises ``ModelError``."""
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

    Raises ``ModelNotFoundError`` and ``ModelError``; for an embedded model ``FormatError`` and
    ``MemoryLimitError``.
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


def config_of(ref: ModelRef) -> ModelConfig:
    """The dimensions of the model that a frame needs, whose tensors are not read. Raises
    ``ModelNotFoundError`` and ``ModelError``."""
    if ref.data is None:
        return registry.entry_of(ref.id).config
    packed = Packed(ref.name, ref.data)
    base_id = packing.base_id(packed)
    return packing.read_config(packed, None if base_id is None else registry.entry_of(base_id))


def _unpack(packed: Packed, memory_limit: int) -> Model:
    """Unpack an embedded model. Raises ``ModelError`` where it is malformed, ``ModelNotFoundError``
    where its base is not found, and ``MemoryLimitError`` before tensors are allocated."""
    base_id = packing.base_id(packed)
    base = None if base_id is None else registry.find_id(base_id, f"base of {packed.name}")
    need = len(packed.data) + packing.read_config(packed, base).memory(1)
    if need > memory_limit:
        raise MemoryLimitError.of("the embedded model", need, memory_limit)
    return packing.unpack(packed, base)
