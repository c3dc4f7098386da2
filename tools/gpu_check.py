"""Check and measure the CUDA engine on the GPU at hand.

``make gpu-check``; or with a Python of your own, which needs torch for CUDA, triton, pytest and
hypothesis, and this package (``pip install --no-build-isolation -e .``):

    python tools/gpu_check.py [--seconds 450] [--file FILE] [--out build/gpu-check.md]

First that its bytes are the native engine's, then how fast it is, as a table. Every part asks how
much of the time is left, and says so when it is left out or cut short. Exits 1 where bytes differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MB = 1_000_000
ROOT = Path(__file__).parents[1]
CUT = 12288  # bytes of a lane that a measurement codes
WARM = 512  # bytes of a lane before kernels are timed: windows and tables have something to say


@dataclass
class Check:
    """The report, and the time."""

    seconds: float
    out: Path
    started: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def left(self) -> float:
        return self.seconds - (time.monotonic() - self.started)

    def say(self, line: str = "") -> None:
        """Written at once, so that whatever stops the rest leaves this much."""
        print(line, flush=True)
        self.lines.append(line)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text("\n".join(self.lines) + "\n", "utf-8")

    def table(self, *columns: str) -> None:
        self.say()
        self.row(*columns)
        self.row(*["---", *["---:"] * (len(columns) - 1)])

    def row(self, *values: str) -> None:
        self.say("| " + " | ".join(values) + " |")

    @contextmanager
    def part(self, title: str, needed: float) -> Iterator[bool]:
        """Yields whether there are ``needed`` seconds left. What fails inside is reported."""
        self.say(f"\n## {title}\n")
        enough = self.left > needed
        if not enough:
            self.say(f"Left out: {self.left:.0f} s are left, it may need {needed:.0f} s.")
        try:
            yield enough
        except Exception as error:
            self.failed = True
            self.say(f"\nFAILED: {type(error).__name__}: {error}")


def text(size: int, file: str | None) -> bytes:
    """A file, or the sources that came with this Python: prose and code, 100 MB where torch is."""
    if file:
        return Path(file).read_bytes()[:size]
    parts, total = [], 0
    for place in ("purelib", "stdlib"):
        for path in sorted(Path(sysconfig.get_path(place)).rglob("*.py")):
            if total >= size:
                break
            parts.append(path.read_bytes())
            total += len(parts[-1])
    data = b"".join(parts)
    while len(data) < size:
        data += data
    return data[:size]


# ---- the device ----


def timed(work: Callable[[], Any], repeats: int) -> float:
    """Seconds for one ``work`` on the device."""
    import torch

    work()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def ceilings() -> tuple[float, float]:
    """Bytes and int8 operations a second that plain torch reaches."""
    import torch

    a = torch.zeros(1 << 31, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    bandwidth = 2 * a.numel() / timed(lambda: b.copy_(a), 5)
    x = torch.randint(-127, 127, (8192, 8192), dtype=torch.int8, device="cuda")
    rate = 2 * 8192**3 / timed(lambda: torch._int_mm(x, x.t()), 5)
    return bandwidth, rate


def device_part(check: Check) -> tuple[float, float]:
    import torch
    import triton

    properties = torch.cuda.get_device_properties(0)
    bandwidth, rate = ceilings()
    check.say(
        f"{properties.name}, {properties.multi_processor_count} multiprocessors; torch "
        f"{torch.__version__}, triton {triton.__version__}; {os.cpu_count()} CPUs."
    )
    check.say(f"Copies reach {bandwidth / 1e12:.2f} TB/s, int8 products {rate / 1e12:.0f} TOPS.")
    return bandwidth, rate


# ---- correctness ----


def run_tests(check: Check) -> None:
    limit = min(check.left * 0.35, 170)
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-x", "-p", "no:cacheprovider"]
    try:
        result = subprocess.run(
            [*command, "tests/test_cuda.py", "-k", "not levels"],
            cwd=ROOT, capture_output=True, text=True, timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        check.say(f"Tests: stopped after {limit:.0f} s, no failure so far.")
        return
    last = (result.stdout.strip().splitlines() or [result.stderr[-300:]])[-1]
    check.say(f"Tests: {last}")
    if result.returncode != 0:
        check.failed = True
        check.say("\n```\n" + result.stdout[-6000:] + result.stderr[-2000:] + "\n```")


def check_levels(check: Check, data: bytes) -> None:
    """Every level, both ways, against the CPU's bytes."""
    import nncomp

    options: dict[str, Any] = {"block_size": 1 << 14, "threads": os.cpu_count()}
    check.table("level", "bytes", "coded", "compressed", "decompressed")
    for level in range(1, 10):
        if check.left < check.seconds / 2:
            check.say(f"Levels from -{level} on: no time.")
            return
        packed = nncomp.compress(data, level, device="cpu", **options)
        good = nncomp.compress(data, level, device="cuda", **options) == packed
        back = nncomp.decompress(packed, device="cuda", threads=options["threads"]) == data
        names = ["the same" if same else "DIFFERENT" for same in (good, back)]
        check.row(f"-{level}", f"{len(data):,}", f"{len(packed):,}", *names)
        check.failed |= not (good and back)


