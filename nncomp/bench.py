"""Measures compressors on files: bytes, time and peak memory, each run in a process of its own.

Every compressor works on a copy called ``content`` in a temporary folder, so that the file's name
and place do not matter, and must give the content back. One that fails on any file is left out
altogether, since totals over different files cannot be compared. Wall time includes the start of
the process.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nncomp import levels, stopwatch
from nncomp.errors import ModelNotFoundError, NNCompError

__all__ = [
    "PEERS",
    "Compressor",
    "Failure",
    "Result",
    "Total",
    "find_peers",
    "own",
    "primed",
    "run",
    "total",
]

CHUNK = 1 << 20  # bytes
_PRIME = "prime"  # name of its copy


@dataclass(frozen=True)
class Compressor:
    """The command lines that compress ``content`` to ``packed*`` and decompress that to ``back``.

    They are split at spaces, without a shell; ``> FILE`` may end them. The first word is a program,
    or the names that it may have, separated by ``|``.
    """

    name: str
    compress: str
    decompress: str
    program: str = ""  # path to run in place of the first word
    model: str | None = None  # name of the model that decompressing needs
    prime_option: str = ""  # that names a dictionary or prime; its command lines have no ``>``
    prime: str = ""  # path of the dictionary or prime, copied to ``prime`` in the folder

    @property
    def family(self) -> str:
        """The program's name, which its settings share; nncomp without a network is a family of its
        own."""
        program, _, setting = self.name.partition("-")
        return (
            f"{program}:{levels.NO_MODEL}" if setting.endswith(f":{levels.NO_MODEL}") else program
        )

    @property
    def programs(self) -> list[str]:
        """The names that the program may have."""
        return self.compress.split()[0].split("|")


# Each program at its usual setting and at its strongest, or nearly so; all on one thread.
PEERS = (
    Compressor("gzip-6", "gzip -6 -n -c content > packed.gz", "gzip -d -c packed.gz > back"),
    Compressor("gzip-9", "gzip -9 -n -c content > packed.gz", "gzip -d -c packed.gz > back"),
    Compressor("bzip2-9", "bzip2 -9 -c content > packed.bz2", "bzip2 -d -c packed.bz2 > back"),
    Compressor("xz-6", "xz -6 -T1 -c content > packed.xz", "xz -d -T1 -c packed.xz > back"),
    Compressor("xz-9e", "xz -9e -T1 -c content > packed.xz", "xz -d -T1 -c packed.xz > back"),
    Compressor("lz4-1", "lz4 -1 -q content packed.lz4", "lz4 -d -q packed.lz4 back"),
    Compressor("lz4-12", "lz4 -12 -q content packed.lz4", "lz4 -d -q packed.lz4 back"),
    Compressor(
        "zstd-3",
        "zstd -3 -q --single-thread content -o packed.zst",
        "zstd -d -q packed.zst -o back",
        prime_option="-D",
    ),
    Compressor(
        "zstd-19",
        "zstd -19 -q --single-thread content -o packed.zst",
        "zstd -d -q packed.zst -o back",
        prime_option="-D",
    ),
    Compressor(
        "zstd-22",
        "zstd --ultra -22 --long=27 -q --single-thread content -o packed.zst",
        "zstd -d -q --long=27 packed.zst -o back",
        prime_option="-D",
    ),
    Compressor("brotli-5", "brotli -q 5 content -o packed.br", "brotli -d packed.br -o back"),
    Compressor(
        "brotli-11", "brotli -q 11 --lgwin=24 content -o packed.br", "brotli -d packed.br -o back"
    ),
    Compressor("bzip3-16", "bzip3 -b 16 -c content > packed.bz3", "bzip3 -d -c packed.bz3 > back"),
    Compressor(
        "7z-ppmd",
        "7zz|7z|7za a -t7z -m0=PPMd:o=8:mem=64m -mmt=1 -bd -y packed.7z content",
        "7zz|7z|7za x -so -bd packed.7z > back",
    ),
    Compressor(
        "lrzip-z",
        "lrzip -z -p 1 -q -o packed.lrz content",
        "lrzip -d -p 1 -q -o back packed.lrz",
    ),
    Compressor(
        "zpaq-m1",
        "zpaq a packed.zpaq content -m1 -t1 -noattributes",
        "zpaq x packed.zpaq content -to back -t1",
    ),
    Compressor(
        "zpaq-m4",
        "zpaq a packed.zpaq content -m4 -t1 -noattributes",
        "zpaq x packed.zpaq content -to back -t1",
    ),
    Compressor(
        "zpaq-m5",
        "zpaq a packed.zpaq content -m5 -t1 -noattributes",
        "zpaq x packed.zpaq content -to back -t1",
    ),
    Compressor(
        "kanzi-9",
        "kanzi -c -f -i content -o packed.knz -l 9 -b 32m -j 1",
        "kanzi -d -f -i packed.knz -o back -j 1",
    ),
    Compressor("lpaq1-6", "lpaq1 6 content packed.lpaq", "lpaq1 d packed.lpaq back"),
    Compressor("lpaq8-6", "lpaq8 6 content packed.lpaq", "lpaq8 d packed.lpaq back"),
    Compressor("lpaq9m-6", "lpaq9m 6 content packed.lpaq", "lpaq9m d packed.lpaq back"),
    Compressor("mcm-h6", "mcm -h6 content packed.mcm", "mcm d packed.mcm back"),
    Compressor("paq8px-8", "paq8px -8 content packed.paq8px", "paq8px -d packed.paq8px back"),
    Compressor("cmix-c", "cmix -c content packed.cmix", "cmix -d packed.cmix back"),
)


@dataclass(frozen=True)
class Result:
    """One compressor on one file."""

    compressor: str
    file: str
    size: int  # bytes of content
    packed: int  # bytes
    compress_seconds: float
    decompress_seconds: float
    compress_memory: int  # peak resident bytes
    decompress_memory: int

    @property
    def bits(self) -> float:
        """Compressed bits per byte of content."""
        return 8 * self.packed / self.size

    @property
    def memory(self) -> int:
        """Peak resident bytes of either run."""
        return max(self.compress_memory, self.decompress_memory)


@dataclass(frozen=True)
class Failure:
    """Why a compressor has no results."""

    compressor: str
    file: str
    error: NNCompError


@dataclass(frozen=True)
class Total:
    """One compressor on all files."""

    compressor: str
    family: str
    files: int
    size: int  # bytes of content
    packed: int  # bytes
    bits: float  # bits per byte, over all bytes
    mean_bits: float  # bits per byte, geometric mean over the files
    compress_speed: float  # bytes a second
    decompress_speed: float
    memory: int  # peak resident bytes of any run
    model_size: int  # bytes of the model's file and of the prime, 0 without


def find_peers(names: Sequence[str] | None) -> list[Compressor]:
    """The peers on PATH, or only those of ``names``: 'zstd-19', or 'zstd' for all of its settings.

    Raises ``NNCompError`` for a name that is unknown, or of a program that is not there.
    """
    if names is None:
        return [peer for peer in map(_installed, PEERS) if peer is not None]
    for name in names:
        if not any(name in (peer.name, *peer.programs) for peer in PEERS):
            known = ", ".join(peer.name for peer in PEERS)
            raise NNCompError(f"no peer is called '{name}'; known are {known}")
    found = []
    for peer in PEERS:
        if {peer.name, *peer.programs}.intersection(names):
            installed = _installed(peer)
            if installed is None:
                raise NNCompError(f"{peer.name}: {' or '.join(peer.programs)} is not on PATH")
            found.append(installed)
    return found


def _installed(peer: Compressor) -> Compressor | None:
    for program in peer.programs:
        if path := shutil.which(program):
            return dataclasses.replace(peer, program=os.path.abspath(path))
    return None


def own(level: int, model: str | None = None, threads: int = 1) -> Compressor:
    """nncomp itself at ``level``, with the level's model, or the one named ``model``, which may be
    "none"."""
    option = f" --model {model}" if model else ""
    used = model or levels.get(level).model
    return Compressor(
        f"nncomp-{level}:{model}" if model else f"nncomp-{level}",
        f"python -m nncomp compress -q -{level}{option} -T {threads} -o packed.nnc content",
        f"python -m nncomp decompress -q -T {threads} -o back packed.nnc",
        sys.executable,
        None if used == levels.NO_MODEL else used,
        "--prime",
    )


def primed(compressor: Compressor, prime: str) -> Compressor:
    """``compressor`` with the file ``prime`` as its dictionary for both directions; unchanged if it
    has no option for that."""
    if not compressor.prime_option:
        return compressor
    words = f" {compressor.prime_option} {_PRIME}"
    return dataclasses.replace(
        compressor,
        compress=compressor.compress + words,
        decompress=compressor.decompress + words,
        prime=os.path.abspath(prime),
    )


def run(
    compressors: Sequence[Compressor],
    files: Sequence[str],
    time_limit: float,
    started: Callable[[str, str], None] = lambda compressor, file: None,
) -> tuple[list[Result], list[Failure]]:
    """Measure every compressor on every file, file by file; no run may take ``time_limit`` seconds.

    ``started`` is called with the names of compressor and file. A compressor that fails has no
    results. Raises ``OSError`` for a file that cannot be read.
    """
    results: list[Result] = []
    failures: list[Failure] = []
    left = list(compressors)
    for file in files:
        with tempfile.TemporaryDirectory(prefix="nncomp-") as name:
            folder = Path(name)
            shutil.copyfile(file, folder / "content")
            for compressor in tuple(left):
                started(compressor.name, file)
                try:
                    results.append(_measure(compressor, file, folder, time_limit))
                except NNCompError as error:
                    left.remove(compressor)
                    failures.append(Failure(compressor.name, file, error))
                finally:
                    _clear(folder)
    names = {compressor.name for compressor in left}
    return [result for result in results if result.compressor in names], failures


def total(compressor: Compressor, results: Sequence[Result]) -> Total | None:
    """Sum up those of ``results`` that are the compressor's; None if there are none."""
    results = [result for result in results if result.compressor == compressor.name]
    if not results:
        return None
    size = sum(r.size for r in results)
    packed = sum(r.packed for r in results)
    return Total(
        compressor=compressor.name,
        family=compressor.family,
        files=len(results),
        size=size,
        packed=packed,
        bits=8 * packed / size,
        mean_bits=math.exp(sum(math.log(r.bits) for r in results) / len(results)),
        compress_speed=size / sum(r.compress_seconds for r in results),
        decompress_speed=size / sum(r.decompress_seconds for r in results),
        memory=max(r.memory for r in results),
        model_size=(_model_size(compressor.model) if compressor.model else 0)
        + (os.path.getsize(compressor.prime) if compressor.prime else 0),
    )


