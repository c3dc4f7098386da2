"""A directory in which a file is made under a temporary name and then renamed.

On POSIX systems, files are opened relative to a descriptor of the directory: it stays the same
directory even if it is renamed meanwhile, and names are as short as they can be. On Windows, paths
are joined. Errors name whatever the system was given.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Folder", "exists", "open_folder", "sync"]

# The errors of a file system without fsync, or without fsync of directories.
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY,
                errno.EPERM, errno.EACCES}  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """An open directory. ``path`` is put in front of names in it; '' if there is a descriptor."""

    path: str
    descriptor: int | None

    def open(self, name: str, flags: int, mode: int) -> int:
        """A descriptor of the file ``name``; a new one has ``mode``, less the umask."""
        return os.open(self.place(name), flags, mode, dir_fd=self.descriptor)

    def publish(self, temporary: str, name: str, *, force: bool) -> None:
        """Rename a file. An existing file ``name`` is replaced with ``force``, else an error."""
        old, new, at = self.place(temporary), self.place(name), self.descriptor
        if force:
            os.replace(old, new, src_dir_fd=at, dst_dir_fd=at)
            return
        # Windows takes neither descriptors nor, from Python 3.14 on, ``follow_symlinks``.
        more: dict[str, Any] = {}
        if at is not None:
            more = {"src_dir_fd": at, "dst_dir_fd": at, "follow_symlinks": False}
        try:  # unlike a rename, fails if somebody else was faster
            os.link(old, new, **more)
        except FileExistsError:
            raise exists(name) from None
        except (OSError, NotImplementedError):  # no hard links here
            with contextlib.suppress(FileNotFoundError):
                os.stat(new, dir_fd=at, follow_symlinks=False)
                raise exists(name) from None
            os.rename(old, new, src_dir_fd=at, dst_dir_fd=at)
            return
        os.unlink(old, dir_fd=at)

    def discard(self, name: str) -> None:
        """Remove a file if it is there."""
        with contextlib.suppress(OSError):
            os.unlink(self.place(name), dir_fd=self.descriptor)

    def sync(self) -> None:
        """Make the names in the directory durable."""
        if self.descriptor is not None:
            sync(self.descriptor)

    def place(self, name: str) -> str:
        """``name`` in the form that system calls take."""
        return os.path.join(self.path, name)


@contextlib.contextmanager
def open_folder(path: str) -> Iterator[Folder]:
    """The directory ``path``, or the current one if that is empty."""
    descriptor = _opened(path or os.curdir)
    if descriptor is None:
        yield Folder(path, None)
        return
    try:
        yield Folder("", descriptor)
    finally:
        os.close(descriptor)


def _opened(path: str) -> int | None:
    """A descriptor of the directory; None where the system has none, or none for this one."""
    if not hasattr(os, "O_DIRECTORY"):
        os.stat(path)
        return None
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # perhaps it cannot be listed, which is not needed
        return os.open(path, os.O_PATH) if hasattr(os, "O_PATH") else None


def exists(path: str) -> FileExistsError:
    """The error to raise where ``path`` exists already."""
    return FileExistsError(errno.EEXIST, "already exists; use -f to overwrite", path)


def sync(descriptor: int) -> None:
    """Make a file, or the names in a directory, durable, as far as the file system knows how."""
    if sys.platform == "darwin":  # its fsync leaves all in the cache of the drive
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno == errno.EBADF and hasattr(os, "sync"):
            os.sync()  # a directory that may not be read cannot be synced alone
        elif error.errno not in _CANNOT_SYNC:
            raise
