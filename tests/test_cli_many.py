"""Many files on threads: what is written and said is what one thread writes and says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from commandline import Run, Terminal, command, errors, untimed
from nncomp.api import compress, decompress
from nncomp.cli import parallel
from nncomp.cli.parallel import Cost
from nncomp.engine import native

BLOCK = 4096
FILES = {
    "a": models.chained(300),
    "b": b"",
    "c": models.noise(3 * BLOCK),  # 3 blocks
    "d": models.chained(BLOCK + 1),
    "e": b"x" * 10_000,
    "f": models.chained(9 * BLOCK, 2),  # enough for all threads
    "g/h": models.chained(700, 3),
    "g/i": models.text(5000),
}
SMALL = ("-1", "--model", "none", "--block-size", "4K")  # quick


@pytest.fixture
def tree(run: Run) -> None:
    os.makedirs("t/g")
    for name, data in FILES.items():
        Path("t", name).write_bytes(data)
    os.mkfifo("t/fifo")


def contents(directory: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(Path(directory).rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def packed(tree: None) -> None:
    """What is compressed, damaged and foreign."""
    for name, data in FILES.items():
        Path("t", name + ".nnc").write_bytes(compress(data, 1, block_size=BLOCK, model="none"))
        os.unlink(Path("t", name))
    for name in ("cut", "flipped", "foreign"):
        Path(f"t/{name}.nnc").write_bytes(Path("t/f.nnc").read_bytes())
    os.truncate("t/cut.nnc", os.path.getsize("t/cut.nnc") - 20)
    data = bytearray(Path("t/f.nnc").read_bytes())
    data[len(data) // 2] ^= 1
    Path("t/flipped.nnc").write_bytes(data)
    Path("t/foreign.nnc").write_bytes(b"?" * 100)


def compare(run: Run, *args: str, status: int = 0, threads: int = 3) -> None:
    """Run ``args`` on copies of t with one thread and with several."""
    found: list[Any] = []
    for number in (1, threads):
        shutil.rmtree("work", ignore_errors=True)
        shutil.copytree("t", "work", ignore=shutil.ignore_patterns("fifo"))
        os.mkfifo("work/fifo")
        result = run(f"-T{number}", *args, status=status)
        found.append((untimed(result), result.stdout, contents("work")))
    for one, many in zip(*found, strict=True):
        assert one == many
    assert found[0] != ([], b"", contents("t"))


COMPRESS = [
    ["-r", "work", "--output-dir", "work/new/dir"],
    ["-rcv", "work"],
    ["-r", "work"],
    ["-rv", "work", "--verify"],
    ["-rq", "work", "--rm"],
    ["-rc", "work"],
    ["-r", "work", "--block-size", "16K"],
]


SLOW = pytest.mark.slow


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    "args",
    [pytest.param(args, marks=() if i < 2 else SLOW) for i, args in enumerate(COMPRESS)],
    ids=" ".join,
)
def test_compressing(run: Run, args: list[str]) -> None:
    compare(run, *SMALL, *args)


@SLOW
@pytest.mark.usefixtures("tree")
def test_compressing_what_there_is_not(run: Run) -> None:
    """Errors where they are with one thread; the rest is done"""
    Path("t/d.nnc").write_bytes(b"old")
    names = [f"work/{name}" for name in ("a", "missing", "d", "g", "c", "fifo", "e", "a", "f")]
    compare(run, *SMALL, *names, status=1)
    compare(run, *SMALL, "-v", "--rm", *names, status=1)
    names.remove("work/fifo")  # with -c, that is one to wait for
    compare(run, *SMALL, "-c", *names, status=1)
    assert "work/missing: No such file" in " ".join(errors(run("-T3", "-c", *names, status=1)))


@pytest.mark.slow
@pytest.mark.usefixtures("packed")
@pytest.mark.parametrize(
    "args",
    [
        "-drv --rm",
        "-tr --json",
        *(pytest.param(a, marks=SLOW) for a in ("-dr --output-dir work/new", "-drc", "-trv")),
    ],
)
def test_decompressing(run: Run, args: str) -> None:
    """Damaged ones among others; what comes before the damage goes to standard output"""
    compare(run, *args.split(), "work", status=1)


@pytest.mark.slow
@pytest.mark.usefixtures("packed")
@pytest.mark.parametrize("threads", [2, pytest.param(16, marks=SLOW)])
def test_order_on_standard_output(run: Run, threads: int) -> None:
    names = [f"t/{name}.nnc" for name in FILES] * 3
    expected = b"".join(FILES.values()) * 3
    assert run("-dc", f"-T{threads}", *names).stdout == expected
    assert run("-dc", f"-T{threads}", *names, process=True).stdout == expected


@pytest.mark.slow
@pytest.mark.usefixtures("tree")
def test_standard_output_is_full(run: Run) -> None:
    names = [f"t/{name}" for name in ("a", "d", "e")]
    found = []
    for threads in ("-T1", "-T3"):
        with open("/dev/full", "wb") as full:
            result = run(threads, "-c", *names, stdout=full, status=1, process=True)
        found.append(errors(result))
    assert found[0] == found[1] == ["nncomp: (stdout): No space left on device"] * 3


def test_standard_input_among_files(run: Run) -> None:
    """It is read when it is its turn"""
    for name in "ab":
        Path(name).write_bytes(FILES["a"])
    outputs = [run(f"-T{n}", "-c", "a", "-", "b", input=FILES["d"]).stdout for n in (1, 3)]
    assert outputs[0] == outputs[1]
    assert decompress(outputs[0]) == FILES["a"] + FILES["d"] + FILES["a"]


def test_terminals_are_guarded(run: Run, terminal: Terminal) -> None:
    for name in "ab":
        Path(name).write_bytes(FILES["a"])
    result = run("-T2", "-c", "a", "b", stdout=terminal.slave, status=1)
    assert [line.split(":")[2] for line in errors(result)] == [
        " compressed data not written to a terminal; use -f to force it"
    ] * 2
    assert terminal.text() == ""


# ---- at the same time ----


class Meter:
    """Watches the engine: threads at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()
        original = native.encode_block

        def encode_block(*args: Any, threads: int = 1, **more: Any) -> list[bytes]:
            with self.lock:
                self.now += threads
                self.most = max(self.most, self.now)
            time.sleep(0.05)
            try:
                return original(*args, threads=threads, **more)
            finally:
                with self.lock:
                    self.now -= threads

        monkeypatch.setattr(native, "encode_block", encode_block)


