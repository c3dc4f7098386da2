"""Fuzz what is native, with sanitizers and many processes: ``make fuzz-long``, or anywhere:

    python tests/fuzz/native [--seconds N] [--cases N] [--processes N] [--python N] [--seed S]
        [--target T]
    python tests/fuzz/native --seed S --replay NUMBER [--target T]

Of the processes, ``--python`` ones run what ``python -m fuzz`` runs of files and filters (blocks,
plans, models: what is read in Python) with native code that is sanitized, too.

Needs CMake, Ninja, GCC, numpy, pytest, and the packages that the build of nncomp needs; takes
nothing from an installed nncomp. Prints how many cases of each target there were and how they
ended; a case that shows a fault is named, what was said of it is kept where it is built, and the
exit status is 1. ``targets.cpp`` says what must hold.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
ROOT = TESTS.parent
MOST = 5  # findings of a process, after which it ends
IN_PYTHON = "frame", "fields", "joined", "packed", "safetensors", "pieces"
OUTCOMES = "kept", "alone", "caught", "refused"  # as report.hpp has them


def build(folder: Path, *targets: str) -> None:
    """Makes what has changed."""
    python = f"-DPython_EXECUTABLE={sys.executable}"
    configure = ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DSAN=ON", python]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", *targets], check=True)


# What cases begin with


def _deflated(content: bytes, level: int, bits: int, strategy: int = 0, memory: int = 8) -> bytes:
    coder = zlib.compressobj(level, zlib.DEFLATED, bits, memory, strategy)
    half = len(content) // 2
    return (
        coder.compress(content[:half])
        + coder.flush(zlib.Z_SYNC_FLUSH) * (level % 2)
        + (coder.compress(content[half:]) + coder.flush())
    )


def _png(rows: list[bytes], chunk: int) -> bytes:
    """A picture of RGB pixels, with the row filters in turn, in chunks of some bytes."""

    def chunk_of(name: bytes, body: bytes) -> bytes:
        return b"".join(
            [len(body).to_bytes(4, "big"), name, body, zlib.crc32(name + body).to_bytes(4, "big")]
        )

    filtered = b"".join(bytes([i % 5]) + row for i, row in enumerate(rows))
    packed = zlib.compress(filtered, 9)
    size = (len(rows[0]) // 3).to_bytes(4, "big") + len(rows).to_bytes(4, "big")
    chunks = [packed[at : at + chunk] for at in range(0, len(packed), chunk)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk_of(b"IHDR", size + b"\x08\x02\0\0\0"),
            *(chunk_of(b"IDAT", part) for part in chunks),
            chunk_of(b"IEND", b""),
        ]
    )


def _packed(contents: list[bytes]) -> Iterator[bytes]:
    """What has deflate streams of zlib's in it, of all kinds."""
    for number, content in enumerate(contents):
        level = 1 + number % 9
        some = content[: 900 + 400 * (number % 5)]
        yield _deflated(some, level, 15)
        yield _deflated(some, 10 - level, -15, number % 5, 1 + number % 9)
        yield b"before " + _deflated(some, level, 9 + number % 7, number % 4) + b" behind"
    yield gzip.compress(contents[0][:3000], mtime=0)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(contents[:4]):
            file.writestr(zipfile.ZipInfo(f"file {number}"), content[:1500])
    yield archive.getvalue()
    photo = (TESTS / "data" / "photo.rgb").read_bytes()
    rows = [photo[at : at + 96] for at in range(0, 96 * 60, 96)]
    yield _png(rows, 1 << 13)
    yield _png(rows, 700)
    yield contents[1][:200].join(_deflated(c[:700], 6, 15) for c in contents[:5])


def make_seeds(folder: Path) -> Path:
    """Pictures, data with deflate streams, and other data, in a folder each."""
    data = [path.read_bytes() for path in sorted((TESTS / "data").iterdir())]
    kept = [path.read_bytes() for path in sorted((TESTS / "deflate").iterdir())]
    pictures = [path.read_bytes() for path in sorted((TESTS / "jpeg").glob("*.jpg"))]
    shutil.rmtree(folder, ignore_errors=True)
    for name, some in (
        ("jpeg", [*pictures, b"and".join(pictures[:2])]),
        ("deflate", [*kept, *_packed(data)]),
        ("others", [content[:3000] for content in data]),
    ):
        (folder / name).mkdir(parents=True)
        for number, content in enumerate(some):
            (folder / name / f"{number:03}").write_bytes(content)
    return folder


# Processes


