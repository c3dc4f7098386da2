"""Where blocks are coded, and how many at a time, also where frames that differ are in one file."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import models
import nncomp
from nncomp import engine, levels, schedule
from nncomp.container import Header
from nncomp.engine import native
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.options import Options
from nncomp.places import Place, Places
from nncomp.plan import memory
from nncomp.schedule import Progress


class Slow:
    """The native engine; knows how many bytes each block has that is decoded at the same time."""

    encode_block = staticmethod(native.encode_block)
    frequencies = staticmethod(native.frequencies)

    def __init__(self) -> None:
        self.together: list[list[int]] = []
        self._now: list[int] = []
        self._lock = threading.Lock()

    def decode_block(
        self, model: Model | None, payloads: list[bytes], size: int, *more: Any, **by: Any
    ) -> bytes:
        with self._lock:
            self._now.append(size)
            self.together.append([*self._now])
        time.sleep(0.03)
        content = native.decode_block(model, payloads, size, *more, **by)
        with self._lock:
            self._now.remove(size)
        return content

    @property
    def most(self) -> int:
        return max(map(len, self.together), default=0)


class SlowGPU(Slow):
    def blocks_in_flight(self, model: Model, mixing: Mixing, size: int, lanes: int) -> int:
        return 64


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> tuple[Slow, SlowGPU]:
    """Of the CPU, and of a GPU."""
    cpu, gpu = Slow(), SlowGPU()
    monkeypatch.setattr(engine, "check", lambda device: None)
    monkeypatch.setattr(engine, "get", lambda device, *more: cpu if device == "cpu" else gpu)
    return cpu, gpu


def blocks_of(frame: bytes) -> dict[str, int]:
    return dict(nncomp.get_frame_info(frame).blocks)


def test_a_frame_without_network_behind_one_for_the_gpu(engines: tuple[Slow, SlowGPU]) -> None:
    """Blocks of the first stay where they belong, and the CPU has no more than it has threads."""
    cpu, gpu = engines
    model = models.chain_model("chain")
    text = models.chained(20 * 1024)
    first = nncomp.compress(text, 5, model=model, block_size=1024)
    second = nncomp.compress(models.text(9 * 1024), 1, model="none", block_size=1024)
    assert blocks_of(first) == {"network+mix": 20} and blocks_of(second) == {"mix": 9}
    back = nncomp.decompress(first + second + first, model=model, device="cuda", threads=2)
    assert back == text + models.text(9 * 1024) + text
    assert len(gpu.together) == 40 and gpu.most > 2
    assert len(cpu.together) == 9 and cpu.most <= 2


def test_frames_of_different_blocks_keep_within_the_memory(engines: tuple[Slow, SlowGPU]) -> None:
    cpu, _ = engines
    level, large, small = 1, 1 << 18, 1 << 10
    need = {
        size: memory.of_frame(Header(size, 1, 1, levels.get(level).profile), None, None)
        for size in (large, small)
    }
    limit = 2 * need[large]
    text = models.text(3 * large)
    frames = [nncomp.compress(text, level, model="none", block_size=large)]
    frames += [nncomp.compress(text[: 9 * small], level, model="none", block_size=small)]
    data = b"".join(frames) * 2
    cpu.together.clear()
    assert nncomp.decompress(data, threads=16, in_flight=limit) == (text + text[: 9 * small]) * 2
    used = [sum(need[large if size > small else small] for size in some) for some in cpu.together]
    assert max(used) <= limit
    assert cpu.most > 2  # where there is room, there are more


def test_a_task_waits_for_the_room_that_it_needs() -> None:
    """What is known only when it comes: that no other may run beside it."""
    alone: set[int] = {5, 6, 11}
    drawn: list[int] = []
    running: set[int] = set()
    together: list[set[int]] = []

    def tasks() -> Iterator[schedule.Task[int]]:
        for i in range(15):
            drawn.append(i)

            def run(threads: int, report: Progress, i: int = i) -> Iterator[int]:
                running.add(i)
                together.append({*running})
                time.sleep(0.01)
                together.append({*running})
                running.remove(i)
                yield i

            yield run

    def width(there: int) -> int:
        return 1 if alone.intersection([*drawn[len(drawn) - there :], *drawn[-1:]]) else 4

    results = schedule.in_order(tasks(), width, lambda there: 9, 4, None)
    assert list(results) == list(range(15))
    assert max(map(len, together)) == 4
    assert {*map(frozenset, (some for some in together if some & alone))} == {
        frozenset([i]) for i in alone
    }


def test_the_cpu_has_room_for_what_a_gpu_leaves_to_it(engines: tuple[Slow, SlowGPU]) -> None:
    """Threads, and memory: but one block is coded whatever it needs."""
    model = models.tiny()
    header = Header(1 << 10, 1, 1)
    need = memory.of_frame(header, model, None)
    for threads, limit, most in ((3, 9 * need, 3), (3, 2 * need, 2), (3, need // 2, 1)):
        places = Places(Options(device="cuda", threads=threads, memory_limit=limit), None)
        found: list[Place] = []
        for _ in range(2):  # two frames share the room
            places.expect(header, model, None)
            found.append(places.place)
        inside = threading.Semaphore(0)
        leave = threading.Event()

        def work(
            place: Place,
            inside: threading.Semaphore = inside,
            leave: threading.Event = leave,
        ) -> None:
            with place.cpu():
                inside.release()
                leave.wait(60)

        workers = [threading.Thread(target=work, args=[found[i % 2]]) for i in range(5)]
        with contextlib.ExitStack() as stack:
            for worker in workers:
                worker.start()
                stack.callback(worker.join)
            stack.callback(leave.set)
            for _ in range(most):
                assert inside.acquire(timeout=60)
            assert not inside.acquire(timeout=0.05)
