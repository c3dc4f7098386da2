"""Signals: clean up first, then end as whoever waits for us expects.

All that would end a process: die of them, so that a shell stops its loop; but SIGTERM: exit status
143. So does SIGPIPE, as it does other filters: while a line about one file is written, others may
be unfinished. Left alone are those that cannot be handled, and those of a fault in the program
itself.
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

_CLEAN_UP_TIME = 1.0  # seconds
_AGAIN = 0.01  # seconds after which a signal is raised again that got lost, or came too early
_last = float("-inf")  # when a signal was raised, or kept
_kept: list[int] | None = None  # by deferred(): at most one signal
_first: int | None = None  # signal that there was


class Signalled(BaseException):
    """A signal to die of, on its way through everybody's clean-up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def at_once() -> None:
    """Until ``install``, die of SIGINT without a word: nothing has been begun."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def install() -> None:
    """Turn signals into ``Signalled``, but for those that our parent wants ignored (nohup)."""
    for number in HANDLED:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, handle)
    if _PIPE is not None:
        signal.signal(_PIPE, handle)  # Python ignores it, whatever our parent wants
    sys.unraisablehook = _lost


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


def uninstall() -> None:
    """For the end: whatever comes now may end the process as it likes.

    Dies of a signal that there was: some library may have taken a ``Signalled`` for a failure of
    its own.
    """
    for number in HANDLED:
        if signal.getsignal(number) == handle:
            signal.signal(number, signal.SIG_DFL)
    sys.unraisablehook = sys.__unraisablehook__
    if _first is not None:
        die(_first)


def obeying(work: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``work`` gives; or die of a signal, once all is cleaned up."""
    try:
        install()
        status = work()
        uninstall()
    except Signalled as signalled:
        number = signalled.number
    else:
        sys.exit(status)
    # Where it came between the beginning of a context and its 'with', the context ends only when
    # what the exception held is collected.
    gc.collect()
    die(number)


def has_caused(error: BaseException) -> bool:
    """Whether some library has taken a ``Signalled`` for a failure of its own."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return any(isinstance(each, Signalled) for each in seen)


def die(number: int) -> NoReturn:
    """End as the signal would have it; threads still at work are not waited for."""
    if number != signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)


def handle(number: int, frame: FrameType | None) -> None:
    # One is enough: a second one must not interrupt the clean-up. But some library may have
    # swallowed the exception, so a later one counts again. SIGPIPE always does: it comes of nothing
    # but writing, and closing a stream writes once more.
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
    """A hook for exceptions that nobody gets, of destructors and callbacks: signals come again."""
    global _last
    if _first is None or not issubclass(unraisable.exc_type, Signalled):
        sys.__unraisablehook__(unraisable)
        return
    _last = float("-inf")
    _raise_soon(_first)


def _is_too_early(frame: FrameType | None) -> bool:
    """Whether what is raised may be printed or lost: a module is being loaded, or _lost works."""
    while frame is not None and frame.f_code is not _lost.__code__:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return frame is not None


def _raise_soon(number: int) -> None:
    again = threading.Timer(_AGAIN, _to_main, (number,))
    again.daemon = True
    again.start()


def _to_main(number: int) -> None:
    """Send the main thread a signal, which ends what it waits for where there is such a call."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))
