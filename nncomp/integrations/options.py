"""The options that are kept with an array or a registration: a level and a model's name."""

from __future__ import annotations

from typing import SupportsIndex

from nncomp import arguments, levels, registry

__all__ = ["check", "find"]


def check(level: SupportsIndex | None = None, model: str | None = None) -> tuple[int, str | None]:
    """Both as JSON stores them; the level may come as any integer, as from numpy.

    Raises ``TypeError`` and ``ValueError``. Whether there is such a model is not looked at: reading
    does not need it.
    """
    if level is None:
        level = levels.DEFAULT_LEVEL
    number = arguments.integer("level", level)
    levels.get(number)
    if not (model is None or isinstance(model, str)):
        raise TypeError(f"model must be a name, not {type(model).__name__}")
    return number, model


def find(model: str | None) -> None:
    """Raise ``ModelNotFoundError``, ``ModelError`` or ``OSError`` where it cannot be used."""
    if model not in (None, levels.NO_MODEL):
        registry.resolve(model)
