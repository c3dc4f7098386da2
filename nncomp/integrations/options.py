"""The options that are kept with an array or a registration: level, model's name, prime."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, SupportsIndex

from nncomp import arguments, levels, resolve
from nncomp.prime import Prime

if TYPE_CHECKING:
    from nncomp.options import PrimeLike

__all__ = ["check", "check_prime", "find", "written"]


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


def check_prime(prime: PrimeLike | str | None) -> Prime | None:
    """A prime that is one, or bytes, or as metadata hold it. Raises ``TypeError`` and
    ``ValueError``."""
    if isinstance(prime, str):
        prime = base64.b64decode(prime, validate=True)
    return prime if prime is None or isinstance(prime, Prime) else Prime(prime)


def written(prime: Prime) -> str:
    """As metadata hold it: whoever has an array has what its chunks need."""
    return base64.b64encode(prime.data).decode("ascii")


def find(model: str | None) -> None:
    """Raise ``ModelNotFoundError``, ``ModelError`` or ``OSError`` where it cannot be used."""
    if model not in (None, levels.NO_MODEL):
        resolve.find(model)
