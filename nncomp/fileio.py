"""Files: names, atomic output, attributes, removal of sources.

A target appears under its name complete, synced and with its attributes, or not at all; what it
replaces survives until then. This module knows the ``.nnc`` suffix and nothing else of the format.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO, cast

from nncomp.errors import NNCompError

__all__ = [
    "SUFFIX",
    "check_removable",
    "compressed_name",
    "content_name",
    "create",
    "remove",
    "standard_input",
    "standard_output",
]

SUFFIX = ".nnc"

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # only writing can raise these


def compressed_name(name: str, *, force: bool) -> str:
    """Where the compressed form of ``name`` goes; not twice unless ``force``."""
    if name.endswith(SUFFIX) and not force:
        raise NNCompError(f"already has the suffix {SUFFIX}; use -f to compress it again")
    return name + SUFFIX


def content_name(name: str) -> str:
    """Where the content of ``name`` goes."""
    if not os.path.basename(name).removesuffix(SUFFIX) or not name.endswith(SUFFIX):
        raise NNCompError(f"name does not end in {SUFFIX}; use -o to name the output")
    return name.removesuffix(SUFFIX)


def standard_input() -> BinaryIO:
    """Standard input, always buffered, whatever PYTHONUNBUFFERED says. For ``rawio``."""
    return open(0, "rb", closefd=False)


def standard_output() -> BinaryIO:
    """Standard output, for ``rawio`` to write to: a buffer would lose what a pipe that does not
    block cannot take yet."""
    return cast(BinaryIO, open(1, "wb", buffering=0, closefd=False))


@contextlib.contextmanager
def create(path: str, *, force: bool, source: BinaryIO) -> Iterator[BinaryIO]:
    """A file to write (and read again) that becomes ``path`` when the block is left without error.

    It gets mode, times and owner of ``source`` where that is a regular file. An existing target is
    an error unless ``force``; devices and pipes are written directly. Raises ``NNCompError`` and
    ``OSError``, whose ``filename`` is ``path``.
    """
    like = os.fstat(source.fileno())
    existing = _status(path)
    if existing is not None:
        if os.path.samestat(existing, like) and stat.S_ISREG(like.st_mode):
            raise NNCompError("input and output are the same file")
        if not stat.S_ISREG(existing.st_mode):
            with open(path, "wb") as file:  # a directory is refused here
                yield file
            return
    if os.path.lexists(path):
        if not force:
            raise FileExistsError(errno.EEXIST, "already exists; use -f to overwrite", path)
        path = os.path.realpath(path)  # as '>' does: the link stays, its target is replaced

    temporary = _temporary_name(path)
    try:
        with _open_new(temporary, path) as file:
            yield file
            file.flush()
            _copy_attributes(like, file.fileno())
            os.fsync(file.fileno())
        _publish(temporary, path, force=force)
        _sync_directory(os.path.dirname(path))
    except OSError as error:
        if error.errno in _NO_SPACE:
            error.filename = path
        raise
    finally:
        with contextlib.suppress(OSError):  # not there, or no worse than what went wrong before
            os.unlink(temporary)


def check_removable(path: str) -> None:
    """Raise unless removing ``path`` later would lose no more than its content."""
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
    """Remove ``path`` if it still is the open file ``source``."""
    if not os.path.samestat(os.lstat(path), os.fstat(source.fileno())):
        raise NNCompError("was replaced meanwhile; not removed")
    os.unlink(path)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _temporary_name(path: str) -> str:
    directory, name = os.path.split(path)
    short = os.fsdecode(os.fsencode(name)[:200])  # file systems allow 255 bytes
    return os.path.join(directory, f".{short}.{secrets.token_hex(4)}.tmp")


def _open_new(temporary: str, path: str) -> BinaryIO:
    """Create ``temporary`` for its owner alone; errors speak of ``path``."""
    try:
        return open(temporary, "x+b", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _copy_attributes(like: os.stat_result, descriptor: int) -> None:
    """Mode, times and, where allowed, the owner of a regular file; otherwise a new file's mode."""
    if not stat.S_ISREG(like.st_mode):
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    mode = like.st_mode & 0o777  # never set-uid, set-gid, sticky
    with contextlib.suppress(OSError):
        os.fchown(descriptor, like.st_uid, -1)  # for root
    try:
        os.fchown(descriptor, -1, like.st_gid)
    except OSError:  # the rights of one group are not for another: it gets those of everybody
        mode &= 0o707 | mode << 3
    os.fchmod(descriptor, mode)
    os.utime(descriptor, ns=(like.st_atime_ns, like.st_mtime_ns))


def _publish(temporary: str, path: str, *, force: bool) -> None:
    if force:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike a rename, fails if somebody else was faster
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "already exists; use -f to overwrite", path) from None
    except OSError:  # no hard links here
        if os.path.lexists(path):
            raise FileExistsError(
                errno.EEXIST, "already exists; use -f to overwrite", path
            ) from None
        os.rename(temporary, path)


def _sync_directory(directory: str) -> None:
    """Make the new name durable, where the system can, before a source may be removed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
