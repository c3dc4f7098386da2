"""The demo: one real file becomes smaller through a trained transformer and comes back bit for bit.

    python tools/demo.py [FILE]

Without FILE it takes the source of click's core module: every install of nncomp has it.
Runs the ``nncomp`` command beside this interpreter, as a user would; xz and zstd, for comparison,
work inside this process. zstd is left out where the package zstandard is missing.
"""

from __future__ import annotations

import importlib
import lzma
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

NNCOMP = Path(sys.executable).parent / "nncomp"


def timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    """What ``work`` gives, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def peers(data: bytes) -> dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]]:
    """Other compressors, there and back."""
    found = {"xz -9": (lambda: lzma.compress(data, preset=9), lzma.decompress)}
    try:
        zstd = importlib.import_module("zstandard")
    except ImportError:
        return found
    return found | {"zstd -19": (lambda: zstd.compress(data, level=19), zstd.decompress)}


def run(folder: str, *arguments: str | Path) -> bytes:
    """What the command writes."""
    target = Path(folder, "out")
    subprocess.run([NNCOMP, *arguments, "-q", "-f", "-o", target], check=True)
    return target.read_bytes()


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else Path(click.__file__).with_name("core.py"))
    data = source.read_bytes()
    print(f"{source.name}: {len(data):,} bytes")
    print(f"{'':14}{'bytes':>10}{'bits/byte':>11}{'s in':>8}{'s out':>8}")

    def row(name: str, there: Callable[[], bytes], back: Callable[[bytes], bytes]) -> None:
        packed, wrote = timed(there)
        again, read = timed(lambda: back(packed))
        if again != data:
            raise SystemExit(f"{name}: the decompressed file differs")
        bits = 8 * len(packed) / max(len(data), 1)
        print(f"{name:14}{len(packed):10,}{bits:11.3f}{wrote:8.2f}{read:8.2f}", flush=True)

    for name, (there, back) in peers(data).items():
        row(name, there, back)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder, "packed.nnc")

        def back(content: bytes) -> bytes:
            packed.write_bytes(content)
            return run(folder, "decompress", packed)

        for level in ("-1", "-5"):
            row(f"nncomp {level}", lambda level=level: run(folder, "compress", level, source), back)
    print("decompressed and compared: identical")
    place = shlex.quote(os.path.relpath(NNCOMP))
    print(
        f"\nThe command is {place}; -d is the way back. Now a file of your own, which it keeps:\n"
    )
    print(f"    {place} -v FILE")


if __name__ == "__main__":
    main()
