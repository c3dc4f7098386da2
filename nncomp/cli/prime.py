"""``nncomp prime``: makes a prime for many small files out of samples of them."""

from __future__ import annotations

import click

from nncomp import fileio
from nncomp.cli import inputs, outputs
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode, input_options
from nncomp.cli.parameters import STREAM, Output, byte_size
from nncomp.cli.report import Report, printable, say, size_text
from nncomp.errors import NNCompError

__all__ = ["prime"]


@click.group()
def prime() -> None:
    """Make what --prime takes: a sample of what many small files are like."""


def _size(ctx: click.Context, param: click.Parameter, value: int) -> int:
    from nncomp.prime import MAX_PRIME_SIZE
    from nncomp.priming import LEAST_SIZE

    if not LEAST_SIZE <= value <= MAX_PRIME_SIZE:
        raise click.BadParameter("must be from 4KiB to 1MiB")
    return value


@prime.command()
@input_options
@click.option(
    "-o",
    "--output",
    type=Output(dir_okay=False, allow_dash=True),
    required=True,
    help="Write this file; '-' is stdout.",
)
@click.option(
    "--size",
    type=byte_size,
    default="64KiB",
    show_default=True,
    metavar="SIZE",
    callback=_size,
    help="At most; 4KiB to 1MiB.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite it.")
@click.option("-q", "--quiet", count=True, help="No summary; twice: no errors.")
def make(
    files: tuple[str, ...],
    files_from: str | None,
    files_from0: str | None,
    recursive: bool,
    suffix: str,
    output: str,
    size: int,
    force: bool,
    quiet: int,
) -> int:
    """Choose the pieces of FILES that tell most of what others are like.

    Each file is a sample; of long ones, pieces are taken. What is written is these pieces as they
    are, the best last.
    """
    from nncomp import priming

    report = Report(quiet)
    names = inputs.names(files, files_from, files_from0)
    found = inputs.find(Mode.COMPRESS, names, recursive=recursive, suffix=suffix)
    outputs.check(output, [item.name for item in found], "would overwrite a sample")
    samples = _samples(found, report, priming.MAX_SAMPLES)
    if report.status:  # a prime without some of them is not what was asked for
        return report.status
    data = priming.choose(samples, size)
    if not data:
        raise NNCompError("the samples are empty")
    with outputs.opened(output, force=force, binary="a prime is") as file:
        file.write(data)
    if not quiet:
        place = fileio.STDOUT if output == STREAM else printable(output)
        files_read = "1 file" if len(samples) == 1 else f"{len(samples)} files"
        say(f"{place} : {size_text(len(data))} of {files_read}")
    return 0


def _samples(files: list[Input], report: Report, room: int) -> list[bytes]:
    """The contents of the files, the first ``room`` bytes of all together; errors are reported."""
    found = []
    for item in files:
        try:
            if item.problem is not None:
                raise item.problem
            why_not = "samples are not read from a terminal"
            content = inputs.read_text(item.name, why_not, room)
        except (NNCompError, OSError) as error:
            report.complain(item.name, error)
        else:
            if room:
                found.append(content)
            room -= len(content)
    return found
