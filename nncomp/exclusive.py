"""A lock that the methods of one object share, as in ``bz2`` and ``lzma``."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager

__all__ = ["Exclusive"]

_forks = 0  # from the process that has imported this to the present one; ``getpid`` takes longer


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Exclusive:
    """``with exclusive():`` makes other threads wait. A nested call, such as one from a signal
    handler, raises ``RuntimeError``.

    An exception out of a signal handler, as for Ctrl-C, never leaves the lock taken: ``with`` takes
    and releases an RLock in C, where no handler can run in between. A lock taken by a function in
    Python would not be safe.
    """

    def __init__(self) -> None:
        self._locks = {_forks: threading.RLock()}  # ``_forks`` of a process → its lock

    def __call__(self) -> AbstractContextManager[object]:
        lock = self._locks.get(_forks)
        if lock is None:  # a child of os.fork, which has not the thread that may hold the other
            lock = self._locks.setdefault(_forks, threading.RLock())
        if lock._is_owned():  # type: ignore[attr-defined]  # threading.Condition asks, too
            raise RuntimeError("reentrant call: the object is at work in this thread")
        return lock