@pytest.mark.parametrize("threads", [pytest.param(1, marks=SLOW), 2, pytest.param(5, marks=SLOW)])
def test_no_more_than_the_threads(run: Run, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Nor fewer, with enough files of one block"""
    meter = Meter(monkeypatch)
    for i in range(10):
        Path(f"f{i}").write_bytes(models.chained(400, i + 1))
    run("-q", f"-T{threads}", *(f"f{i}" for i in range(10)))
    assert meter.most == threads
    assert len(os.listdir()) == 20


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[Cost | None]:
    """What the files of the last command were to take; they are done one after the other."""
    found: list[Cost | None] = []

    def in_order(jobs: range, do: Any, cost_of: Any, **more: Any) -> Iterator[Any]:
        found[:] = [cost_of(job) for job in jobs]
        for job in jobs:
            yield do(job, None, lambda count: None)

    monkeypatch.setattr(parallel, "in_order", in_order)
    return found


def test_the_network_takes_memory(run: Run, costs: list[Cost | None]) -> None:
    """Whether files are compressed or decompressed. What goes to standard output has to fit."""

    def memory(*args: str) -> list[int]:
        run("-q", "-T8", *args)
        return [cost.memory for cost in costs if cost]

    for name in "ab":
        Path(name).write_bytes(models.chained(3000))
    without = memory("--model=none", "a", "b")
    assert memory("-t", "a.nnc", "b.nnc") == without
    with_network = memory("-f", "a", "b")
    assert memory("-t", "a.nnc", "b.nnc") == with_network
    assert len(without) == 2 and min(with_network) > max(without) + 100_000
    assert len(memory("-dc", "a.nnc", "b.nnc")) == 2
    room = str(min(with_network))
    assert memory("-dc", "--memory", room, "a.nnc", "b.nnc") == []


@pytest.mark.slow
@pytest.mark.usefixtures("packed")
def test_what_files_take(run: Run, costs: list[Cost | None]) -> None:
    """As many threads as blocks, memory by their size; alone: what is larger, or no regular file"""

    def threads(*args: str, status: int = 0) -> list[int]:
        costs.clear()
        run(*args, status=status, input=FILES["a"])
        return [0 if cost is None else cost.threads for cost in costs]

    names = [f"t/{name}.nnc" for name in ("a", "b", "c", "d", "f")]
    assert threads("-t", "-T8", *names) == [1, 1, 3, 2, 0]
    assert threads("-t", "-T3", *names) == [1, 1, 0, 2, 0]
    memory = [cost.memory for cost in costs if cost]
    assert memory[2] // memory[0] == 2  # 4 KiB, and 1 KiB at least
    assert threads("-t", "-T8", "t/foreign.nnc", "t/missing.nnc", status=1) == [1, 1]
    assert threads("-q", *SMALL, "-T3", "-f", *names) == [1, 1, 0, 1, 0]
    assert threads("-q", "-T3", "-f", *names) == [1] * 5
    assert threads("-q", "-T3", "-c", "-", "t/a.nnc") == [0, 1]
    assert {cost.result for cost in costs if cost} == {2 * os.path.getsize("t/a.nnc")}
    assert threads("-q", "-T3", "-dc", "t/a.nnc", "t/d.nnc") == [1, 2]
    assert [cost.result for cost in costs if cost] == [600, 2 * (BLOCK + 1)]
    os.mkfifo("x.nnc")
    assert threads("-dq", "-T3", "x.nnc", "t/a.nnc", "--output-dir", "new", status=1) == [0, 1]
    # A large file with small ones: each of them takes little.
    Path("large").write_bytes(models.noise(5 << 20))
    assert threads("-q", "-T8", "large", "t/a.nnc", "-f") == [2, 1]
    assert costs[0] is not None and costs[1] is not None
    assert costs[0].memory > 100 << 20 and costs[1].memory < 30 << 20


# ---- bars ----


@pytest.mark.slow
@pytest.mark.parametrize("threads", [pytest.param("-T1", marks=SLOW), "-T2"])
def test_bar_for_all_files(
    run: Run, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    """One, of all bytes: the rate and the time left are those of the whole"""
    import tqdm

    original = tqdm.tqdm
    bars: list[Any] = []

    def remembered(**more: Any) -> Any:
        bars.append(original(**{**more, "delay": 0, "mininterval": 0}))
        return bars[-1]

    monkeypatch.setattr(tqdm, "tqdm", remembered)
    for i in range(4):
        Path(f"f{i}").write_bytes(models.chained(5000, i + 1))
    names = [f"f{i}" for i in range(4)]
    for args in (["-f"], ["-f", "--verify"], ["-df"], ["-t"]):
        terminal.seen = b""
        bars.clear()
        given = names if args[0] == "-f" else [f"{name}.nnc" for name in names]
        run(threads, *SMALL, *args, *given, stderr=terminal.slave)
        total = sum(map(os.path.getsize, given))
        (bar,) = bars
        assert bar.total == total and round(bar.n) == total
        text = terminal.text()
        assert "[1/4] f0" in text and "%|" in text and "B/s" in text
        lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").splitlines()]
        assert sum("bytes" in line or "% (" in line for line in lines) == 5
    bars.clear()
    Path("foreign").write_bytes(b"?" * 1000)
    os.truncate("f1.nnc", 300)
    run(threads, "-t", "f0.nnc", "foreign", "missing", "f1.nnc", stderr=terminal.slave, status=1)
    assert round(bars[0].n) == bars[0].total == os.path.getsize("f0.nnc") + 1300
    for args in (["-q"], ["--no-progress"]):
        bars.clear()
        run(threads, "-f", *args, *names, stderr=terminal.slave)
        assert not bars


# ---- ends ----


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=SLOW)])
def test_signals_leave_nothing(run: Run, number: signal.Signals) -> None:
    """Of any of the files that were being written; what is there is complete"""
    letters = models.noise(1 << 18).translate(bytes(97 + i % 26 for i in range(256)))
    names = [f"f{i}" for i in range(40)]
    for name in names:
        Path(name).write_bytes(letters)
    process = subprocess.Popen(command("-T3", "-q", *names), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(list(Path().glob(".*.tmp"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (143 if number == signal.SIGTERM else -number) and said == b""
    left = {*os.listdir()} - {*names}
    assert len(left) < 40 and all(name.endswith(".nnc") for name in left)
    for name in left:
        assert decompress(Path(name).read_bytes()) == letters


def test_nobody_reads_what_is_said(run: Run) -> None:
    """broken pipe: dies by SIGPIPE, but what other threads have begun is removed first"""
    Path("a").write_bytes(b"")
    names = [f"f{i}" for i in range(8)]
    for name in names:
        Path(name).write_bytes(models.noise(1 << 18))
    reading, writing = os.pipe()
    os.close(reading)
    args = command("-T3", *SMALL[:-2], "a", *names)
    process = subprocess.run(args, stderr=writing, timeout=60, check=False)
    os.close(writing)
    assert process.returncode == -signal.SIGPIPE
    assert not [*Path().glob(".*.tmp")]


def test_no_threads_to_be_had(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(5):
        Path(f"f{i}").write_bytes(models.chained(500, i + 1))

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    run("-q", "-T4", *(f"f{i}" for i in range(5)))
    for i in range(5):
        assert Path(f"f{i}.nnc").read_bytes() == compress(models.chained(500, i + 1))
