"""Where models are found: by name, by id, or in a file.

Searched in order: the directories of ``NNCOMP_MODELS``, the user's data directory, the package.
Files are told apart by their headers; a model is read in full, and its id verified, only when it is
the one that is wanted. Loaded models are kept, because files are often compressed in a row.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nncomp import model as model_file
from nncomp.errors import ModelError, ModelNotFoundError
from nncomp.model import Model

__all__ = ["Entry", "available", "find", "find_id", "resolve", "search_path"]

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """A model file as its header describes it."""

    name: str
    id: bytes  # 16 bytes, as stored; verified on loading
    path: Path


def search_path() -> list[Path]:
    """The directories in which models are looked for, best first."""
    places = [Path(p) for p in os.environ.get("NNCOMP_MODELS", "").split(os.pathsep) if p]
    return [*places, _user_directory(), *_package_directories()]


def available() -> Iterator[Entry]:
    """All model files of the search path; what is not a model is passed over."""
    for directory in search_path():
        try:
            paths = sorted(p for p in directory.iterdir() if p.suffix == SUFFIX)
        except OSError:
            continue
        for path in paths:
            try:
                name, model_id, _ = model_file.read_header(path)
            except (ModelError, OSError):
                continue
            yield Entry(name, model_id, path)


def find(name: str) -> Model:
    """The first model called ``name``. Raises ``ModelNotFoundError`` and ``ModelError``."""
    for entry in available():
        if entry.name == name:
            return _load(entry.path)
    raise ModelNotFoundError(f"model '{name}' was not found in {_places()}")


def find_id(model_id: bytes, name: str = "?") -> Model:
    """The model with this id, whatever its file is called; ``name`` is for the message only.

    Raises ``ModelNotFoundError``, or ``ModelError`` where the only candidates are damaged.
    """
    problem: ModelError | None = None
    for entry in available():
        if entry.id == model_id:
            try:
                return _load(entry.path)
            except ModelError as error:
                problem = problem or error
    if problem:
        raise problem
    raise ModelNotFoundError(f"model '{name}' (id {model_id.hex()}) was not found in {_places()}")


def resolve(model: str | os.PathLike[str] | Model) -> Model:
    """A model, the model of a name, or that of a path: what has a separator or the suffix."""
    if isinstance(model, Model):
        return model
    text = os.fspath(model)
    if isinstance(model, os.PathLike) or os.sep in text or text.endswith(SUFFIX):
        return _load(Path(text))
    return find(text)


def _load(path: Path) -> Model:
    status = path.stat()
    return _load_cached(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4)
def _load_cached(path: Path, mtime_ns: int, size: int) -> Model:
    try:
        return model_file.load(path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _places() -> str:
    return ", ".join(str(p) for p in search_path())


def _user_directory() -> Path:
    variable, default = "XDG_DATA_HOME", "~/.local/share"
    if sys.platform == "win32":
        variable, default = "LOCALAPPDATA", "~"
    base = os.environ.get(variable) or os.path.expanduser(default)
    return Path(base) / "nncomp" / "models"


def _package_directories() -> list[Path]:
    """The package's own models: inside it, or in a checkout beside it."""
    package = Path(__file__).parent
    places = [package / "models"]
    if (package.parent / "pyproject.toml").is_file():
        places.append(package.parent / "models")
    return places
