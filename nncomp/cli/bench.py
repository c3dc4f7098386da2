"""``nncomp bench``: nncomp's levels beside other compressors, as a table, CSV and a plot."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from nncomp import fileio, levels
from nncomp.arguments import MAX_THREADS
from nncomp.cli import inputs
from nncomp.cli.options import Mode
from nncomp.cli.parameters import FILE, Number, Output, PrimeFile, prime_option
from nncomp.cli.report import Report, leave_out, printable, size_text, terminal_bar
from nncomp.errors import NNCompError
from nncomp.folder import exists

if TYPE_CHECKING:
    from nncomp.bench import Result, Total

__all__ = ["bench"]

MB = 1_000_000
FEW_FILES = 3  # up to so many files, rows are shown for each
WIDTH = 100  # columns to which file names are shortened


def _levels(ctx: click.Context, param: click.Parameter, value: str) -> list[tuple[int, str | None]]:
    """Parse levels: (level, name of a model or None for the level's own), each once."""
    wanted = []
    for word in value.split(","):
        level, colon, model = word.partition(":")
        if not level.isdecimal() or not levels.MIN_LEVEL <= int(level) <= levels.MAX_LEVEL:
            raise click.BadParameter(f"'{level}' is not a level, {levels.MIN_LEVEL} to "
                                     f"{levels.MAX_LEVEL}")  # fmt: skip
        if colon and not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", model):
            raise click.BadParameter(f"'{model}' is not the name of a model")
        wanted.append((int(level), model or None))
    return list(dict.fromkeys(wanted))


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=FILE)
@click.option(
    "--levels",
    "wanted",
    default=f"{levels.MIN_LEVEL},2,{levels.DEFAULT_LEVEL}",
    callback=_levels,
    metavar="LEVEL[:MODEL],...",
    show_default=True,
    help="Levels of nncomp, with another model than the level's, or none, behind a colon.",
)
@click.option(
    "--peers",
    default="all",
    metavar="none|all|NAME,NAME",
    show_default=True,
    help="Other compressors on PATH; 'zstd-19', or 'zstd' for all its settings.",
)
@prime_option("Have nncomp, and zstd as a dictionary, read this file first: for small files.")
@click.option(
    "-T", "--threads", type=click.IntRange(1, MAX_THREADS), default=1,
    help="Threads of nncomp. Peers: 1.",
)  # fmt: skip
@click.option(
    "--time-limit",
    type=Number(0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="For each run.",
)
@click.option("--per-file", is_flag=True, help="Rows for every file, however many.")
@click.option("--csv", "table", type=Output(dir_okay=False), help="Write all figures there.")
@click.option("--plot", type=Output(dir_okay=False), help="Draw ratio against speed there.")
@click.option("-f", "--force", is_flag=True, help="Overwrite these two.")
@click.option("-q", "--quiet", is_flag=True, help="No bar, no remarks.")
def bench(
    paths: tuple[str, ...],
    wanted: list[tuple[int, str | None]],
    peers: str,
    prime: PrimeFile | None,
    threads: int,
    time_limit: float,
    per_file: bool,
    table: str | None,
    plot: str | None,
    force: bool,
    quiet: bool,
) -> int:
    """Measure bytes, speed and peak memory of nncomp and others on files.

    Every run is a process of its own, timed from its start to its end, and every round trip is
    verified: a compressor that fails one, or the time limit, is reported and left out. Geo.mean is
    the geometric mean of the files' bits per byte; 'With model' counts the model's file once, and
    the prime.
    Memory below about 5 MiB is the measuring process's own.
    """
    from nncomp import bench as measuring
    from nncomp import plotting, registry

    if plot:
        plotting.check(plot)
    for place in (table, plot):
        if place and not os.path.isdir(os.path.dirname(place) or "."):
            raise NNCompError(f"there is no directory for {place}")
    for _, model in wanted:
        if model not in (None, levels.NO_MODEL):
            registry.lookup(str(model))  # a wrong name fails now
    compressors = [measuring.own(level, model, threads) for level, model in wanted]
    if peers != "none":
        compressors += measuring.find_peers(None if peers == "all" else peers.split(","))
    if prime is not None:
        compressors = [measuring.primed(one, prime.name) for one in compressors]
    report = Report(0)
    files = _files(paths, report, quiet)
    if not files:
        raise NNCompError("there is nothing to measure")
    for place in filter(None, (table, plot)):
        if inputs.same(place, files):
            raise NNCompError(f"{place}: is one of the files to measure")
        if prime is not None and inputs.same(place, [prime.name]):
            raise NNCompError(f"{place}: is the prime")
        if os.path.isfile(place) and not force:
            raise exists(place)

    with _progress(len(files) * len(compressors), quiet) as started:
        results, failures = measuring.run(compressors, files, time_limit, started)
    for failure in failures:
        where = f"{failure.compressor} left out: {failure.file}"
        report.complain(where, failure.error)
    totals = [t for c in compressors if (t := measuring.total(c, results)) is not None]
    if totals:
        if per_file or 1 < len(files) <= FEW_FILES:
            _print_files(files, results)
        _print_totals(totals)
    if table:
        with fileio.create(table, force=force) as file:
            file.write(_csv(results, totals).encode(errors="surrogateescape"))
    if totals and plot:
        with fileio.create(plot, force=force) as file:
            plotting.draw(file, os.path.splitext(plot)[1][1:].lower(), totals)
    return report.status


def _files(paths: tuple[str, ...], report: Report, quiet: bool) -> list[str]:
    """The files to measure, each once and in order. Empty ones are left out: bits per byte would
    not be defined."""
    found: dict[str, None] = {}
    for item in inputs.find(Mode.COMPRESS, paths, recursive=True, every=True):
        try:
            if item.problem is not None:
                raise item.problem
            with fileio.open_input(item.name) as file:  # may it be read?
                size = os.fstat(file.fileno()).st_size
            if size:
                found[item.name] = None
            elif not quiet:
                leave_out(item.name)
        except (NNCompError, OSError) as error:
            report.complain(item.name, error)
    return list(found)


@contextlib.contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[str, str], None]]:
    """Show a bar on a terminal that counts round trips and names the current one."""
    with terminal_bar(not quiet, total=total) as bar:
        begun = 0

        def started(compressor: str, file: str) -> None:
            nonlocal begun
            if bar is None:
                return
            bar.set_description_str(printable(f"{os.path.basename(file)}: {compressor}"))
            bar.update(begun - bar.n)
            begun += 1

        yield started


