"""Jobs on threads, as many at a time as there are threads and memory for, with results in order.

For jobs that are whole files; the blocks of one file are ``nncomp.schedule``'s. What a job finds
out is for the caller to tell, who gets one result after another in its own thread.
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

_PATIENCE = 0.1  # seconds; how often the caller's thread looks after progress
_AHEAD = 1000  # jobs that may have begun before the one whose result comes next


@dataclass(frozen=True)
class Cost:
    """What a job takes while it runs."""

    threads: int  # that it has use for, 1…
    memory: int  # bytes while it runs
    result: int = 0  # bytes until its result is taken


class Aborted(BaseException):
    """Raised by a job's report when nobody waits for the job any more: there is but to clean up."""


def in_order(
    jobs: Sequence[_J],
    do: _Do[_J, _R],
    cost_of: Callable[[_J], Cost | None],
    *,
    threads: int,
    memory: int,
    progress: _Report,
) -> Generator[_R, None, None]:
    """What ``do(job, cost, report)`` gives for each of ``jobs``, in order.

    A job whose cost is None has all threads, and is done in the caller's when no other runs. The
    others begin in order, and have the threads that they can use, or more where there are fewer
    jobs than threads: ``cost`` says how many. None begins where it would take more than ``memory``
    bytes together with what runs and with results that are not taken yet, unless it is the next
    whose result is to come. With one thread, no other is started, and the cost of every job is
    None. ``progress`` is called in the caller's thread.

    What a job raises is raised here at once. Then, and where the caller leaves early, all jobs are
    aborted at their next report, and waited for.
    """
    costs: dict[int, Cost | None] = {}

    def cost(number: int) -> Cost | None:
        if number not in costs:
            costs[number] = cost_of(jobs[number]) if threads > 1 else None
        return costs[number]

    def spare(begun: int, free: int) -> int:
        """Threads for a job in addition: its part of what the jobs that fit beside it leave."""
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
    """Jobs that run, each in a thread of its own, and those that have ended, but for the results
    that were taken."""

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
        """Begin a job. Where the system gives no thread, it is done here and now."""
        self._running[number] = cost
        work = (number, job, cost)
        self._threads[number] = thread = threading.Thread(target=self._run, args=work, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self._run(*work)

    def wait(self, seconds: float) -> None:
        """Until a job has ended, or for some time; raises what it has raised."""
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
        """How much jobs have done since the last call."""
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
