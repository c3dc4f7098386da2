"""Signals: clean up first, then end as whoever waits for us expects.

SIGINT and SIGHUP: die of them, so that a shell stops its loop; SIGTERM: exit status 143. SIGPIPE
kills at once, as it does other filters: nothing is written to a pipe while a file is unfinished.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

__all__ = ["Signalled", "deferred", "die", "install"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_HANDLED = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


_CLEAN_UP_TIME = 1.0  # seconds
_last = float("-inf")  # when a signal was raised, or kept
_kept: list[int] | None = None  # by deferred(): at most one signal


class Signalled(BaseException):
    """A signal to die of, on its way through everybody's clean-up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def install() -> None:
    """Turn signals into ``Signalled``, but for those that our parent wants ignored (nohup)."""
    for number in _HANDLED:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """For work that may only stop at certain points: gives what tells whether it should.

    A signal is kept until the block is left, and raised then; the next one is raised at once.
    """
    global _kept
    kept: list[int] = []
    _kept = kept
    try:
        yield lambda: bool(kept)
    finally:
        _kept = None
    if kept:
        raise Signalled(kept[0])


def die(number: int) -> NoReturn:
    """End as the signal would have it; threads still at work are not waited for."""
    if number != signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def _handle(number: int, frame: FrameType | None) -> None:
    # One is enough: a second one must not interrupt the clean-up. But an exception can get lost (in
    # a destructor, say), so a later one counts again.
    global _last
    now = time.monotonic()
    if now - _last > _CLEAN_UP_TIME:
        _last = now
        if _kept == []:
            _kept.append(number)
            return
        raise Signalled(number)
