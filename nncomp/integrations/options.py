"""Checks the options that are stored with an array or a registration: level, model and prime."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, SupportsIndex

from nncomp import arguments, levels, resolve
from nncomp.prime import Prime

if TYPE_CHECKING:
    from nncomp.options import PrimeLike

__all__ = ["check", "check_prime", "find", "written"]


def check(level: SupportsIndex | None = None, model: str | None = None) -> tuple[int, str | None]:
    """Return (level, model's name) in the types that JSON stores; numpy's integers are accepted.

    Raises ``TypeError`` and ``ValueError``. Whether the model exists is not checked: reading does
    not need it.
    """
    if level is None:
        level = levels.DEFAULT_LEVEL
    number = arguments.integer("level", level)
    levels.get(number)
    if not (model is None or isinstance(model, str)):
        raise TypeError(f"model must be a name, not {type(model).__name__}")
    return number, model


def check_prime(prime: PrimeLike | str | None) -> Prime | None:
    """Make a Prime of a prime, of bytes, or of the base64 text in metadata; None stays None. Raises
    ``TypeError`` and ``ValueError``."""
    if isinstance(prime, str):
        prime = base64.b64decode(prime, validate=True)
    return prime if prime is None or isinstance(prime, Prime) else Prime(prime)


def written(prime: Prime) -> str:
    """The prime as base64 text for metadata, so that an array contains all that reading needs."""
    return base64.b64encode(prime.data).decode("ascii")


def find(model: str | None) -> None:
    """Raise ``ModelNotFoundError``, ``ModelError`` or ``OSError`` if the model cannot be used."""
    if model not in (None, levels.NO_MODEL):
        resolve.find(model)
