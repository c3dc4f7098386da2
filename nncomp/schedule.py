"""Runs tasks on threads and yields their results in order. A task may yield several results.

A single task runs in the caller's thread. Other threads are never needed: where the system gives no
thread, where the interpreter is about to end, and in a child of ``os.fork``, all tasks run in the
caller's. So this works in a finaliser, in ``atexit``, and in a thread that outlives the main one.
No lock is taken that the caller's thread might already hold: ``concurrent.futures`` and
``threading`` take process-wide locks, and would deadlock where the garbage collector runs a
finaliser while the thread holds one of them.
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

_MAX_TASKS = 512  # tasks that run at a time, at most
_PATIENCE = 0.1  # seconds after which a waiting thread looks after signals and progress
_LAST_WAIT = 1.0  # seconds to wait for threads whose results nobody wants any more


class Meter:
    """Turns progress in bytes of a block's streams into progress in bytes of its content, of which
    there may be more or fewer: it reports exactly ``size`` bytes in all."""

    def __init__(self, report: Progress, size: int) -> None:
        self._report = report
        self._left = size

    def __call__(self, count: int) -> None:
        count = min(count, self._left)
        self._left -= count
        self._report(count)

    def finish(self) -> None:
        """Report all bytes that were not reported yet."""
        self(self._left)


def unheard(report: Progress) -> Progress:
    """A ``Progress`` for additional work: it reports no bytes, but calls ``report``, which may
    raise to abort."""
    return lambda count: report(0)


def in_order(
    tasks: Iterator[Task[_T]],
    width: Callable[[int], int],
    most: Callable[[int], int],
    threads: int,
    progress: Progress | None,
) -> Generator[_T, None, None]:
    """Run ``tasks``, at most ``width(there)`` at a time, and yield their results in order.

    So that a long task does not hold up others, results of later ones may wait for it: with those
    there are at most ``most(there)`` tasks. Both are at least 1, and are told how many of the tasks
    that came last are not done. ``tasks`` is iterated over, and ``progress`` is called, in the
    caller's thread. Fewer tasks than threads share the threads. When the iterator raises, earlier
    results still come, then the error. Closing this generator aborts running tasks at their next
    report.
    """
    pending: deque[_Running[_T]] = deque()
    failure: Exception | None = None
    ended = False
    following: list[Task[_T]] = []  # the next task, if it has to wait until there is room for it
    bell = _Bell()

    def report(count: int) -> None:
        if progress is not None and count:
            progress(count)

    def running() -> int:
        return sum(not run.ended for run in pending)

    def fits(drawn: int) -> bool:
        """Whether one more task may begin."""
        exist = drawn + len(pending)
        there = exist + len(following)
        wide = drawn + running() < min(width(there), _MAX_TASKS)
        return wide and exist < most(there)

    def draw() -> list[Task[_T]]:
        nonlocal failure, ended
        drawn: list[Task[_T]] = []
        try:
            while (following or not ended) and fits(len(drawn)):
                if following:
                    drawn.append(following.pop())
                else:  # who iterates learns of its needs, so there may be no room any more
                    following.append(next(tasks))
        except StopIteration:
            ended = True
        except Exception as error:
            failure, ended = error, True
        return drawn

    try:
        while True:
            drawn = draw()
            if not pending and len(drawn) == 1:
                yield from drawn.pop()(threads, report)  # ``pop``: nothing else keeps its model
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
        if failure is not None:
            raise failure
    finally:
        failure = None  # no cycle: its traceback leads to this frame
        _end(pending)


class _Bell:
    """Wakes the caller's thread; no other thread waits for it."""

    def __init__(self) -> None:
        self._silent = _thread.allocate_lock()
        self._silent.acquire()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was rung already
            self._silent.release()

    def wait(self, seconds: float) -> None:
        self._silent.acquire(timeout=seconds)


class _Aborted(Exception):
    """Raised inside a task whose result nobody waits for any more."""


class _Running(Generic[_T]):
    """A task on a thread of its own, or if none can be started, in the thread that calls
    ``results``."""

    def __init__(self, task: Task[_T], share: int, bell: _Bell) -> None:
        self._task = task
        self._share = share  # threads that the task may use
        self._bell = bell  # rung at each result and at the end
        self._process = os.getpid()
        self._reports: deque[int] = deque()
        self._aborted = False
        self._results: deque[_T] = deque()  # results that were not taken yet
        self._taken = 0  # number of results that were taken
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
        """Whether no thread runs the task: it has ended, or never had one."""
        return not (self._is_elsewhere() and self._done.locked())

    def results(self, progress: Progress) -> Generator[_T, None, bool]:
        """Yield the results since the last call; returns whether the task is complete, or raises
        what it raised. A task without a thread runs here; one whose thread is lost runs again."""
        ended = self.ended
        while self._results:
            self._taken += 1
            yield self._results.popleft()
        if not ended:
            return False
        if self._error is not None and not self._aborted:
            try:
                raise self._error
            finally:
                self._error = None
        if not self._complete:
            yield from itertools.islice(self._task(self._share, progress), self._taken, None)
        return True

    def reported(self) -> int:
        """The sum of the reports since the last call. No lock: a deque's methods are atomic."""
        total = 0
        while self._reports:
            total += self._reports.popleft()
        return total

    def abort(self) -> None:
        """Have the task end at its next report. ``results`` would run it again."""
        self._aborted = True

    def wait(self, seconds: float) -> None:
        """Wait up to ``seconds`` for the thread, if there is one, to end."""
        if self._is_elsewhere() and self._done.acquire(timeout=seconds):
            self._done.release()

    def _is_elsewhere(self) -> bool:
        """Whether there is a thread to wait for. After a fork the child has none of its parent's
        threads, and while the interpreter ends none gets to run."""
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


_live: set[_Running[Any]] = set()  # tasks that a thread is running
_ending = False  # whether the interpreter is about to end; then no thread is started any more


def _end(runs: deque[_Running[_T]]) -> None:
    """Have ``runs`` end, and wait a little for them, while their input is kept alive."""
    for run in runs:
        run.abort()
    until = time.monotonic() + _LAST_WAIT
    for run in runs:
        run.wait(max(0.0, until - time.monotonic()))


@atexit.register
def _end_all() -> None:
    """Stop all tasks: no thread may be inside the engine when the interpreter is torn down."""
    global _ending
    _ending = True
    _end(deque(_live))
