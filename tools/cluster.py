"""Files on a Dask cluster of this machine, by one worker and by two: ``docs/cluster.md``.

    python tools/cluster.py FILE [--large MB] [--files N] [--size KIB] [--task-size MIB] [--check]

The first ``--large`` MB of FILE are one file, what follows is cut into ``--files`` small ones, all
of which one worker of one thread compresses at -1 without a network, and then two. Printed are
seconds, the CPU time of workers, of scheduler and caller, and of all other programs; first the same
for plain processes, one and two of them at a time, with ``--alone`` MB each: what the machine
itself allows. ``--check`` compares all files with what ``nncomp.compress`` gives.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
import distributed

import nncomp
from nncomp.integrations.dask import compress_files

OPTIONS: dict[str, Any] = {"level": 1, "model": "none"}
# Dask's profiler interrupts every worker a hundred times a second, for its dashboard.
SETTINGS = {"distributed.worker.profile.enabled": False}
PLAIN = """if True:
    import sys, time
    import nncomp
    content = open(sys.argv[1], "rb").read(int(sys.argv[2]))
    nncomp.compress(content[:1000], 1, model="none")
    print(flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    nncomp.compress(content, 1, model="none", threads=1)
    print(time.monotonic() - begun)
"""


def machine() -> float:
    """Seconds of CPU time that all programs have had."""
    user, nice, system, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def alone(path: str, size: int, count: int) -> float:
    """Seconds that ``count`` processes take for ``size`` bytes each, at the same time."""
    command = [sys.executable, "-c", PLAIN, path, str(size)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return max(float(process.communicate()[0]) for process in processes)


def on_workers(count: int, sources: Path, target: Path, task_size: int) -> float:
    """Seconds that ``count`` workers take."""
    with (
        dask.config.set(SETTINGS),
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):
        client.run(__import__, "nncomp.integrations.bulk")

        def used() -> tuple[float, float, float]:
            workers = sum(client.run(time.process_time).values())
            return workers, time.process_time(), machine()

        before, begun = used(), time.monotonic()
        compress_files(f"{sources}/*", str(target), client=client, task_size=task_size, **OPTIONS)
        seconds = time.monotonic() - begun
        workers, here, every = (b - a for a, b in zip(before, used(), strict=True))
        print(
            f"workers: {count}, {seconds:.2f} s; CPU: workers {workers:.2f}, scheduler and caller "
            f"{here:.2f}, others {every - workers - here:.2f}",
            flush=True,
        )
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--large", type=float, default=72, metavar="MB")
    parser.add_argument("--files", type=int, default=200, metavar="N")
    parser.add_argument("--size", type=int, default=64, metavar="KIB")
    parser.add_argument("--task-size", type=float, default=8, metavar="MIB")
    parser.add_argument("--alone", type=float, default=0, metavar="MB")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.alone:
        one, two = (alone(options.file, int(options.alone * 1e6), n) for n in (1, 2))
        print(f"plain processes: 1, {one:.2f} s; 2, {two:.2f} s: {2 * one / two:.3f}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        with open(options.file, "rb") as src:
            (folder / "in" / "large").write_bytes(src.read(int(options.large * 1e6)))
            for number in range(options.files):
                (folder / "in" / f"{number:03}").write_bytes(src.read(options.size << 10))
        task_size = int(options.task_size * (1 << 20))
        one, two = (on_workers(n, folder / "in", folder / f"out{n}", task_size) for n in (1, 2))
        print(f"{one / two:.3f} times as fast", flush=True)
        for path in sorted((folder / "in").iterdir()):
            first, second = ((folder / f"out{n}" / f"{path.name}.nnc").read_bytes() for n in (1, 2))
            assert first == second, path.name
            if options.check:
                assert first == nncomp.compress(path.read_bytes(), **OPTIONS), path.name


if __name__ == "__main__":
    main()
