"""What a system lacks that is no POSIX, taken away from this one: how Windows differs, for tests.

Not its names, its terminals or its signals; what is open can be renamed here, and is not to be.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MISSING = (
    *("O_DIRECTORY", "O_NOFOLLOW", "O_PATH", "fchmod", "fchown", "fork", "get_blocking"),
    *("sched_getaffinity", "sync", "wait4"),
)


def imitate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions of ``os`` fail as they do there: see ``MISSING``, and the ones below."""
    for name in MISSING:
        monkeypatch.delattr(os, name, raising=False)
    for name in ("link", "open", "rename", "replace", "stat", "unlink", "utime"):
        monkeypatch.setattr(os, name, _imitated(name, getattr(os, name)))
    monkeypatch.setattr(os, "fsync", _fsync)


def _imitated(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def function(path: Any, *args: Any, **more: Any) -> Any:
        for key, value in more.items():
            if key.endswith("dir_fd") and value is not None:
                raise NotImplementedError(f"{key} unavailable on this platform")
        if name == "link" and "follow_symlinks" in more:  # True, too, from Python 3.14 on
            raise NotImplementedError("follow_symlinks unavailable on this platform")
        if name == "utime" and isinstance(path, int):
            raise TypeError("path should be string, bytes or os.PathLike, not int")
        if name == "open" and Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", path)
        if name in ("rename", "replace", "unlink") and _is_open(path):
            raise PermissionError(errno.EACCES, "The process cannot access the file", path)
        return original(path, *args, **more)

    return function


def _is_open(path: Any) -> bool:
    place = os.path.realpath(path)
    if os.path.dirname(place) == tempfile.gettempdir():
        return False  # the tests' own
    links = (os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return place in links


_system_fsync = os.fsync


def _fsync(descriptor: int) -> None:
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "Bad file descriptor")
    _system_fsync(descriptor)
