"""Files: names, atomic output, attributes, removal of sources.

A target appears under its name complete, synced and with its attributes, or not at all; what it
replaces survives until then. This module knows the ``.nnc`` suffix and nothing else of the format.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import os
import stat
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from nncomp import rawio
from nncomp.errors import NNCompError
from nncomp.folder import Folder, exists, open_folder, sync

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "STDERR",
    "STDIN",
    "STDOUT",
    "SUFFIX",
    "check_input",
    "check_not_output",
    "check_removable",
    "compressed_name",
    "content_name",
    "create",
    "is_descriptor",
    "make_directory",
    "open_input",
    "remove",
    "replacing",
    "standard_error",
    "standard_input",
    "standard_output",
    "suffix_of",
    "version",
]

SUFFIX = ".nnc"
STDIN, STDOUT, STDERR = "(stdin)", "(stdout)", "(stderr)"  # their names for people

_DESCRIPTORS = "/dev/fd", "/proc/self/fd"  # directories, which may be missing, as without /proc
_MAX_LINKS = 40  # symbolic links that are followed to a file at most, as in Linux
_SHORT_NAME = 32  # bytes of a file name that every file system accepts
_making = threading.Lock()  # held while making directories: whoever finds one finds it synced


def compressed_name(name: str, suffix: str = SUFFIX, *, force: bool) -> str:
    """The name of the compressed form of ``name``. Raises ``NNCompError`` where it has the suffix
    already, unless ``force``."""
    own = suffix_of(name, suffix)
    if own is not None and not force:
        raise NNCompError(f"already has the suffix {own}; use -f to compress it again")
    return name + suffix


def content_name(name: str, suffix: str = SUFFIX) -> str:
    """The name of the content of the compressed file ``name``. Raises ``NNCompError`` where it has
    no suffix, or nothing else."""
    own = suffix_of(name, suffix)
    if own is None or os.path.basename(name) == own:
        known = " or ".join(dict.fromkeys((suffix, SUFFIX)))
        what = f"does not end in {known}" if own is None else f"has nothing in front of {own}"
        raise NNCompError(f"name {what}; use -o to name the output")
    return name.removesuffix(own)


def suffix_of(name: str, suffix: str = SUFFIX) -> str | None:
    """The suffix of compressed files that ``name`` has: ``suffix``, or the usual one, or None."""
    return next((own for own in (suffix, SUFFIX) if name.endswith(own)), None)


def open_input(name: str, *, special: bool = False) -> BinaryIO:
    """Open a file to read it. Pipes and devices, which may never begin or end, are refused unless
    ``special``.

    Raises ``NNCompError`` and ``OSError``.
    """
    check_input(name, special=special)
    return open(name, "rb")


def check_input(name: str, *, special: bool = False) -> None:
    """Raise what ``open_input`` would raise, without opening: opening a FIFO may take for ever."""
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory; use -r", name)
    if not (special or stat.S_ISREG(mode)):
        raise NNCompError("is not a regular file; give it as standard input")


def check_not_output(source: BinaryIO) -> None:
    """Raise ``NNCompError`` where ``source`` is the file that standard output goes to: it would be
    read with what is appended to it."""
    status = os.fstat(source.fileno())
    if stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(1)):
        raise NNCompError("input and output are the same file")


def is_descriptor(name: str) -> bool:
    """Whether ``name`` is a file that somebody has opened for us: /dev/stdin, /dev/fd/63, …"""
    return _descriptor(name) is not None


def _descriptor(name: str) -> int | None:
    for _ in range(_MAX_LINKS):
        directory, base = os.path.split(name)
        if base.isdecimal() and directory in _DESCRIPTORS:
            return int(base)
        with contextlib.suppress(OSError):
            if base.isdecimal() and os.path.samefile(directory or os.curdir, "/dev/fd"):
                return int(base)
        try:
            name = os.path.join(directory, os.readlink(name))
        except OSError:
            break
    return None


def standard_input() -> BinaryIO:
    """Standard input, always buffered, whatever PYTHONUNBUFFERED says."""
    return _open_named(0, "rb", STDIN)


def standard_error() -> BinaryIO:
    """Standard error, always buffered."""
    return _open_named(2, "wb", STDERR)


def standard_output() -> BinaryIO:
    """Standard output, always buffered: ``sys.stdout.buffer`` may be raw, with partial writes."""
    return _open_named(1, "wb", STDOUT)


@contextlib.contextmanager
def create(path: str, *, force: bool, source: BinaryIO | None = None) -> Iterator[BinaryIO]:
    """A file to write (and read again) that becomes ``path`` when the block is left without error.

    It gets mode, times and owner of ``source``, if that is given and a regular file, as far as the
    file system allows. An existing target is an error unless ``force``: then it is replaced; of a
    symbolic link, the link and not its target. What is no regular file is written directly: pipes
    and devices with ``force``; the null device and descriptors such as /dev/stdout always. Raises
    ``NNCompError`` and ``OSError``; where writing fails, its ``filename`` is ``path``.
    """
    like = None if source is None else os.fstat(source.fileno())
    if like is not None and not stat.S_ISREG(like.st_mode):
        like = None
    special = _check_target(path, like, force)
    if special is not None:
        with _open_named(special, "wb", path) as file:
            yield file
        return
    directory, name = os.path.split(path)
    temporary = _temporary_name(name)
    with _open_folder(directory, path) as folder:
        try:
            with _open_new(temporary, like, folder, path) as file:
                yield file
                file.flush()
                with _naming(path):
                    if like is not None:
                        _copy_attributes(like, file.fileno())
                    sync(file.fileno())
            with _naming(path):
                if folder.descriptor is None and like is not None:
                    _set_times(folder.place(temporary), like)
                folder.publish(temporary, name, force=force)
                folder.sync()
        finally:
            folder.discard(temporary)  # it is only still there if something failed


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """A temporary name, for writers that want a name; its file replaces ``path`` when the block is
    left without error."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, _temporary_name(name))
    try:
        yield temporary
        with _naming(path):
            with open(temporary, "r+b") as file:  # some systems sync only what may be written
                sync(file.fileno())
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def version(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file, and what was written to it since, from another, whatever path leads to
    it."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def make_directory(path: str) -> None:
    """'mkdir -p', but synced to disk, so that the source of a file in it may be removed."""
    with _making:
        _make_directory(path)
    if not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)


