"""Runs jobs on threads, as many at a time as threads and memory allow, with results in order.

It is for jobs that are whole files; ``nncomp.schedule`` runs the blocks of one file. Jobs print
nothing: the caller gets one result after another in its own thread, and reports it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

__all__ = ["Aborted", "Cost", "in_order"]

_J = TypeVar("_J")
_R = TypeVar("_R")
_Report = Callable[[float], None]  # called with how much has been done since the last call
_Do = Callable[[_J, "Cost | None", _Report], _R]  # (job, what it may take, report) → result

_PATIENCE = 0.1  # seconds after which the caller's thread looks after progress
_AHEAD = 1000  # jobs that may have begun before the one whose result comes next


@dataclass(frozen=True)
class Cost:
    """The resources that a job takes."""

    threads: int  # threads that it can use, 1…
    memory: int  # bytes while it runs
    result: int = 0  # bytes of its result, until that is taken


class Aborted(BaseException):
    """Raised by a job's report when nobody waits for its result any more: it only has to clean
    up."""


def in_order(
    jobs: Sequence[_J],
    do: _Do[_J, _R],
    cost_of: Callable[[_J], Cost | None],
    *,
    threads: int,
    memory: int,
    progress: _Report,
) -> Generator[_R, None, None]:
    """Yield the result of ``do(job, cost, report)`` for each of ``jobs``, in order.

    A job whose cost is None gets all threads, and runs in the caller's thread when no other job
    does. The others begin in order, with the threads that they can use, or more if there are fewer
    jobs than threads; ``cost`` tells them. A job does not begin if together with running jobs and
    results that are not taken yet it would exceed ``memory`` bytes, unless its result is the next
    to come. With one thread, no other thread is started, and the cost of every job is None.
    ``progress`` is called in the caller's thread.

    An error of a job is raised here at once. After that, or if the generator is closed early, all
    jobs are aborted at their next report, and waited for.
    """
    costs: dict[int, Cost | None] = {}

    def cost(number: int) -> Cost | None:
        if number not in costs:
            costs[number] = cost_of(jobs[number]) if threads > 1 else None
        return costs[number]

    def spare(begun: int, free: int) -> int:
        """Extra threads for a job: its share of those that the jobs that fit beside it leave."""
        used = count = 0
        for number in range(begun, len(jobs)):
            takes = cost(number)
            if takes is None or used + takes.threads > free:
                break
            used += takes.threads
            count += 1
        return (free - used) // max(1, count)

    def fits(takes: Cost) -> bool:
        room = memory - pool.memory
        return takes.threads <= threads - pool.threads and takes.memory + takes.result <= room

    pool = _Pool(do)
    begun = 0
    try:
        for number, job in enumerate(jobs):
            if number == begun and cost(number) is None:
                begun += 1
                yield do(job, None, progress)
                continue
            while number not in pool.ended:
                while begun < min(len(jobs), number + _AHEAD):
                    takes = cost(begun)
                    if takes is None or not (fits(takes) or begun == number):
                        break
                    share = takes.threads + spare(begun, threads - pool.threads)
                    pool.start(begun, jobs[begun], replace(takes, threads=share))
                    begun += 1
                pool.wait(_PATIENCE)
                progress(pool.take_reported())
            del costs[number]
            yield pool.take(number)
    finally:
        pool.abort()


class _Pool(Generic[_J, _R]):
    """The jobs that are running, each in a thread of its own, and those that have ended but whose
    results were not taken yet."""

    def __init__(self, do: _Do[_J, _R]) -> None:
        self.ended: dict[int, tuple[_R, Cost]] = {}
        self._do = do
        self._running: dict[int, Cost] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._ends: queue.SimpleQueue[tuple[int, list[_R], BaseException | None]]
        self._ends = queue.SimpleQueue()
        self._reported: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._aborted = False

    @property
    def threads(self) -> int:
        return sum(cost.threads for cost in self._running.values())

    @property
    def memory(self) -> int:
        running = sum(cost.memory + cost.result for cost in self._running.values())
        return running + sum(cost.result for _, cost in self.ended.values())

    def start(self, number: int, job: _J, cost: Cost) -> None:
        """Begin a job. If the system gives no thread, it runs in this one."""
        self._running[number] = cost
        work = (number, job, cost)
        self._threads[number] = thread = threading.Thread(target=self._run, args=work, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self._run(*work)

    def wait(self, seconds: float) -> None:
        """Wait until a job has ended, or for ``seconds``; raises the job's error."""
        try:
            number, result, error = self._ends.get(timeout=seconds)
        except queue.Empty:
            return
        del self._threads[number]
        cost = self._running.pop(number)
        if error is not None:
            raise error
        self.ended[number] = result[0], cost

    def take(self, number: int) -> _R:
        """The result of a job that has ended."""
        return self.ended.pop(number)[0]

    def take_reported(self) -> float:
        """The sum of all jobs' reports since the last call."""
        total = 0.0
        while not self._reported.empty():
            total += self._reported.get()
        return total

    def abort(self) -> None:
        """Have all jobs end at their next report, and wait for them."""
        self._aborted = True
        while self._running:
            try:
                del self._running[self._ends.get(timeout=_PATIENCE)[0]]
            except queue.Empty:  # a signal may have come before a thread had begun
                if not any(thread.is_alive() for thread in self._threads.values()):
                    break

    def _run(self, number: int, job: _J, cost: Cost) -> None:
        result, error = [], None
        try:
            result.append(self._do(job, cost, self._report))
        except BaseException as caught:
            error = caught
        self._ends.put((number, result, error))

    def _report(self, count: float) -> None:
        if self._aborted:
            raise Aborted
        if count:
            self._reported.put(count)
