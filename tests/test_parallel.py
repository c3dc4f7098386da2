"""Jobs on threads: their order, how many at a time, and how they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from nncomp.cli.parallel import Aborted, Cost, in_order

Report = Callable[[float], None]
ONE = Cost(1, 1)
DEADLINE = 60.0  # seconds


def ignore(count: float) -> None:
    pass


class Watch:
    """Jobs that sleep; knows which ones ran at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: dict[int, int] = {}  # job → its threads
        self.begun: list[int] = []
        self.most = 0  # threads at a time
        self.together: set[frozenset[int]] = set()
        self.shares: dict[int, int] = {}
        self.places: dict[int, threading.Thread] = {}

    def do(self, job: int, cost: Cost | None, report: Report) -> int:
        threads = 0 if cost is None else cost.threads
        with self.lock:
            self.begun.append(job)
            self.running[job] = self.shares[job] = threads
            self.places[job] = threading.current_thread()
            self.most = max(self.most, sum(self.running.values()))
            self.together.add(frozenset(self.running))
        time.sleep(0.02 if job % 7 else 0.06)
        report(1)
        with self.lock:
            del self.running[job]
        return -job


def run(watch: Watch, costs: Sequence[Cost | None], threads: int, memory: int = 100) -> list[int]:
    done: list[float] = []
    results = in_order(
        range(len(costs)),
        watch.do,
        costs.__getitem__,
        threads=threads,
        memory=memory,
        progress=done.append,
    )
    found = list(results)
    assert sum(done) == len(costs)
    return found


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_results_are_in_order(threads: int) -> None:
    """However long each takes; no more threads than there are"""
    watch = Watch()
    assert run(watch, [ONE] * 40, threads) == [-i for i in range(40)]
    assert watch.most <= (threads if threads > 1 else 0)
    assert watch.begun == sorted(watch.begun) or threads > 1


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_all_threads_are_used(threads: int) -> None:
    """As many jobs at once as there are threads: each waits for the others"""
    together = threading.Barrier(threads)

    def do(job: int, cost: Cost | None, report: Report) -> int:
        together.wait(DEADLINE)
        return job

    jobs = range(threads)
    results = in_order(jobs, do, lambda i: ONE, threads=threads, memory=100, progress=ignore)
    assert list(results) == list(jobs)


def test_one_thread_is_the_callers() -> None:
    watch = Watch()
    run(watch, [ONE] * 3, 1)
    assert set(watch.places.values()) == {threading.current_thread()}
    run(watch, [None] * 3, 4)
    assert set(watch.places.values()) == {threading.current_thread()}
    assert set(watch.shares.values()) == {0}


def test_some_are_alone() -> None:
    """Cost None: in the caller's thread, and nothing else runs"""
    watch = Watch()
    costs = [None if i in (0, 5, 6, 11) else ONE for i in range(12)]
    assert run(watch, costs, 3) == [-i for i in range(12)]
    for i in (0, 5, 6, 11):
        assert watch.places[i] is threading.current_thread() and watch.shares[i] == 0
        assert [group for group in watch.together if i in group] == [{i}]


def test_memory() -> None:
    """Together no more than there is, but one at least"""
    watch = Watch()
    assert run(watch, [Cost(1, 40)] * 10, 8) == [-i for i in range(10)]
    assert max(map(len, watch.together)) == 2
    watch = Watch()
    run(watch, [Cost(1, 101)] * 3, 8)
    assert max(map(len, watch.together)) == 1


def test_memory_of_results() -> None:
    """They count until they are taken"""
    begun: list[int] = []
    blocked = threading.Event()

    def do(job: int, cost: Cost | None, report: Report) -> int:
        begun.append(job)
        if job == 0:
            assert blocked.wait(DEADLINE)
        return job

    def stop_waiting(count: float) -> None:
        if len(begun) == 4:
            blocked.set()

    jobs = range(20)
    results = in_order(
        jobs, do, lambda job: Cost(1, 10, 20), threads=2, memory=100, progress=stop_waiting
    )
    assert next(results) == 0 and begun == [0, 1, 2, 3]  # 30 for the first, 20 each, and 30
    assert list(results) == list(jobs[1:])


@pytest.mark.parametrize(
    ("threads", "wanted", "shares"),
    [
        (8, [1, 1], [4, 4]),
        (8, [1, 1, 1], [2, 3, 3]),
        (2, [1, 1, 1], [1, 1, 1]),
        (8, [5], [8]),
        (8, [1, 5], [2, 6]),
        (8, [5, 5], [8, 8]),
        (4, [2, 2], [2, 2]),
    ],
)
def test_few_jobs_share_the_threads(threads: int, wanted: list[int], shares: list[int]) -> None:
    watch = Watch()
    run(watch, [Cost(n, 1) for n in wanted], threads)
    assert list(watch.shares.values()) == shares
    assert watch.most <= threads


def test_a_long_one_holds_up_results_only() -> None:
    """Others begin and end behind it"""
    others = threading.Event()

    def do(job: int, cost: Cost | None, report: Report) -> int:
        if job == 0:
            assert others.wait(DEADLINE)
        if job == 19:
            others.set()
        return job

    jobs = range(20)
    results = in_order(jobs, do, lambda job: ONE, threads=2, memory=9, progress=ignore)
    assert list(results) == list(jobs)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_what_a_job_raises(kind: type[BaseException]) -> None:
    """Is raised at once; the others are aborted, and have cleaned up by then"""
    ends: list[type[BaseException]] = []

    def do(job: int, cost: Cost | None, report: Report) -> int:
        if job == 2:
            raise kind
        try:
            deadline = time.monotonic() + DEADLINE
            while time.monotonic() < deadline:
                report(0)
                time.sleep(0.001)
        except BaseException as error:
            time.sleep(0.05)
            ends.append(type(error))
            raise
        return job

    with pytest.raises(kind):
        list(in_order(range(9), do, lambda job: ONE, threads=3, memory=9, progress=ignore))
    assert ends == [Aborted, Aborted]


def test_leaving_early() -> None:
    """As an exception in the caller's thread does, a signal's handler's, say"""
    ended: list[int] = []

    def do(job: int, cost: Cost | None, report: Report) -> int:
        try:
            while job:
                report(1)
                time.sleep(0.001)
        finally:
            ended.append(job)
        return job

    results = in_order(range(9), do, lambda job: ONE, threads=3, memory=9, progress=ignore)
    assert next(results) == 0
    results.close()
    assert set(ended) >= {0} and threading.active_count() == len(threading.enumerate())
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count  # nothing runs on

    def stop(count: float) -> None:
        raise InterruptedError

    ended.clear()
    with pytest.raises(InterruptedError):
        list(in_order(range(1, 9), do, lambda job: ONE, threads=3, memory=9, progress=stop))
    assert len(ended) == 3


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is done in the caller's"""
    watch = Watch()

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert run(watch, [ONE] * 5, 3) == [-i for i in range(5)]
    assert set(watch.places.values()) == {threading.current_thread()}