def _make_directory(path: str) -> None:
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent and parent != path:
        _make_directory(parent)
    try:
        os.mkdir(path)
    except FileExistsError:  # another program was faster; the caller checks that it is a directory
        return
    try:
        with _open_folder(parent, path) as folder, _naming(path):
            folder.sync()
    except OSError:
        with contextlib.suppress(OSError):
            os.rmdir(path)  # so that whoever needs it next tries again
        raise


def check_removable(path: str) -> None:
    """Raise unless ``path`` can be removed later without losing more than its content: it must be a
    regular file, no link, and have no other hard link."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        raise NNCompError("is a symbolic link; not compatible with --rm")
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise NNCompError("is not a regular file; not compatible with --rm")
    if status.st_nlink > 1:
        raise NNCompError("has more than one hard link; not compatible with --rm")


def remove(path: str, source: BinaryIO) -> None:
    """Remove ``path`` if it still is the open file ``source``, and close that."""
    if not os.path.samestat(os.lstat(path), os.fstat(source.fileno())):
        raise NNCompError("was replaced meanwhile; not removed")
    source.close()  # some systems remove nothing that is open
    os.unlink(path)


def _check_target(path: str, like: os.stat_result | None, force: bool) -> str | int | None:
    """Raise where ``path`` must not be written. Returns the path or descriptor to open where it is
    to be written directly, else None."""
    if like is not None:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), like):
                raise NNCompError("input and output are the same file")
    descriptor = _descriptor(path)
    if descriptor is not None:
        return descriptor
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
        if not force:
            raise exists(path)
        return None
    if not force and not _is_null(status):
        raise FileExistsError(errno.EEXIST, "is not a regular file; use -f to write to it", path)
    return path


def _is_null(status: os.stat_result) -> bool:
    try:
        return os.path.samestat(status, os.stat(os.devnull))
    except OSError:  # there is none here
        return False


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Let errors name ``path``, rather than a temporary name or none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


class _Named(io.FileIO):
    """A file whose errors name ``path``, whatever name it was opened by, if by one.

    It waits even if it is non-blocking, as another process that shares it may have made it.
    """

    def __init__(self, file: str | int, mode: str, path: str, **more: Any) -> None:
        with _naming(path):
            super().__init__(file, mode, **more)
        self._path = path

    def write(self, data: Buffer, /) -> int:
        with _naming(self._path):
            while (count := super().write(data)) is None:
                rawio.wait(self, "POLLOUT")
        return count

    def truncate(self, size: int | None = None, /) -> int:
        with _naming(self._path):
            return super().truncate(size)

    def readinto(self, buffer: Buffer, /) -> int:
        with _naming(self._path):
            while (count := super().readinto(buffer)) is None:
                rawio.wait(self, "POLLIN")
        return count


def _open_named(file: str | int, mode: str, path: str) -> BinaryIO:
    """Open an existing file or descriptor, buffered; errors name ``path``. Closing it leaves a
    descriptor open."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags & ~os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))

    if isinstance(file, int):
        raw = _Named(file, mode, path, closefd=False)
    else:
        raw = _Named(file, mode, path, opener=opener)
    return io.BufferedReader(raw) if mode == "rb" else io.BufferedWriter(raw)