@dataclass
class Result:
    """What processes have counted: by target, cases by outcome; its slowest case; findings."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def add(self, name: str, counts: list[int], slowest: float) -> None:
        before = self.counts.get(name, [0] * len(OUTCOMES))
        self.counts[name] = [a + b for a, b in zip(before, counts, strict=True)]
        self.slowest[name] = max(self.slowest.get(name, 0.0), slowest)

    def join(self, other: Result) -> None:
        for name, counts in other.counts.items():
            self.add(name, counts, other.slowest[name])
        self.found += other.found

    def tell(self) -> None:
        for name, counts in self.counts.items():
            kinds = zip(counts, OUTCOMES, strict=True)
            ended = ", ".join(f"{count} {what}" for count, what in kinds if count)
            print(f"{name}: {sum(counts)} cases: {ended}; slowest {self.slowest[name]:.3f} s")
        print(f"{sum(map(sum, self.counts.values()))} cases, {len(self.found)} findings")


def work(program: Path, seeds: Path, first: int, options: argparse.Namespace) -> Result:
    """One process, started again behind each case that ends it."""
    result = Result()
    end = time.monotonic() + options.seconds
    while len(result.found) < MOST:
        seconds = max(end - time.monotonic(), 0.0)
        limits = map(str, (options.seed, first, options.processes, options.cases, seconds))
        target = [options.target] if options.target else []
        ended = subprocess.run([program, seeds, *limits, *target], capture_output=True, text=True)
        at = "?"
        for line in ended.stdout.splitlines():
            if line.startswith("found "):
                at = line.split()[1]
            else:
                name, *counts, slowest = line.split()
                result.add(name, [int(count) for count in counts], float(slowest))
        if ended.returncode == 0:
            break
        kept = options.build / f"found-{options.seed}-{at}.txt"
        kept.write_text(ended.stderr)
        result.found.append(at)
        print(f"found: case {at} of seed {options.seed}, see {kept}", flush=True)
        if at == "?":
            break
        first = int(at) + options.processes
    return result


def work_in_python(package: Path, number: int, options: argparse.Namespace) -> Result:
    """One process of Python, which goes on behind what it finds."""
    result = Result()
    libraries = [
        subprocess.check_output(["g++", f"-print-file-name={name}.so"], text=True).strip()
        for name in ("libasan", "libstdc++")
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": os.pathsep.join([str(package), str(TESTS)]),
    }
    seed = options.seed + number
    out = options.build / f"found-{seed}"
    arguments = [f"--seconds={options.seconds}", f"--seed={seed}", f"--out={out}", *IN_PYTHON]
    command = [sys.executable, "-m", "fuzz", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    for line in ended.stdout.splitlines():
        if line.startswith("found:"):
            result.found.append(line)
        elif line.startswith("cases:"):
            for entry in line.removeprefix("cases: ").split(", "):
                name, count = entry.split()
                result.add(name, [int(count), 0, 0, 0], 0.0)
    if ended.returncode != 0:
        if not result.found:
            result.found.append(f"Python ended with {ended.returncode}")
        out.with_suffix(".txt").write_text(ended.stdout + ended.stderr)
        print(f"found by Python, see {out}.txt", flush=True)
    return result


def sanitized_package(folder: Path) -> Path:
    """A folder with nncomp, and native code that is built in ``folder``."""
    package = folder / "python"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "nncomp", package / "nncomp", ignore=shutil.ignore_patterns("csrc"))
    for path in (package / "nncomp").glob("_native*.so"):
        path.unlink()
    (module,) = folder.glob(f"_native*{sysconfig.get_config_var('EXT_SUFFIX')}")
    shutil.copy(module, package / "nncomp")
    return package


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="native", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="at most, each process")
    parser.add_argument("--cases", type=int, default=1 << 40, help="at most, of all targets")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--python", type=int, default=0, help="so many of them run Python")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--target", help="only cases of this one")
    parser.add_argument("--replay", type=int, metavar="NUMBER", help="only this case")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "fuzz", metavar="FOLDER")
    options = parser.parse_args(arguments)
    build(options.build, "fuzz_native", *(["_native"] if options.python else []))
    program = options.build / "fuzz_native"
    seeds = make_seeds(options.build / "seeds")
    print(f"seed {options.seed}, {options.processes} processes", flush=True)
    if options.replay is not None:
        limits = map(str, (options.seed, options.replay, 1, options.replay + 1, options.seconds))
        target = [options.target] if options.target else []
        return subprocess.run([program, seeds, *limits, *target]).returncode
    package = sanitized_package(options.build) if options.python else None
    total = Result()
    with ThreadPoolExecutor(options.processes) as pool:
        parts = [pool.submit(work_in_python, package, i, options) for i in range(options.python)]
        options.processes -= options.python
        parts += [pool.submit(work, program, seeds, i, options) for i in range(options.processes)]
        for part in parts:
            total.join(part.result())
    total.tell()
    return 1 if total.found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