def _print_files(files: Sequence[str], results: Sequence[Result]) -> None:
    row = "{:<16} {:>15} {:>10} {:>9} {:>9} {:>9}"
    heads = row.format("", "Bytes", "Bits/byte", "MB/s in", "MB/s out", "Memory")
    for file in files:
        click.echo(_shortened(printable(file)))
        click.echo(heads)
        for result in results:
            if result.file == file:
                click.echo(
                    row.format(
                        result.compressor,
                        f"{result.packed:,}",
                        f"{result.bits:.4f}",
                        _speed(result.size / result.compress_seconds),
                        _speed(result.size / result.decompress_seconds),
                        size_text(result.memory),
                    )
                )
        click.echo()


def _print_totals(totals: Sequence[Total]) -> None:
    files, size = totals[0].files, totals[0].size
    click.echo(f"{files} file{'s' if files > 1 else ''}, {size:,} bytes")
    row = "{:<16} {:>15} {:>10} {:>9} {:>9} {:>9} {:>9} {:>15}"
    names = "Total|Bytes|Bits/byte|Geo.mean|MB/s in|MB/s out|Memory|With model"
    click.echo(row.format(*names.split("|")))
    for total in totals:
        click.echo(
            row.format(
                total.compressor,
                f"{total.packed:,}",
                f"{total.bits:.4f}",
                f"{total.mean_bits:.4f}",
                _speed(total.compress_speed),
                _speed(total.decompress_speed),
                size_text(total.memory),
                f"{total.packed + total.model_size:,}",
            )
        )


def _speed(speed: float) -> str:
    """MB (a million bytes) a second to three digits or so."""
    value = speed / MB
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 4}f}"


def _shortened(name: str) -> str:
    return name if len(name) <= WIDTH else "..." + name[3 - WIDTH :]


def _csv(results: Sequence[Result], totals: Sequence[Total]) -> str:
    """A row for each compressor and file: sums and means follow from it."""
    model_sizes = {total.compressor: total.model_size for total in totals}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        "compressor file bytes packed_bytes bits_per_byte compress_seconds decompress_seconds "
        "compress_peak_bytes decompress_peak_bytes model_bytes".split()
    )
    for result in results:
        rows.writerow(
            [
                result.compressor,
                result.file,
                result.size,
                result.packed,
                f"{result.bits:.6f}",
                f"{result.compress_seconds:.6f}",
                f"{result.decompress_seconds:.6f}",
                result.compress_memory,
                result.decompress_memory,
                model_sizes[result.compressor],
            ]
        )
    return text.getvalue()