def _temporary_name(name: str) -> str:
    """A random name, no longer than ``name`` in bytes and in characters, of which file systems
    limit one or the other, or if that is short, than 32 of them."""
    tail = f".{os.urandom(4).hex()}.tmp"
    short = os.fsencode(name)
    room = max(len(short), _SHORT_NAME) - len(tail) - 1
    while 0 < room < len(short) and 0x80 <= short[room] < 0xC0:
        room -= 1  # not within a character of UTF-8
    kept = os.fsdecode(short[:room])[: max(len(name), _SHORT_NAME) - len(tail) - 1]
    return f".{kept}{tail}"


@contextlib.contextmanager
def _open_folder(directory: str, path: str) -> Iterator[Folder]:
    """Open ``directory``; errors of that name ``path``."""
    with contextlib.ExitStack() as stack:
        with _naming(path):
            folder = stack.enter_context(open_folder(directory))
        yield folder


def _open_new(temporary: str, like: os.stat_result | None, folder: Folder, path: str) -> BinaryIO:
    """Create ``temporary``: a new file as any other or, where it will have the mode of a regular
    file ``like``, readable and writable by its owner only."""
    mode = 0o666 if like is None else 0o600  # umask applies
    opener = functools.partial(folder.open, mode=mode)
    return io.BufferedRandom(_Named(temporary, "x+b", path, opener=opener))


def _copy_attributes(like: os.stat_result, descriptor: int) -> None:
    """Copy mode, times and, where allowed, the owner of a regular file."""
    if not hasattr(os, "fchown"):
        return  # on Windows, rights come from the directory, and closing a file changes its times
    mode = like.st_mode & 0o777  # never set-uid, set-gid, sticky
    with contextlib.suppress(OSError):
        os.fchown(descriptor, like.st_uid, -1)  # for root
    try:
        os.fchown(descriptor, -1, like.st_gid)
    except OSError:  # another group must not get the rights of this one: only those of everybody
        mode &= 0o707 | mode << 3
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, mode)
    _set_times(descriptor, like)


def _set_times(file: int | str, like: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        os.utime(file, ns=(like.st_atime_ns, like.st_mtime_ns))
