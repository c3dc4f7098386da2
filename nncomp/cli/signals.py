"""Handles signals: cleans up first, then ends the process in the way that its parent expects.

After any signal that would end a process, it cleans up and dies of the same signal, so that a shell
stops its loop; after SIGTERM it exits with status 143. SIGPIPE is treated like the others: while a
line about one file is written, other files may be unfinished. Signals that cannot be handled, and
those of faults in the program itself, are left alone.
"""

from __future__ import annotations

import _thread
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = [
    "HANDLED",
    "Signalled",
    "at_once",
    "deferred",
    "die",
    "handle",
    "has_caused",
    "install",
    "obeying",
    "uninstall",
]

_NAMES = (
    *("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU"),
    *("SIGUSR1", "SIGUSR2", "SIGIO", "SIGPWR", "SIGSTKFLT", "SIGPIPE"),
)
_PIPE = getattr(signal, "SIGPIPE", None)
HANDLED = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
if hasattr(signal, "SIGRTMIN"):
    HANDLED += range(signal.SIGRTMIN, signal.SIGRTMAX + 1)

_CLEAN_UP_TIME = 1.0  # seconds after a signal in which others are ignored
_AGAIN = 0.01  # seconds after which a signal that got lost, or came too early, is raised again
_last = float("-inf")  # when a signal was last raised, or kept
_kept: list[int] | None = None  # the signal that deferred() keeps, if any; None outside of it
_first: int | None = None  # the first signal that came


class Signalled(BaseException):
    """Raised by a signal, so that everything is cleaned up before the process dies of it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def at_once() -> None:
    """Until ``install`` is called, let SIGINT end the process silently: nothing has been begun."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def install() -> None:
    """Turn signals into ``Signalled``, except those that our parent wants ignored (nohup)."""
    for number in HANDLED:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, handle)
    if _PIPE is not None:
        signal.signal(_PIPE, handle)  # Python ignores it, whatever our parent wants
    sys.unraisablehook = _lost


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """For work that can only stop at certain points: yields a function that says whether to stop.

    The first signal is kept, and raised when the block is left; the next one is raised at once.
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


def uninstall() -> None:
    """Restore the default handlers at the end of the work.

    If a signal came before, dies of it: a library may have swallowed ``Signalled`` as a failure of
    its own.
    """
    for number in HANDLED:
        if signal.getsignal(number) == handle:
            signal.signal(number, signal.SIG_DFL)
    sys.unraisablehook = sys.__unraisablehook__
    if _first is not None:
        die(_first)


def obeying(work: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``work`` returns, or die of a signal after cleaning up."""
    try:
        install()
        status = work()
        uninstall()
    except Signalled as signalled:
        number = signalled.number
    else:
        sys.exit(status)
    # If it came after a context manager was made but before its 'with', the context only ends when
    # the frames that the exception held are collected.
    gc.collect()
    die(number)


def has_caused(error: BaseException) -> bool:
    """Whether ``error`` was caused by a ``Signalled`` that a library took for a failure."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return any(isinstance(each, Signalled) for each in seen)


def die(number: int) -> NoReturn:
    """End the process as the signal would, without waiting for threads."""
    if number != signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def handle(number: int, frame: FrameType | None) -> None:
    # A second signal must not interrupt the clean-up after the first. But a library may have
    # swallowed the exception, so after a while a signal counts again. SIGPIPE always counts: it
    # only comes from writing, which may happen again when a stream is closed.
    global _last, _first
    _first = _first or number
    if _is_too_early(frame):
        _raise_soon(number)
        return
    now = time.monotonic()
    if now - _last > _CLEAN_UP_TIME or number == _PIPE:
        _last = now
        if _kept == []:
            _kept.append(number)
            return
        raise Signalled(number)


def _lost(unraisable: UnraisableHookArgs) -> None:
    """The hook for exceptions in destructors and callbacks, which get lost: signals come again."""
    global _last
    if _first is None or not issubclass(unraisable.exc_type, Signalled):
        sys.__unraisablehook__(unraisable)
        return
    _last = float("-inf")
    _raise_soon(_first)


def _is_too_early(frame: FrameType | None) -> bool:
    """Whether an exception raised in ``frame`` might get lost: a module is being imported, or
    ``_lost`` is running."""
    while frame is not None and frame.f_code is not _lost.__code__:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return frame is not None


def _raise_soon(number: int) -> None:
    again = threading.Timer(_AGAIN, _to_main, (number,))
    again.daemon = True
    try:
        again.start()
    except (RuntimeError, MemoryError):  # no thread to be had; during an import, nothing is begun
        die(number)


def _to_main(number: int) -> None:
    """Send a signal to the main thread, which also interrupts a blocking call, where supported."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))
