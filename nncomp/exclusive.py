"""A lock that the methods of one object share, as in ``bz2`` and ``lzma``."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

__all__ = ["Exclusive"]


class Exclusive:
    """``with exclusive():`` makes other threads wait. A nested call, such as one from a signal
    handler, raises ``RuntimeError``.

    An exception out of a signal handler, as for Ctrl-C, never leaves the lock taken: ``with`` takes
    and releases an RLock in C, where no handler can run in between. A lock taken by a function in
    Python would not be safe.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __call__(self) -> AbstractContextManager[object]:
        if self._lock._is_owned():  # type: ignore[attr-defined]  # threading.Condition asks, too
            raise RuntimeError("reentrant call: the object is at work in this thread")
        return self._lock
