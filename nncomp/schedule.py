"""Runs tasks on threads, with their results in order. A task may have several, one after the other.

One task at a time runs in the caller's thread, and no other thread is started for it; nor are any
needed: where the system gives no thread, where the interpreter is about to end, and in a child of
``os.fork``, tasks run in the caller's. So this works in a finaliser, in ``atexit``, in whatever
thread outlives the main one. No lock is taken that the caller's thread might already hold:
``concurrent.futures`` and ``threading`` take locks of the whole process, and wait for ever where
the garbage collector runs a finaliser inside of one of them.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import itertools
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

__all__ = ["Meter", "Progress", "Task", "in_order", "unheard"]

_T = TypeVar("_T")
Progress = Callable[[int], None]  # called with the bytes of content done since the last call
Task = Callable[[int, Progress], Iterator[_T]]  # (threads, report) → results; may be run again

_MAX_TASKS = 512  # at a time
_PATIENCE = 0.1  # seconds; how often a waiting thread looks after signals and progress
_LAST_WAIT = 1.0  # seconds; for threads whose result nobody wants any more


class Meter:
    """Reports bytes of a block's streams, of which there may be more or fewer, as bytes of its
    content."""

    def __init__(self, report: Progress, size: int) -> None:
        self._report = report
        self._left = size

    def __call__(self, count: int) -> None:
        count = min(count, self._left)
        self._left -= count
        self._report(count)

    def finish(self) -> None:
        """All of it is done."""
        self(self._left)


def unheard(report: Progress) -> Progress:
    """Passes on no count, but what ``report`` raises: for work that is done in addition."""
    return lambda count: report(0)


def in_order(
    tasks: Iterator[Task[_T]],
    width: Callable[[], int],
    most: Callable[[], int],
    threads: int,
    progress: Progress | None,
) -> Generator[_T, None, None]:
    """Run ``tasks``, at most ``width()`` at a time; results in order.

    So that a long one does not hold up others, some may have ended behind it: with those, there are
    at most ``most()``. Tasks are drawn, and ``progress`` is called, in the caller's thread. Fewer
    tasks than threads share the threads. When drawing a task fails, earlier results still come,
    then the error. Leaving early aborts what is running at its next report.
    """
    pending: deque[_Running[_T]] = deque()
    failure: Exception | None = None
    bell = _Bell()

    def report(count: int) -> None:
        if progress is not None and count:
            progress(count)

    def running() -> int:
        return sum(not run.ended for run in pending)

    def draw() -> list[Task[_T]]:
        nonlocal failure
        drawn: list[Task[_T]] = []
        try:
            # Drawing one may show that there is room for more or fewer.
            while (
                failure is None
                and len(drawn) + running() < min(max(1, width()), _MAX_TASKS)
                and len(drawn) + len(pending) < max(1, most())
            ):
                drawn.append(next(tasks))
        except Exception as error:  # StopIteration too: the one that is no failure
            failure = error
        return drawn

    try:
        while True:
            drawn = draw()
            if not pending and len(drawn) == 1:
                yield from drawn.pop()(threads, report)  # and nothing keeps the task, nor its model
                continue
            active = running() + len(drawn)
            for i, task in enumerate(drawn):
                share = max(1, threads // active + (i < threads % active))
                pending.append(_Running(task, share, bell))
            if not pending:
                break
            for run in pending:
                report(run.reported())
            if (yield from pending[0].results(report)):
                pending.popleft()
            else:
                bell.wait(_PATIENCE)
        if failure is not None and not isinstance(failure, StopIteration):
            raise failure
    finally:
        _end(pending)


class _Bell:
    """Wakes the caller's thread, which alone waits for it."""

    def __init__(self) -> None:
        self._silent = _thread.allocate_lock()
        self._silent.acquire()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rings already
            self._silent.release()

    def wait(self, seconds: float) -> None:
        self._silent.acquire(timeout=seconds)


class _Aborted(Exception):
    """Raised inside a task whose result nobody waits for any more."""


class _Running(Generic[_T]):
    """A task on a thread of its own, if there is one to be had, or else in that of ``results``."""

    def __init__(self, task: Task[_T], share: int, bell: _Bell) -> None:
        self._task = task
        self._share = share  # of the threads
        self._bell = bell  # for results, and the end
        self._process = os.getpid()
        self._reports: deque[int] = deque()
        self._aborted = False
        self._results: deque[_T] = deque()  # those that were not taken yet
        self._taken = 0  # the others
        self._complete = False
        self._error: BaseException | None = None
        self._done = _thread.allocate_lock()  # held until the thread ends
        self._started = not _ending and not sys.is_finalizing()
        if self._started:
            self._done.acquire()
            try:
                _thread.start_new_thread(self._run, ())
            except (RuntimeError, MemoryError):  # no thread to be had
                self._started = False
                self._done.release()

    @property
    def ended(self) -> bool:
        """Whether no thread runs it: any more, or at all."""
        return not (self._is_elsewhere() and self._done.locked())

    def results(self, progress: Progress) -> Generator[_T, None, bool]:
        """What the task has given since; returns whether that is all, or raises what it raised.
        What no thread runs goes on here."""
        ended = self.ended
        while self._results:
            self._taken += 1
            yield self._results.popleft()
        if not ended:
            return False
        if self._error is not None and not self._aborted:
            raise self._error
        if not self._complete:
            yield from itertools.islice(self._task(self._share, progress), self._taken, None)
        return True

    def reported(self) -> int:
        """The sum of what was reported since: appending and removing are atomic."""
        total = 0
        while self._reports:
            total += self._reports.popleft()
        return total

    def abort(self) -> None:
        """Have the task end at its next report. ``results`` begins anew."""
        self._aborted = True

    def wait(self, seconds: float) -> bool:
        """Whether the thread ends by then, or there is none to wait for."""
        if not self._is_elsewhere():
            return True
        ended = self._done.acquire(timeout=seconds)
        if ended:
            self._done.release()
        return ended

    def _is_elsewhere(self) -> bool:
        """Whether there is a thread to wait for: the parent's are not the child's, and none gets on
        while the interpreter ends."""
        return self._started and self._process == os.getpid() and not sys.is_finalizing()

    def _run(self) -> None:
        _live.add(self)
        try:
            for result in self._task(self._share, self._report):
                self._results.append(result)
                self._bell.ring()
            self._complete = True
        except BaseException as error:
            self._error = error
        finally:
            _live.discard(self)
            self._done.release()
            self._bell.ring()

    def _report(self, count: int) -> None:
        if self._aborted:
            raise _Aborted
        if count:
            self._reports.append(count)


_live: set[_Running[Any]] = set()  # those with a thread
_ending = False  # whether the interpreter is: then no thread is started any more


def _end(runs: deque[_Running[_T]]) -> None:
    """Have ``runs`` end, and wait for them a little: so long their input stays alive."""
    for run in runs:
        run.abort()
    until = time.monotonic() + _LAST_WAIT
    for run in runs:
        run.wait(max(0.0, until - time.monotonic()))


@atexit.register
def _end_all() -> None:
    """No thread may be inside the engine when the interpreter takes itself apart."""
    global _ending
    _ending = True
    _end(deque(_live))
