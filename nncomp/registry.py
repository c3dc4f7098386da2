"""Finds models: by name, by id, or by the path of a file.

The package is searched first, then the directories of ``NNCOMP_MODELS``, then the user's data
directory; so neither an environment variable nor ``add`` changes what a released name means. A
search reads headers only; the model that is wanted is then read in full, and its id verified. The
last one is cached, because files are often compressed in a row.
"""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nncomp import fileio
from nncomp import model as model_file
from nncomp.errors import ModelError, ModelNotFoundError
from nncomp.model import Model, ModelConfig

__all__ = [
    "SUFFIX",
    "Entry",
    "add",
    "available",
    "entry",
    "entry_of",
    "find",
    "find_id",
    "is_path",
    "is_released",
    "lookup",
    "package_directories",
    "resolve",
    "search_path",
]

SUFFIX = ".safetensors"

_R = TypeVar("_R")


@dataclass(frozen=True)
class Entry:
    """A model file as its header describes it."""

    name: str
    id: bytes  # 16 bytes, as stored; verified on loading
    path: Path
    size: int  # bytes of the file
    config: ModelConfig
    notes: Mapping[str, str]  # 'nncomp.note.*'


def search_path() -> list[Path]:
    """The directories in which models are looked for, best first."""
    places = [Path(p) for p in os.environ.get("NNCOMP_MODELS", "").split(os.pathsep) if p]
    own = _user_directory()
    return [*package_directories(), *places, *([] if own is None else [own])]


def available() -> Iterator[Entry]:
    """Yield all model files of the search path; other files are passed over."""
    for directory in search_path():
        try:
            paths = sorted(p for p in directory.iterdir() if p.suffix == SUFFIX)
        except OSError:
            continue
        for path in paths:
            try:
                found = entry(path)
            except (ModelError, OSError):
                continue
            yield found


def entry(path: Path) -> Entry:
    """Read the header of a model file. Raises ``ModelError`` and ``OSError``."""
    status = _status(path)
    return _entry_cached(path, fileio.version(status))


def is_path(text: str) -> bool:
    """Whether ``text`` is the path of a model, rather than its name or id."""
    return os.sep in text or (os.altsep or os.sep) in text or text.endswith(SUFFIX)


def entry_of(model_id: bytes) -> Entry:
    """The header of the first model whose id is ``model_id`` or begins with it. Raises
    ``ModelNotFoundError``."""
    for found in available():
        if found.id.startswith(model_id):
            return found
    raise _not_found(_called(model_id))


def find(name: str) -> Model:
    """Load the first model called ``name``. Raises ``ModelNotFoundError`` and ``ModelError``."""
    for found in available():
        if found.name == name:
            return _load(found.path)
    raise _not_found(f"model {name!r}")


def find_id(model_id: bytes, name: str = "") -> Model:
    """Load the model whose id is ``model_id`` or begins with it, whatever its file is called.
    ``name`` only appears in error messages.

    Raises ``ModelNotFoundError``, or ``ModelError`` where the only candidates are damaged.
    """
    problem: ModelError | None = None
    for found in available():
        if found.id.startswith(model_id):
            try:
                return _load(found.path)
            except ModelError as error:
                problem = problem or error
    if problem:
        raise problem
    raise _not_found(_called(model_id, name))


def is_released(model_id: bytes) -> bool:
    """Whether the model comes with the package, so that every decoder has it."""
    return any(
        found.id == model_id and found.path.parent in package_directories() for found in available()
    )


def lookup(text: str) -> Path:
    """The file of a model that is given by name, by id in hexadecimal, or by its path. Raises
    ``ModelNotFoundError``, and for a path ``ModelError`` and ``OSError``."""
    if is_path(text):
        _status(Path(text))
        return Path(text)
    for found in available():
        if text in (found.name, found.id.hex()):
            return found.path
    raise _not_found(f"model {text!r}")


def add(path: Path) -> tuple[Model, Path]:
    """Verify a model file and copy it to the user's directory, where it is found by name and id.

    Returns the model and the path of its copy; of a model that can be found already, its own path.
    Raises ``ModelError`` where another model has the name, and ``OSError``.
    """
    _status(path)
    with path.open("rb") as file:
        data = file.read(model_file.MAX_FILE_SIZE + 1)
        model = model_file.loads(data)
        for found in available():
            if (found.id, found.name) == (model.id, model.name):
                return model, found.path
            if found.name == model.name:
                raise ModelError(f"{found.path} is another model with the name '{model.name}'")
        own = _user_directory()
        if own is None:
            raise ModelError("there is no home directory to keep models in: set XDG_DATA_HOME")
        target = own / (model.name + SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        with fileio.create(str(target), force=False, source=file) as copy:
            copy.write(data)
    return model, target


def resolve(model: str | os.PathLike[str] | Model) -> Model:
    """Load a model by name, or by path: a text with a directory separator or the suffix of models
    is a path. A ``Model`` is returned as it is. Raises ``ModelNotFoundError``, ``ModelError`` and
    ``OSError``."""
    if isinstance(model, Model):
        return model
    text = os.fspath(model)
    if isinstance(model, os.PathLike) or is_path(text):
        return _load(Path(text))
    return find(text)


def _called(model_id: bytes, name: str = "") -> str:
    known = "with id" if len(model_id) == model_file.ID_SIZE else "whose id begins with"
    return f"model {name!r} (id {model_id.hex()})" if name else f"a model {known} {model_id.hex()}"


def _not_found(what: str) -> ModelNotFoundError:
    return ModelNotFoundError(f"{what} was not found in {_places()}")


def _status(path: Path) -> os.stat_result:
    """The status of a file. Raises for what must not be opened: a FIFO would wait for a writer."""
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ModelError(f"{path}: is not a regular file")
    return status


def _load(path: Path) -> Model:
    return _load_cached(path, fileio.version(_status(path)))


@functools.lru_cache(maxsize=1)  # no more: the memory limit does not count cached models
def _load_cached(path: Path, version: tuple[int, ...]) -> Model:
    return _named(path, model_file.load)


@functools.lru_cache(maxsize=256)
def _entry_cached(path: Path, version: tuple[int, ...]) -> Entry:
    name, model_id, config, notes = _named(path, model_file.read_header)
    return Entry(name, model_id, path, version[-1], config, notes)


def _named(path: Path, load: Callable[[Path], _R]) -> _R:
    """Call ``load(path)``, and let errors name ``path``."""
    try:
        return load(path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _places() -> str:
    return ", ".join(str(p) for p in search_path())


def _user_directory() -> Path | None:
    """Where a user's own models are; None where there is no home directory."""
    variable, default = "XDG_DATA_HOME", "~/.local/share"
    if sys.platform == "win32":
        variable, default = "LOCALAPPDATA", "~"
    base = Path(os.environ.get(variable, ""))
    if not base.is_absolute():
        base = Path(os.path.expanduser(default))
    return base / "nncomp" / "models" if base.is_absolute() else None


def package_directories() -> list[Path]:
    """The directories of the released models: in the package, and in a checkout beside it."""
    package = Path(__file__).parent
    places = [package / "models"]
    if (package.parent / "pyproject.toml").is_file():
        places.append(package.parent / "models")
    return places