# ---- speed ----


@dataclass
class Layout:
    """Blocks of a model and mixing, each of ``lanes`` lanes that are cut to a few bytes."""

    name: str
    model: Any
    mixing: Any
    blocks: list[bytes]
    lanes: int


def steady(check: Check, layout: Layout, payloads: list[list[bytes]] | None) -> tuple[float, Any]:
    """Bytes a second between the first look at the device and the last, and what was coded."""
    import torch

    from nncomp import engine
    from nncomp.engine.cuda.batch import Batch, Request

    gpu: Any = engine.get("cuda")
    requests = [
        Request(layout.model, len(b), layout.lanes, layout.mixing, None if payloads else b)
        for b in layout.blocks
    ]
    for request, given in zip(requests, payloads or [], strict=False):
        request.payloads = given
    looks: list[tuple[float, int]] = []
    done = 0

    def poll() -> None:
        nonlocal done
        done += sum(r.take_count() for r in requests)
        looks.append((time.perf_counter(), done))

    with gpu._on_device(), torch.inference_mode():
        Batch(gpu._network(layout.model), gpu._program, requests).run(poll)
    for request in requests:
        if request.error is not None:
            raise request.error
    (start, before), (end, after) = looks[1], looks[-1]
    return (after - before) / (end - start), [r.result for r in requests]


def native_rate(check: Check, layout: Layout, payloads: list[list[bytes]]) -> tuple[float, float]:
    """Bytes a second both ways on all CPUs, of as many blocks; checks the payloads."""
    from nncomp.engine import native

    count = min(len(layout.blocks), os.cpu_count() or 1)
    blocks, rates = layout.blocks[:count], []
    with ThreadPoolExecutor(count) as pool:
        start = time.perf_counter()
        coded = list(
            pool.map(
                lambda b: native.encode_block(layout.model, b, layout.lanes, layout.mixing), blocks
            )
        )
        rates.append(sum(map(len, blocks)) / (time.perf_counter() - start))
        start = time.perf_counter()
        back = list(
            pool.map(
                lambda i: native.decode_block(
                    layout.model, payloads[i], len(blocks[i]), layout.mixing
                ),
                range(count),
            )
        )
        rates.append(sum(map(len, blocks)) / (time.perf_counter() - start))
    if coded != payloads[:count] or back != blocks:
        check.failed = True
        check.say("DIFFERENT from the native engine.")
    return rates[0], rates[1]


