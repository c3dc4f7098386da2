"""How much of deflate streams is redone, by encoder, and what that saves: ``docs/deflate.md``.

    python tools/redone.py DIR            streams of files below DIR, by every encoder that is here
    python tools/redone.py --sizes FILES  sizes at -5 without a network, with streams undone and
                                           with streams as they are, beside xz -9e of both

Encoders are Python's zlib, programs on the path (gzip, pigz, zopfli, 7zz, libdeflate-gzip, and for
pictures optipng, zopflipng and convert) and the modules isal and zlib_ng.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import io
import itertools
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import nncomp
from nncomp import _native
from nncomp.filters import deflate

FILES = "alice29.txt", "lcet10.txt", "fields.c", "progl", "twitter.json", "html", "cp.html"
FILES = (*FILES, "Hadoop_2k.log", "sum", "kennedy.xls", "ptt5", "Chinook_Sqlite.sqlite")
PART = 1 << 19  # bytes of each
PICTURES = 40
Encoder = Callable[[bytes], bytes]


def zlibs() -> Iterator[tuple[str, Encoder]]:
    for level, bits, memory in itertools.product(range(1, 10), (15, 12), (8, 9)):
        settings = {"level": level, "wbits": bits, "memLevel": memory}
        name = "zlib, 1 to 9, windows of 2^12 and 2^15, memory levels 8 and 9"
        yield name, functools.partial(by_zlib, settings)
    for strategy in (zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED):
        settings = {"level": 6, "strategy": strategy}
        yield "zlib, other strategies", functools.partial(by_zlib, settings)


def by_zlib(settings: dict[str, int], data: bytes) -> bytes:
    made = zlib.compressobj(**settings)
    return made.compress(data) + made.flush()


def programs() -> Iterator[tuple[str, Encoder]]:
    """Those that give what is on their standard input, as gzip does, and archivers."""
    for name, shown, levels in (
        ("gzip", "1 to 9", [*range(1, 10)]),
        ("pigz", "1 to 9", [1, 6, 9]),
        ("libdeflate-gzip", "1 to 9", [1, 6, 9]),
        ("libdeflate-gzip", "12", [12]),
    ):
        for level in levels if shutil.which(name) else ():
            yield f"{name}, {shown}", functools.partial(piped, (name, f"-{level}", "-c"))
    if shutil.which("zopfli"):
        yield "zopfli", functools.partial(by_file, ("zopfli", "--i5", "-c", "{in}"))
    for level in (1, 5, 9) if shutil.which("7zz") else ():
        words = ("7zz", "a", "-tgzip", f"-mx={level}", "-so", "-bd", "dummy", "{in}")
        yield "7-Zip, 1 to 9", functools.partial(by_file, words)


def modules() -> Iterator[tuple[str, Encoder]]:
    for name, levels in (("isal.isal_zlib", (0, 1, 2, 3)), ("zlib_ng.zlib_ng", (1, 3, 6, 9))):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for level in levels:
            what = f"{name.split('.')[0]}, {levels[0]} to {levels[-1]}"
            yield what, functools.partial(by_module, module, level)


def by_module(module: Any, level: int, data: bytes) -> bytes:
    made: bytes = module.compress(data, level)
    return made


def piped(command: tuple[str, ...], data: bytes) -> bytes:
    """What a program says of its standard input."""
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def by_file(words: tuple[str, ...], data: bytes) -> bytes:
    """What a program says of a file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [word.replace("{in}", file.name) for word in words]
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        ).stdout


