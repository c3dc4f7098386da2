"""How long 1 GB takes, in and out, and how much memory: measured here, kept in docs/gigabyte.csv.

    python tools/gigabyte.py DIR [--kernels A,B] [--threads N] [--levels 1,5:none] [--sample MIB]
    python tools/gigabyte.py

DIR has a folder for each kind of file, as in KINDS. A sample of each kind goes through the fastest
kernel, the first one also on one thread and through the other kernels, and all through the peers;
what the table has of this processor already is replaced. With DIR or without, README.md then shows
the table. Kernels that a processor is too new for say how it would do with older instructions, and
no more about other processors.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import platform
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from nncomp import _native, bench

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "gigabyte.csv"
README = ROOT / "README.md"

KINDS = {
    "text and code": ("text", "code", "markup"),
    "logs, JSON, tables": ("logs", "data"),
    "programs, pictures, sound": ("binary", "media"),
}
KERNELS = {
    "amx": "AVX-512 VNNI, AMX",
    "avx512": "AVX-512 VNNI",
    "avxvnni": "AVX-VNNI",
    "avx2": "AVX2",
    "sse41": "SSE4.1",
    "dotprod": "NEON with SDOT",
    "neon": "NEON",
    "portable": "plain C++",
}
PEERS = "peers"
SETTINGS = ("zstd-3", "zstd-19", "xz-6", "xz-9e", "zpaq-m5")  # of the peers
LEVELS = "1,2,5"
GB = 1_000_000_000


@dataclass(frozen=True)
class Row:
    """One run there and back."""

    cpu: str
    kernel: str  # of the engine, or PEERS
    threads: int
    kind: str
    compressor: str
    size: int  # bytes of the sample
    seconds_in: float
    seconds_out: float
    memory: int  # peak resident bytes of either way
    load: float  # average of the machine's last minute, before

    @property
    def key(self) -> tuple[object, ...]:
        return self.cpu, self.kernel, self.threads, self.kind, self.compressor


def read() -> list[Row]:
    with TABLE.open(newline="") as file:
        types = (str, str, int, str, str, int, float, float, int, float)
        _, *lines = csv.reader(file)
    return [Row(*(t(v) for t, v in zip(types, line, strict=True))) for line in lines]


def write(rows: Iterable[Row]) -> None:
    with TABLE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Row))
        table.writerows(map(astuple, rows))


def processor() -> str:
    """The name a processor has for itself, and what tells it from others of that name."""
    about = {}
    with contextlib.suppress(OSError):  # not every system has it
        about = dict(re.findall(r"(?m)^(.*?)\s*: (.*)$", Path("/proc/cpuinfo").read_text()))
    if "model name" not in about:  # nor does every processor have a name there
        return platform.processor() or platform.machine()
    name = re.sub(r"\((R|TM)\)", "", about["model name"])
    return f"{name}, family {about['cpu family']} model {about['model']}"


def sample(folder: str, kind: str, size: int) -> bytes:
    """The files of a kind one after another, cut off."""
    files = (p for part in KINDS[kind] for p in sorted(Path(folder, part).rglob("*")))
    return b"".join(p.read_bytes() for p in files if p.is_file())[:size]


def measure(
    cpu: str, kernel: str, threads: int, kind: str, data: bytes, wanted: Sequence[bench.Compressor]
) -> list[Row]:
    """Run all of ``wanted``; a failure ends everything."""
    load = os.getloadavg()[0]
    os.environ["NNCOMP_KERNEL"] = "auto" if kernel == PEERS else kernel
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sample")
        file.write_bytes(data)
        results, failures = bench.run(wanted, [str(file)], 24 * 3600)
    if failures:
        raise SystemExit(f"{failures[0].compressor}: {failures[0].error}")
    rows = [
        Row(
            cpu,
            kernel,
            threads,
            kind,
            r.compressor,
            r.size,
            round(r.compress_seconds, 3),
            round(r.decompress_seconds, 3),
            r.memory,
            round(load, 2),
        )
        for r in results
    ]
    for row in rows:
        print(*astuple(row), sep="\t", flush=True)
    return rows


# ---- The table in README.md ----


def shown(seconds: float) -> str:
    """Two digits: '52 s', '9.1 min', '2.4 h'."""
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        value = seconds / size
        if value < 99.5 or unit == "h":
            break
    return f"{value:.{0 if value >= 9.95 else 1}f} {unit}"


def both(row: Row) -> str:
    """In and out, for 1 GB."""
    return f"{shown(row.seconds_in * GB / row.size)} / {shown(row.seconds_out * GB / row.size)}"


def heading(compressor: str) -> str:
    """'nncomp-5:none' as it is typed."""
    program, _, setting = compressor.partition("-")
    level, _, model = setting.partition(":")
    option = f" --model {model}" if model else ""
    return f"-{level}{option}" if program == "nncomp" else f"{program} -{setting}"


def markdown(rows: Sequence[Row]) -> str:
    """Tables for each processor: what nncomp takes, and what the peers take."""
    lines = []
    for cpu in dict.fromkeys(row.cpu for row in rows):
        own = [row for row in rows if row.cpu == cpu and row.kernel != PEERS]
        names = list(dict.fromkeys(row.compressor for row in own))
        groups: dict[tuple[str, str, int], dict[str, Row]] = {}
        for row in own:
            groups.setdefault((row.kind, row.kernel, row.threads), {})[row.compressor] = row
        lines += [
            f"**{cpu}**",
            "",
            f"| 1 GB of | kernel | threads | {' | '.join(map(heading, names))} |",
        ]
        lines += ["|---|---|---:|" + "---:|" * len(names)]
        for (kind, kernel, threads), cells in groups.items():
            times = [both(cells[name]) if name in cells else "" for name in names]
            title = KERNELS.get(kernel, kernel)
            lines += [f"| {kind} | {title} | {threads} | {' | '.join(times)} |"]
        for threads in sorted({row.threads for row in own}):
            peaks = [max(r.memory for r in own if (r.compressor, r.threads) == (name, threads))
                     for name in names]  # fmt: skip
            texts = [f"{peak / (1 << 20):.0f} MiB" for peak in peaks]
            lines += [f"| memory, at most | | {threads} | {' | '.join(texts)} |"]
        peers = [row for row in rows if row.cpu == cpu and row.kernel == PEERS]
        settings = list(dict.fromkeys(row.compressor for row in peers))
        lines += ["", f"| beside it, 1 GB of | {' | '.join(map(heading, settings))} |"]
        lines += ["|---|" + "---:|" * len(settings)]
        for kind in dict.fromkeys(row.kind for row in peers):
            times = [
                both(r) for s in settings for r in peers if (r.kind, r.compressor) == (kind, s)
            ]
            lines += [f"| {kind} | {' | '.join(times)} |"]
        lines += [""]
    return "\n".join(lines)


MARKS = "<!-- docs/gigabyte.csv, as tools/gigabyte.py shows it -->\n", "<!-- end -->\n"


def show(rows: Sequence[Row], page: str) -> str:
    """``page`` with the table between the marks."""
    before, rest = page.split(MARKS[0])
    return before + MARKS[0] + markdown(rows) + MARKS[1] + rest.split(MARKS[1])[1]


def plan(kernels: Sequence[str], threads: int) -> Iterator[tuple[str, int, str]]:
    """What to measure: (kernel, threads, kind)."""
    first, *others = KINDS
    best = _native.kernels()[0]
    for kernel in kernels:
        if kernel == best:
            yield kernel, 1, first
        yield kernel, 1 if kernel == PEERS else threads, first
        for kind in others if kernel in (PEERS, best) else ():
            yield kernel, 1 if kernel == PEERS else threads, kind


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", metavar="DIR")
    parser.add_argument("--kernels", default=",".join([PEERS, *_native.kernels()]))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--levels", default=LEVELS)
    parser.add_argument("--sample", type=int, default=8, metavar="MIB")
    options = parser.parse_args()
    rows = {row.key: row for row in read()} if TABLE.exists() else {}
    if options.folder:
        levels = [word.partition(":") for word in options.levels.split(",")]
        for kernel, threads, kind in dict.fromkeys(
            plan(options.kernels.split(","), options.threads)
        ):
            data = sample(options.folder, kind, options.sample << 20)
            own = [bench.own(int(n), model or None, threads) for n, _, model in levels]
            wanted = bench.find_peers(SETTINGS) if kernel == PEERS else own
            found = measure(processor(), kernel, threads, kind, data, wanted)
            rows.update((row.key, row) for row in found)
            write(rows.values())  # as soon as it is known: all of it takes hours
    README.write_text(show([*rows.values()], README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
