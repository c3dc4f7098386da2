"""A directory in which a file is made under a passing name, and then gets its own.

Where the system opens files below an open directory (POSIX), that is what is done: it stays the
same whatever it is renamed to, and names in it are as short as they can be. Elsewhere (Windows)
names are joined. Errors speak of whatever name the system was given.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Folder", "exists", "open_folder", "sync"]

# What a file system says that knows no fsync, or not of directories.
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY,
                errno.EPERM, errno.EACCES}  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """An open directory. ``path`` comes before names in it: empty where it has a descriptor."""

    path: str
    descriptor: int | None

    def open(self, name: str, flags: int) -> int:
        """A descriptor of the file ``name``; one that is made is for its owner alone."""
        return os.open(self.place(name), flags, 0o600, dir_fd=self.descriptor)

    def publish(self, temporary: str, name: str, *, force: bool) -> None:
        """Give a file its name. If there is one of that name, it is replaced, or an error."""
        old, new, at = self.place(temporary), self.place(name), self.descriptor
        if force:
            os.replace(old, new, src_dir_fd=at, dst_dir_fd=at)
            return
        try:  # unlike a rename, fails if somebody else was faster
            os.link(old, new, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=at is None)
        except FileExistsError:
            raise exists(name) from None
        except OSError:  # no hard links here
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
        """Make the names durable."""
        if self.descriptor is not None:
            sync(self.descriptor)

    def place(self, name: str) -> str:
        """``name`` as the system is to be given it."""
        return os.path.join(self.path, name)


@contextlib.contextmanager
def open_folder(path: str) -> Iterator[Folder]:
    """The directory ``path``, or the current one if that is empty."""
    if not hasattr(os, "O_DIRECTORY"):
        os.stat(path or os.curdir)
        yield Folder(path, None)
        return
    try:
        descriptor = os.open(path or os.curdir, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # to list it, perhaps, which is not needed
        descriptor = os.open(path or os.curdir, getattr(os, "O_PATH", os.O_RDONLY))
    try:
        yield Folder("", descriptor)
    finally:
        os.close(descriptor)


def exists(path: str) -> FileExistsError:
    """The error of a name that is taken."""
    return FileExistsError(errno.EEXIST, "already exists; use -f to overwrite", path)


def sync(descriptor: int) -> None:
    """Make a file, or the names in a directory, durable, as far as the file system knows how."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno == errno.EBADF and hasattr(os, "sync"):
            os.sync()  # a directory that may not be read cannot be synced alone
        elif error.errno not in _CANNOT_SYNC:
            raise
