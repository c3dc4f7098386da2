"""A lock for the methods of one object, as those of ``bz2`` and ``lzma`` have."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

__all__ = ["Exclusive"]


class Exclusive:
    """``with exclusive():`` other threads wait. A call from within a call is an error, as from a
    signal's handler.

    What a signal's handler raises, as for Ctrl-C, never leaves the lock taken: it is taken and
    released by C, between whose calls and ``with`` no handler runs, as one may run within any
    function in Python.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __call__(self) -> AbstractContextManager[object]:
        if self._lock._is_owned():  # type: ignore[attr-defined]  # threading.Condition asks, too
            raise RuntimeError("reentrant call: the object is at work in this thread")
        return self._lock