def _model_size(name: str) -> int:
    from nncomp import registry

    try:
        return registry.lookup(name).stat().st_size
    except ModelNotFoundError:  # what was measured did not need it
        return 0


def _measure(compressor: Compressor, file: str, folder: Path, time_limit: float) -> Result:
    if compressor.prime:
        shutil.copyfile(compressor.prime, folder / _PRIME)
    seconds, memory = _execute(compressor, compressor.compress, folder, time_limit)
    packed = sum(path.stat().st_size for path in folder.glob("packed*"))
    if not packed:
        raise NNCompError("wrote nothing")
    seconds_back, memory_back = _execute(compressor, compressor.decompress, folder, time_limit)
    if not _same(folder / "content", folder / "back"):
        raise NNCompError("does not give the content back")
    size = (folder / "content").stat().st_size
    return Result(compressor.name, file, size, packed, seconds, seconds_back, memory, memory_back)


def _execute(
    compressor: Compressor, line: str, folder: Path, time_limit: float
) -> tuple[float, int]:
    """Wall seconds and peak bytes of one run in ``folder``. Raises ``NNCompError``."""
    if not hasattr(os, "wait4"):
        raise NNCompError("cannot be measured: this system does not tell what a process took")
    words = [compressor.program, *line.split()[1:]]
    target = os.devnull
    if words[-2] == ">":
        target = str(folder / words[-1])
        words = words[:-2]
    with open(target, "wb") as output, open(folder / "errors", "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", stopwatch.__file__, "report", *words],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # a group, to be killed as one
        )
        try:
            process.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise NNCompError(f"takes more than {time_limit:g} seconds") from None
        finally:  # on a signal, too
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode:
        raise NNCompError("could not be measured")
    status, seconds, memory = (folder / "report").read_text().split()
    if status != "0":
        lines = (folder / "errors").read_text("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()] or [f"exit status {status}"]
        raise NNCompError(f"failed: {said[-1]}")
    return float(seconds), int(memory)


def _environment() -> dict[str, str]:
    """Our environment with NNCOMP_MODELS made absolute, since a run has another working folder."""
    environment = dict(os.environ)
    if places := environment.get("NNCOMP_MODELS"):
        absolute = (os.path.abspath(place) for place in places.split(os.pathsep) if place)
        environment["NNCOMP_MODELS"] = os.pathsep.join(absolute)
    return environment


def _same(a: Path, b: Path) -> bool:
    if not b.is_file() or a.stat().st_size != b.stat().st_size:
        return False
    with a.open("rb") as x, b.open("rb") as y:
        while chunk := x.read(CHUNK):
            if chunk != y.read(CHUNK):
                return False
    return True


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "content":
            path.unlink()
