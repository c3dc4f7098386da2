"""A lock for the methods of one object, as those of ``bz2`` and ``lzma`` have."""

from __future__ import annotations

import threading
from types import TracebackType

__all__ = ["Exclusive"]


class Exclusive:
    """Other threads wait. A call from within a call, as from a signal's handler, is an error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        caller = threading.get_ident()
        if self._owner == caller:
            raise RuntimeError("reentrant call: the object is at work in this thread")
        self._lock.acquire()
        self._owner = caller

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._owner = None
        self._lock.release()
