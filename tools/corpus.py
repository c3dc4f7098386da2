#!/usr/bin/env python3
"""Rebuilds the training text from public packages and repositories.

    tools/corpus.py OUTPUT [--only DOMAIN|NAME]... [--keep-going] [--exclude EVALUATION_DIR]

tools/corpus.csv has a line for each source: where it comes from (``apt:``, ``src:`` for a Debian
source package, ``pip:``, ``npm:``, ``git:URL@COMMIT``), and which of its files are documents: glob
patterns, ``*.zip!*.java`` for members of an archive in it. Writes ``DOMAIN/NAME.dat``, documents
one after the other, long ones cut at 256 KiB, and ``NAME.idx``, a line ``offset length`` for each.
Of a source that has more than its megabytes, some documents are taken: always the same.

Only the package managers' own clients and git download. What cannot be reached is listed at the
end, and the status is 1; without --keep-going the first such source ends the run. Sources that are
there already are not fetched again. With --exclude, documents that share more than a twentieth of
their windows with the evaluation files are left out (see overlap.py, which wants numpy).
"""

from __future__ import annotations

import argparse
import bz2
import csv
import fnmatch
import gzip
import hashlib
import lzma
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

TABLE = Path(__file__).with_name("corpus.csv")
MB = 1_000_000
PIECE = 1 << 18  # bytes: longer documents are cut
SHARED = 0.05  # of a document's windows that evaluation files may have, too
PACKERS = {".gz": gzip, ".dz": gzip, ".bz2": bz2, ".xz": lzma}


class Unreachable(Exception):
    """A source could not be downloaded."""


def run(*command: str, where: Path) -> None:
    try:
        subprocess.run(command, cwd=where, check=True, capture_output=True, text=True, timeout=1800)
    except FileNotFoundError:
        raise Unreachable(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{' '.join(command)}: no answer") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or ["failed"]
        raise Unreachable(f"{' '.join(command)}: {said[-1]}") from None


def download(source: str, where: Path) -> None:
    """Put the packages or files of ``source`` into the empty folder ``where``."""
    kind, _, spec = source.partition(":")
    if kind == "apt":
        run("apt-get", "download", spec, where=where)
    elif kind == "src":
        run("apt-get", "source", "--download-only", spec, where=where)
    elif kind == "pip":
        name, _, platform = spec.partition("@")
        chosen = ["--platform", platform, "--python-version", "3.11"] if platform else []
        binary = "--only-binary=:all:" if platform else "--prefer-binary"
        run(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps",
            binary, *chosen, name, where=where)  # fmt: skip
    elif kind == "npm":
        run("npm", "pack", "--silent", spec, where=where)
    elif kind == "git":
        url, _, commit = spec.rpartition("@")
        run("git", "clone", "--quiet", "--no-checkout", "--filter=blob:none", url, ".", where=where)
        run("git", "checkout", "--quiet", commit, where=where)
    else:
        raise ValueError(f"unknown kind of source: {source}")


def members(path: Path, where: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(name, reader) of every file in a package, or of the file itself."""
    name = path.name
    if name.endswith(".deb"):
        with tempfile.TemporaryFile() as file:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=file, check=True)
            file.seek(0)
            yield from _tar_members(tarfile.open(fileobj=file))
    elif name.endswith((".whl", ".zip", ".jar")):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, lambda info=info: archive.read(info)
    elif name.endswith((".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")):
        yield from _tar_members(tarfile.open(path))
    else:
        yield str(path.relative_to(where)), path.read_bytes


def _tar_members(archive: tarfile.TarFile) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with archive:
        for info in archive:
            if info.isfile():
                yield info.name, lambda info=info: archive.extractfile(info).read()


def documents(where: Path, patterns: list[str]) -> Iterator[bytes]:
    """What the patterns choose of the packages in ``where``, unpacked."""
    for path in sorted(p for p in where.rglob("*") if p.is_file()):
        if ".git" in path.relative_to(where).parts:
            continue
        for name, read in members(path, where):
            for pattern in patterns:
                outer, _, inner = pattern.partition("!")
                if not fnmatch.fnmatch(name, outer):
                    continue
                data = read()
                if inner:
                    yield from _inside(data, inner)
                else:
                    packer = PACKERS.get(Path(name).suffix)
                    yield packer.decompress(data) if packer else data
                break


def _inside(data: bytes, pattern: str) -> Iterator[bytes]:
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(data)
        file.flush()
        for name, read in members(Path(file.name), Path(file.name).parent):
            if fnmatch.fnmatch(name, pattern):
                yield read()


def build(row: dict[str, str], output: Path, wanted: Callable[[bytes], bool]) -> int:
    """Write one source; returns its bytes. Nothing appears until it is complete."""
    pieces: dict[bytes, bytes] = {}  # by their hashes: copies fall together, and order is fixed
    for source in row["sources"].split():
        with tempfile.TemporaryDirectory() as name:
            download(source, Path(name))
            for text in documents(Path(name), row["select"].split()):
                for start in range(0, len(text), PIECE):
                    piece = text[start : start + PIECE]
                    pieces[hashlib.blake2b(piece, digest_size=16).digest()] = piece
    limit = float(row["megabytes"]) * MB
    data, index = bytearray(), []
    for _, piece in sorted(pieces.items()):
        if len(data) < limit and wanted(piece):
            index.append(f"{len(data)}\t{len(piece)}\n")
            data += piece
    if not data:
        raise Unreachable("its patterns choose nothing")
    place = output / row["domain"] / row["name"]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_suffix(".idx").write_text("".join(index))
    temporary = place.with_suffix(".tmp")
    temporary.write_bytes(data)
    temporary.replace(place.with_suffix(".dat"))
    return len(data)


def stranger_to(directory: Path) -> Callable[[bytes], bool]:
    """Whether a document has little in common with the files in ``directory``."""
    import numpy as np
    import overlap

    size = 64
    parts = [overlap.meaningful(np.fromfile(p, np.uint8), size) for p in overlap.files(directory)]
    known = np.unique(np.concatenate(parts))

    def wanted(text: bytes) -> bool:
        hashes, _ = overlap.windows(np.frombuffer(text, np.uint8), size)
        return len(hashes) == 0 or float(np.isin(hashes, known).mean()) <= SHARED

    return wanted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--only", action="append", metavar="DOMAIN|NAME")
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--exclude", type=Path, metavar="EVALUATION_DIR")
    args = parser.parse_args()
    with TABLE.open(newline="") as file:
        rows = [r for r in csv.DictReader(file)
                if not args.only or {r["domain"], r["name"]} & {*args.only}]  # fmt: skip
    wanted = stranger_to(args.exclude) if args.exclude else lambda text: True
    missing = []
    for row in rows:
        name = f"{row['domain']}/{row['name']}"
        if (args.output / f"{name}.dat").exists():
            continue
        try:
            size = build(row, args.output, wanted)
        except (Unreachable, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            missing.append(name)
            if not args.keep_going:
                break
        else:
            print(f"{name}: {size / MB:.1f} MB of {row['megabytes']}", flush=True)
    if missing:
        print(f"missing: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
