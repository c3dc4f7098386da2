"""``nncomp estimate``: estimates from samples what files would take at each level."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from nncomp import fileio
from nncomp.cli.parameters import FILE, STREAM
from nncomp.cli.report import Report, duration_text, leave_out, size_text
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.estimation import Row, Samples

__all__ = ["estimate"]

_ROW = "{:<9} {:>16} {:>9} {:>11} {:>11} {:>9}"


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def estimate(files: tuple[str, ...], as_json: bool) -> int:
    """Say, in a few seconds, what FILES would become at each level, and with xz and zstd.

    Each file is one of its own. Samples of them are compressed: 1 MiB at -2, 72 KiB of that at all
    levels, and up to 16 MiB with deflate, to tell how the samples differ from the rest. Of what is
    larger, sizes are within a few percent, times mostly within a fifth; an archive is hard to
    sample. Times are those of one thread.
    """
    from nncomp import estimation

    report = Report(0)
    known = []
    for name in dict.fromkeys(files):
        try:
            if size := _size(name):
                known.append((name, size))
            elif len(files) > 1:
                leave_out(name)
        except (NNCompError, OSError) as error:
            report.complain(name, error)
    if not known and report.status:
        return report.status
    samples = estimation.take(known)
    rows = estimation.estimate(samples)
    if as_json:
        click.echo(json.dumps(_entry(samples, [*rows]), indent=2))
    else:
        count = len(known)
        click.echo(f"{count} file{'s' if count > 1 else ''}, {samples.size:,} bytes")
        click.echo(_ROW.format("", "Bytes", "Share", "Time in", "Time out", "Memory"))
        guessed = False
        for row in rows:
            click.echo(_line(row, samples.size))
            guessed = guessed or not row.exact
        times = "times are of one thread of this machine"
        click.echo(f"~: estimated from samples; {times}" if guessed else times.capitalize())
    return report.status


def _size(name: str) -> int:
    """The size in bytes of a file that can seek. Raises ``NNCompError`` for standard input."""
    if name == STREAM:
        raise NNCompError("standard input cannot be sampled: it takes a file")
    with fileio.open_input(name) as file:
        return os.fstat(file.fileno()).st_size


def _line(row: Row, size: int) -> str:
    memory = "-" if row.memory is None else size_text(row.memory)
    return _ROW.format(
        row.name,
        f"{'' if row.exact else '~'}{row.size:,}",
        f"{100 * row.size / size:.1f} %",
        duration_text(row.seconds_in),
        duration_text(row.seconds_out),
        memory,
    )


def _entry(samples: Samples, rows: list[Row]) -> dict[str, Any]:
    return {
        "files": len(samples.sizes),
        "size": samples.size,
        "sampled": sum(map(len, samples.runs)),
        "estimates": [
            {
                "name": row.name,
                "size": row.size,
                "exact": row.exact,
                "seconds_in": round(row.seconds_in, 3),
                "seconds_out": round(row.seconds_out, 3),
                "memory": row.memory,
            }
            for row in rows
        ],
    }
