"""``nncomp distance``: shows the distances between files, as a table or a tree."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import click

from nncomp.cli import inputs, outputs
from nncomp.cli.parameters import (
    FILE,
    Output,
    level_flags,
    level_of,
    sample_size,
    threads_option,
)
from nncomp.cli.report import Report, printable
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["distance"]

_PICTURE = ".svg"


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--tree", is_flag=True, help="A tree instead of the table: which are most alike.")
@click.option(
    "-o",
    "--output",
    type=Output(dir_okay=False, allow_dash=True),
    help="Write there; a tree as a picture where the name ends in .svg. '-' is stdout.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite it.")
@click.option(
    "--sample",
    type=sample_size,
    default="64KiB",
    show_default=True,
    metavar="SIZE",
    help="How much of each file counts, from its beginning; at most 16MiB.",
)
@level_flags
@threads_option("Threads; 0 (default) = one for each CPU. Never changes the output.")
@click.pass_context
def distance(
    ctx: click.Context,
    files: tuple[str, ...],
    tree: bool,
    output: str | None,
    force: bool,
    sample: int,
    threads: int,
) -> int:
    """Say how far FILES are from each other: 0 alike, 1 strangers.

    Each file is read by the adaptive stage alone, and by one that has read another file first. The
    distance is what the dearer one of two takes behind the other, over what it takes alone. The
    table is CSV; --tree joins what is most alike, again and again.
    """
    from nncomp import likeness

    if len(files) < 2:
        raise click.UsageError("two files are needed at least")
    picture = output is not None and output.lower().endswith(_PICTURE)
    if picture and not tree:
        raise click.UsageError(f"{_PICTURE} is for --tree")
    inputs.check_once(files)
    outputs.check(output, [*files], "would overwrite one of the files")
    report = Report(0)
    texts = []
    why_not = "there is no file to read, and standard input is a terminal"
    for file in files:
        try:
            texts.append(inputs.read_text(file, why_not, sample))
        except (NNCompError, OSError) as error:
            report.complain(file, error)
    if report.status:  # a table without some of the files is not what was asked for
        return report.status
    level = level_of(ctx)
    table = likeness.distances(texts, level=level, sample=sample, threads=threads)
    if tree:
        from nncomp.insight import tree as drawing

        draw = drawing.as_svg if picture else drawing.as_text
        text = draw(likeness.joined(table), [*map(printable, files)])
    else:
        text = _csv(files, table)
    with outputs.opened(output, force=force) as sink:
        sink.write(text.encode("utf-8", "surrogateescape"))
    return 0


def _csv(files: tuple[str, ...], table: npt.NDArray[np.float64]) -> str:
    """The table as CSV, with a row and a column for each file."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["", *files])
    for file, row in zip(files, table.tolist(), strict=True):
        rows.writerow([file, *(f"{value:.6f}" for value in row)])
    return text.getvalue()
