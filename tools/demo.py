"""The demo: one real file becomes smaller through a trained transformer and comes back bit for bit.

    python tools/demo.py [FILE]

Without FILE it takes the source of click's core module: every install of nncomp has it.
Runs the ``nncomp`` command beside this interpreter, as a user would.
"""

from __future__ import annotations

import lzma
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import zstandard

NNCOMP = Path(sys.executable).parent / "nncomp"


def timed(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([NNCOMP, *arguments, "-q"], check=True)
    return time.perf_counter() - start


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else Path(click.__file__).with_name("core.py"))
    data = source.read_bytes()
    print(f"{source.name}: {len(data):,} bytes")

    rows = [
        ("xz -9", len(lzma.compress(data, preset=9)), ""),
        ("zstd -19", len(zstandard.ZstdCompressor(level=19).compress(data)), ""),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for level in ("-1", "-5"):
            packed, back = Path(folder, f"{level}.nnc"), Path(folder, f"{level}.out")
            wrote = timed("compress", level, "-o", str(packed), str(source))
            read = timed("decompress", "-o", str(back), str(packed))
            if back.read_bytes() != data:
                raise SystemExit(f"nncomp {level}: the decompressed file differs")
            rows.append(
                (f"nncomp {level}", packed.stat().st_size, f"{wrote:6.2f} s in, {read:.2f} s out")
            )
        print(f"{'':12}{'bytes':>10}{'bits/byte':>11}")
        for name, size, note in rows:
            print(f"{name:12}{size:10,}{8 * size / len(data):11.3f}  {note}".rstrip())
    print("decompressed and compared: identical")


if __name__ == "__main__":
    main()