def layouts(data: bytes) -> Iterator[Layout]:
    """2,048 lanes of 64 blocks, then each level that has a network on a file of 100 MB."""
    from nncomp import levels, registry
    from nncomp.mixing import Mixing, Profile

    def blocks(count: int, size: int) -> list[bytes]:
        apart = len(data) // count
        return [data[i * apart : i * apart + min(size, apart)] for i in range(count)]

    for name, profile in (("base-2", Profile.RICH), ("nano-1", Profile.LEAN)):
        yield Layout(
            f"64 blocks of 1 MiB, {name}, 2,048 lanes",
            registry.resolve(name), Mixing(profile), blocks(64, 32 * CUT), 32,
        )  # fmt: skip
    for level in (5, 3, 4, 6, 7, 8, 9):
        preset = levels.get(level)
        lanes = preset.full_lanes(preset.block_size)
        count = -(-100 * MB // preset.block_size)
        yield Layout(
            f"100 MB at -{level}, {count * lanes} lanes",
            registry.resolve(preset.model), Mixing(preset.profile),
            blocks(count, lanes * CUT), lanes,
        )  # fmt: skip


def speed_part(check: Check, data: bytes) -> None:
    check.say(
        f"MB/s while running, of the first {CUT:,} bytes of each lane (tables of such short blocks"
        " are smaller than those of whole ones, and warmer in the cache)."
    )
    check.table("", "compress", "decompress", "all CPUs: compress", "decompress")
    for layout in layouts(data):
        if check.left < 60:
            check.row(layout.name, "no time", "", "", "")
            continue
        wrote, payloads = steady(check, layout, None)
        read, back = steady(check, layout, payloads)
        if back != layout.blocks:
            check.failed = True
            check.say("DIFFERENT after a round trip.")
        cpu = native_rate(check, layout, payloads) if check.left > 60 else (0.0, 0.0)
        values = [f"{rate / MB:.2f}" for rate in (wrote, read, *cpu)]
        check.row(layout.name, *values)


def whole_file(check: Check, data: bytes) -> None:
    """The codec, from bytes to bytes; as much of the file as there is time for."""
    import nncomp

    check.table("", "bytes", "coded", "compress MB/s", "decompress MB/s")
    for level in (3, 5):
        # At 0.3 MB/s or more both ways: a level may take half of what is left.
        size = min(len(data), int(check.left / 2 * 0.15 * MB) >> 22 << 22)
        if size < 1 << 22:
            check.say(f"-{level}: no time.")
            continue
        part, threads = data[:size], os.cpu_count()
        start = time.perf_counter()
        packed = nncomp.compress(part, level, device="cuda", threads=threads)
        wrote = time.perf_counter() - start
        start = time.perf_counter()
        good = nncomp.decompress(packed, device="cuda", threads=threads) == part
        read = time.perf_counter() - start
        check.failed |= not good
        rates = f"{size / wrote / MB:.2f}", f"{size / read / MB:.2f}"
        check.row(f"-{level}" + " DIFFERENT" * (not good), f"{size:,}", f"{len(packed):,}", *rates)


# ---- where the time goes ----


def work_of_a_row(model: Any) -> tuple[int, int]:
    """Operations, and bytes of rings and activations, of one step of one lane."""
    c = model.config
    # A layer reads and writes the residual stream, and once what it has of a row itself.
    rows = sum(8 * c.d_model + layer.row_size for layer in c.layers) + 2 * 1152
    return 2 * c.multiply_adds, sum(layer.state_size for layer in c.layers) + rows


def kernel_part(check: Check, data: bytes, ceiling: tuple[float, float]) -> None:
    import torch

    from nncomp import engine
    from nncomp.engine.cuda.batch import Batch, Request

    gpu: Any = engine.get("cuda")
    layout = next(layouts(data))
    _, payloads = steady(check, layout, None)
    for decode in (True, False):
        requests = [
            Request(layout.model, len(b), layout.lanes, layout.mixing, None if decode else b,
                    payloads=given if decode else ())
            for b, given in zip(layout.blocks, payloads, strict=True)
        ]  # fmt: skip
        with gpu._on_device(), torch.inference_mode():
            batch = Batch(gpu._network(layout.model), gpu._program, requests)
            batch._launch("begin", len(requests), 256, batch._blocks, batch._seats)
            repeats = 20 if decode else 4
            for _ in range(WARM // batch._run.steps):
                batch._step()
            torch.cuda.synchronize()
            kinds = [torch.profiler.ProfilerActivity.CUDA]
            with torch.profiler.profile(activities=kinds) as profile:
                for _ in range(repeats):
                    batch._step()
                torch.cuda.synchronize()
        rows = batch._run.count * batch._run.steps
        times = {}
        for event in profile.key_averages():
            total = getattr(event, "device_time_total", None) or getattr(
                event, "cuda_time_total", 0
            )
            if total > 0:
                times[event.key] = (total / repeats, event.count / repeats)
        if not times:
            check.say("The profiler sees no kernels here.")
            return
        whole = sum(total for total, _ in times.values())
        what = "Decoding" if decode else "Encoding"
        check.say(f"\n{what}, {rows:,} rows a step, {whole:.0f} µs in kernels a step:")
        check.table("kernel", "launches", "µs", "share")
        for name, (total, count) in sorted(times.items(), key=lambda item: -item[1][0]):
            check.row(name[:40], f"{count:.0f}", f"{total:.1f}", f"{100 * total / whole:.0f} %")
        network = sum(total for name, (total, _) in times.items() if name != "code") / 1e6
        operations, traffic = (n * rows for n in work_of_a_row(layout.model))
        check.say(
            f"\nThe network alone: {operations / network / 1e12:.1f} TOPS of "
            f"{ceiling[1] / 1e12:.0f}, {traffic / network / 1e12:.2f} TB/s of "
            f"{ceiling[0] / 1e12:.2f}."
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--file")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu-check.md")
    arguments = parser.parse_args()
    check = Check(arguments.seconds, arguments.out)

    from nncomp import engine
    from nncomp.errors import NNCompError

    try:
        engine.get("cuda")
    except NNCompError as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        return 1
    check.say("# The CUDA engine on a device")
    data = text(100 * MB, arguments.file)
    ceiling = (4.8e12, 1979e12)
    with check.part("Device", 0):
        ceiling = device_part(check)
    with check.part("Correctness", 60) as enough:
        if enough:
            run_tests(check)
            check_levels(check, data[: 1 << 19])
    with check.part("Where the time goes", 60) as enough:
        if enough:
            kernel_part(check, data, ceiling)
    with check.part("Speed", 60) as enough:
        if enough:
            speed_part(check, data)
    with check.part("Whole files", 90) as enough:
        if enough:
            whole_file(check, data)
    used = check.seconds - check.left
    check.say(f"\n{'FAILED' if check.failed else 'All bytes as they must be'}, {used:.0f} s.")
    return int(check.failed)


if __name__ == "__main__":
    sys.exit(main())