def pictures() -> dict[str, list[bytes]]:
    """PNG files of this machine, as they are and made anew."""
    here = sorted(Path("/usr/share").rglob("*.png"))
    some = [path for path in here if 4000 <= path.stat().st_size <= 60_000]
    some = some[:: max(1, len(some) // PICTURES)]
    found = {"PNG, as they are": [path.read_bytes() for path in some]}
    for name, words in (
        ("optipng", ("optipng", "-quiet", "-force", "-o2", "-out", "{out}", "{in}")),
        ("zopflipng", ("zopflipng", "-y", "--iterations=3", "{in}", "{out}")),
        ("ImageMagick", ("convert", "{in}", "png:{out}")),
    ):
        if shutil.which(words[0]):
            made = [one for one in (remade(path, words) for path in some) if one]
            if made:
                found[f"PNG, {name}"] = made
    return found


def remade(path: Path, words: tuple[str, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.png")
        command = [w.replace("{in}", str(path)).replace("{out}", str(out)) for w in words]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return out.read_bytes() if out.exists() else b""


def streams_of(data: bytes) -> int:
    """Bytes of deflate streams in a file, by what it says itself."""
    if data.startswith(b"\x89PNG"):
        chunks, at = 0, 8
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            chunks += 12 + size if data[at + 4 : at + 8] == b"IDAT" else 0
            at += 12 + size
        return chunks
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
        return sum(e.compress_size for e in entries if e.compress_type == zipfile.ZIP_DEFLATED)
    if data.startswith(b"\x1f\x8b"):
        return len(data) - 10 - (data.index(b"\0", 10) - 9 if data[3] & 8 else 0)
    return len(data)


def redone(data: bytes) -> tuple[int, int, int, float]:
    """Bytes that are taken away from what is around streams, those that redo them, those that
    streams hold, and seconds of processor time that redoing takes."""
    parts = _native.deflate_split(data, deflate.most_contents(len(data)))
    if parts is None:
        return 0, 0, 0, 0.0
    rest, side, contents, _ = parts
    begun = time.thread_time()
    again = _native.deflate_join(rest, side, contents, len(data))
    seconds = time.thread_time() - begun
    assert again == data
    return len(data) - len(rest), len(side), sum(map(len, contents)), seconds


def tell(name: str, files: list[bytes]) -> None:
    most = sum(map(streams_of, files))
    taken, side, plain, seconds = (sum(some) for some in zip(*map(redone, files), strict=True))
    figures = (
        *(str(len(files)), f"{most:,}", f"{min(taken, most) / max(most, 1):.1%}"),
        *(f"{side / max(taken, 1):.2%}", f"{1e6 * seconds / max(plain, 1):.2f}"),
    )
    print("|", " | ".join((name, *figures)), "|", flush=True)


def shares(folder: Path) -> None:
    contents = [next(folder.rglob(name)).read_bytes()[:PART] for name in FILES]
    print("| encoder | files | bytes of streams | redone | from | µs a plain byte |")
    print("|---|---:|---:|---:|---:|---:|")
    made: dict[str, list[bytes]] = {}
    for name, encode in (*zlibs(), *programs(), *modules()):
        made.setdefault(name, []).extend(map(encode, contents))
    for name, files in (made | pictures()).items():
        tell(name, files)
    sys.stdout.flush()


def sizes(paths: list[Path]) -> None:
    """Each file's, and those of all."""
    print("| file | bytes | xz -9e | xz -9e, undone | as they are | undone | |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    total = [0] * 5
    for path in paths:
        data = path.read_bytes()
        split = deflate.split(data)
        plain = data if split is None else b"".join(split.streams)  # with what redoes them
        undone = len(nncomp.compress(data, 5, model="none"))
        with mock.patch.object(deflate, "split", lambda *some: None):
            left = len(nncomp.compress(data, 5, model="none"))
        small, smaller = (
            len(lzma.compress(one, preset=9 | lzma.PRESET_EXTREME)) for one in (data, plain)
        )
        row = [len(data), small, smaller, left, undone]
        total = [a + b for a, b in zip(total, row, strict=True)]
        print_row(re.sub(r"-py.*|-\d.*whl", ".whl", path.name), row)
    print_row("all", total)


def print_row(name: str, row: list[int]) -> None:
    shown = " | ".join(f"{number:,}" for number in row)
    print(f"| {name} | {shown} | {row[-1] / row[-2] - 1:+.1%} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args()
    if options.sizes:
        sizes(options.paths)
    else:
        shares(options.paths[0])


if __name__ == "__main__":
    main()
