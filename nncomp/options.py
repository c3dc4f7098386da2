"""The options of all public functions, defined once.

Public functions take them as keywords and turn them into one ``Options``, which everything behind
them passes on. ``Writing`` and ``Reading`` declare the keywords for type checkers; a test confirms
that they agree.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

from nncomp import arguments, levels
from nncomp.container import REACHES, Packed, require_block_size
from nncomp.model import Model
from nncomp.prime import Prime

if TYPE_CHECKING:
    from typing_extensions import Buffer

    ModelLike = str | os.PathLike[str] | Model
    PrimeLike = Prime | Buffer
    Embeddable = ModelLike | Packed

__all__ = [
    "DEFAULT_MEMORY_LIMIT",
    "DEFAULT_REACH",
    "Options",
    "Reading",
    "Writing",
    "for_reading",
    "for_writing",
]

DEFAULT_MEMORY_LIMIT = 1 << 30  # bytes
DEFAULT_REACH = REACHES[1]


@dataclass(frozen=True)
class Options:
    """Checked options: ``TypeError`` for a wrong type, ``ValueError`` for what is out of range."""

    level: int | None = None  # 1..9; None: the default
    # Writing: replaces the level's model; "none" means no network. Reading: one more place to look
    # for the model that the file names.
    model: Embeddable | None = None
    embed_model: bool = False  # whether the model goes into the frame; a Packed one always does
    block_size: int | None = None  # bytes, a power of two, 2^10..2^26; None: the level's
    # How many bytes back blocks may copy from, one of REACHES; 0: every block stands alone; None:
    # the default.
    reach: int | None = None
    memory_limit: int = DEFAULT_MEMORY_LIMIT  # bytes that reading may take
    # Bytes that all blocks may take which are coded at a time, for speed only; None: memory_limit.
    in_flight: int | None = None
    max_size: int | None = None  # bytes of content that reading may give; more is refused
    device: str = "auto"  # auto, cpu, cuda, cuda:N
    threads: int = 1  # at least 1; for speed only
    prime: Prime | None = None  # read by the predictors before each block; bytes become a Prime

    def __post_init__(self) -> None:
        levels.get(self.level)
        model = self.model
        if not (model is None or isinstance(model, (str, os.PathLike, Model, Packed))):
            raise TypeError(f"model must be a name, a path or a Model, not {type(model).__name__}")
        if not isinstance(self.embed_model, bool):
            raise TypeError(f"embed_model must be a bool, not {type(self.embed_model).__name__}")
        if self.block_size is not None:
            self._set("block_size")
            require_block_size(self.block_size)
        if self.reach is not None:
            self._set("reach")
            if self.reach not in REACHES:
                raise ValueError(f"reach must be one of {', '.join(map(str, REACHES))}")
        self._set("memory_limit", least=1)
        if self.in_flight is not None:
            self._set("in_flight", least=1)
        if self.max_size is not None:
            self._set("max_size", least=0)
        self._set("threads", least=1)
        if not (self.prime is None or isinstance(self.prime, Prime)):
            object.__setattr__(self, "prime", Prime(self.prime))

    @property
    def wanted_model(self) -> Embeddable:
        """The model to write with: the one asked for, or the level's."""
        return levels.get(self.level).model if self.model is None else self.model

    @property
    def wanted_reach(self) -> int:
        """The reach to write with, in bytes: the one asked for, or the default."""
        return DEFAULT_REACH if self.reach is None else self.reach

    def _set(self, name: str, least: int | None = None) -> None:
        """Check the option ``name`` and turn it into an ``int``: numpy's integers are accepted."""
        value = arguments.integer(name, getattr(self, name), least=least)
        object.__setattr__(self, name, value)


class Writing(TypedDict, total=False):
    """The keywords of functions that compress, beside the level."""

    model: ModelLike | None
    embed_model: bool
    block_size: int | None
    reach: int | None
    in_flight: int | None
    device: str
    threads: int
    prime: PrimeLike | None


class Reading(TypedDict, total=False):
    """The keywords of functions that decompress."""

    model: ModelLike | None
    memory_limit: int
    max_size: int | None
    in_flight: int | None
    device: str
    threads: int
    prime: PrimeLike | None


def for_writing(given: dict[str, Any]) -> Options:
    """Check the keywords of a function that writes. Raises ``TypeError`` for an unknown keyword, or
    one for reading."""
    return _options(given, {"level", *Writing.__annotations__}, "reading")


def for_reading(given: dict[str, Any]) -> Options:
    """Check the keywords of a function that reads. Raises ``TypeError`` for an unknown keyword, or
    one for writing."""
    return _options(given, {*Reading.__annotations__}, "writing")


def _options(given: dict[str, Any], allowed: set[str], other: str) -> Options:
    known = {field.name for field in fields(Options)}
    for name in given:
        if name not in known:
            raise TypeError(f"{name!r} is not an option")
        if name not in allowed:
            raise TypeError(f"{name} is for {other}")
    return Options(**given)
