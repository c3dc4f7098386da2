"""``nncomp inspect``: shows odd lines of files, and where their bits are."""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

import nncomp
from nncomp import fileio
from nncomp.cli import completion, following, inputs, odd, outputs, where
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode
from nncomp.cli.parameters import (
    FILE,
    STREAM,
    Number,
    Output,
    block_size_option,
    level_flags,
    level_of,
    model_option,
    threads_option,
)
from nncomp.cli.report import Report, progress_bar, shown_name
from nncomp.errors import NNCompError
from nncomp.levels import NO_MODEL

if TYPE_CHECKING:
    from nncomp.counting import Counted
    from nncomp.insight.lines import Line
    from nncomp.insight.survey import Survey
    from nncomp.options import Options

__all__ = ["inspect"]

_SLICE = 1 << 20  # bytes that are handled at a time
_TOP = 20  # lines
_LEAST_BLOCK = 1 << 16  # bytes of a block at least
_PAGE, _MAP = ".html", ".png"


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """Options that say what is shown of each file."""

    lines: bool  # odd lines, rather than a survey
    top: int | None  # how many lines
    binary: bool  # whether files with NUL bytes are taken as lines, too
    least: float | None  # score of a line at least
    output: str | None  # file of a report, which is a page or a map
    output_dir: str | None  # directory for the reports of several files
    as_map: bool
    force: bool
    as_json: bool
    quiet: bool

    @property
    def report(self) -> bool:
        return bool(self.output or self.output_dir)


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option("-L", "--lines", is_flag=True, help="Show the oddest lines of a log or a table.")
@click.option(
    "-n",
    "--top",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help=f"For --lines: how many, of each file; {_TOP} by default.",
)
@click.option("-a", "--text", is_flag=True, help="For --lines: whatever it is, it has lines.")
@click.option(
    "-o",
    "--output",
    type=Output(dir_okay=False, allow_dash=True),
    help="Write a report, in HTML; a map where the name ends in .png. '-' is stdout.",
)
@click.option(
    "--output-dir",
    type=Output(file_okay=False),
    shell_complete=completion.directories,
    help="Write a report of each file into this directory.",
)
@click.option("--png", "as_map", is_flag=True, help="The report is a map: a point for each byte.")
@click.option("-f", "--force", is_flag=True, help="Overwrite it; without a report, --follow.")
@click.option(
    "-F",
    "--follow",
    is_flag=True,
    help="Show each new line of a growing file, as it comes; what is there is read before.",
)
@click.option(
    "--least",
    type=Number(0),
    metavar="SCORE",
    help="For lines: only those of that score or more.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON: an array.")
@level_flags
@model_option("Model to use instead of the level's; none, the default of --lines: no network.")
@block_size_option(
    "How much is read as one, and takes many times as much memory: 16MiB; for --lines 64MiB.",
    least=_LEAST_BLOCK,
)
@threads_option("Threads, of which two are of use; 0 (default) = one for each CPU.")
@click.option("-q", "--quiet", is_flag=True, help="No bar.")
@click.pass_context
def inspect(
    ctx: click.Context,
    files: tuple[str, ...],
    lines: bool,
    top: int | None,
    text: bool,
    output: str | None,
    output_dir: str | None,
    as_map: bool,
    force: bool,
    follow: bool,
    least: float | None,
    as_json: bool,
    model: str | None,
    block_size: int | None,
    threads: int,
    quiet: bool,
) -> int:
    """Show what is surprising in FILES, or in standard input.

    Every byte costs as many bits as the program could not know from what comes before it. With
    --lines, shows the lines with a word that costs more than words in its place usually do: an
    event that is new, a value out of range. Else shows where the bits are: along the file, by kind,
    and in its costliest passages; with -o, as a page with the text coloured by surprise, or as a
    map, of which each point is a byte.
    """
    from nncomp import resolve
    from nncomp.options import Options

    files = files or (STREAM,)
    follow = follow or (force and not (output or output_dir))
    as_map = as_map or bool(output and output.lower().endswith(_MAP))
    wanted = _Wanted(
        lines=lines,
        top=top,
        binary=text,
        least=least,
        output=output,
        output_dir=output_dir,
        as_map=as_map,
        force=force,
        as_json=as_json,
        quiet=quiet,
    )
    _check_usage(files, wanted, follow=follow, model=model)
    outputs.check(output, [*files], "the report would overwrite its file")
    options = Options(
        level=level_of(ctx),
        model=NO_MODEL if (lines or follow) and model is None else model,
        block_size=block_size,
        threads=threads,
    )
    resolve.for_writing(options)  # a wrong name fails now, whatever the files are
    complaints = Report(0)
    if follow:
        with _complaining(complaints, files[0]):
            following.show(files[0], options, least, as_json=as_json, binary=text, quiet=quiet)
        return complaints.status

    def target_of(place: str) -> str | None:
        if output_dir is None:
            return outputs.named(output)
        return place + (_MAP if as_map else _PAGE)

    found = inputs.find(Mode.COMPRESS, files, output_dir=output_dir, target_of=target_of)
    _show_all(found, options, wanted, complaints)
    return complaints.status


def _check_usage(
    files: tuple[str, ...], wanted: _Wanted, *, follow: bool, model: str | None
) -> None:
    """Raise ``click.UsageError`` for what does not go together."""
    inputs.check_once(files)
    if wanted.output and wanted.output_dir:
        raise click.UsageError("-o and --output-dir exclude each other")
    if wanted.output and len(files) > 1:
        raise click.UsageError("-o is for one file: --output-dir takes the reports of several")
    if wanted.output_dir and STREAM in files:
        raise click.UsageError("--output-dir needs named files")
    if wanted.as_map and not wanted.report:
        raise click.UsageError("--png goes with -o or --output-dir")
    if follow and wanted.report:
        raise click.UsageError("--follow makes no report")
    if follow and len(files) > 1:
        raise click.UsageError("--follow is for one file")
    if follow and model not in (None, NO_MODEL):
        raise click.UsageError("--follow does without the network")
    if wanted.top is not None and not wanted.lines:
        raise click.UsageError("--top is for --lines")
    if (wanted.least is not None or wanted.binary) and not (wanted.lines or follow):
        raise click.UsageError("--least and -a are for --lines and --follow")
    if wanted.report and (wanted.lines or wanted.as_json):
        raise click.UsageError("--lines and --json make no report")


@contextlib.contextmanager
def _complaining(complaints: Report, name: str) -> Iterator[None]:
    """Report errors of a file and go on; errors of standard output are raised."""
    try:
        yield
    except (NNCompError, OSError) as error:
        if isinstance(error, OSError) and error.filename == fileio.STDOUT:
            raise
        complaints.complain(name, error)


def _show_all(found: list[Input], options: Options, wanted: _Wanted, complaints: Report) -> None:
    """Show one file after the other; JSON, a single array of all, at the end."""
    table = odd.Table([item.name for item in found])
    shown = 0  # files
    entries: list[dict[str, Any]] = []
    for item in found:
        with _complaining(complaints, item.name):
            if item.problem is not None:
                raise item.problem
            if wanted.lines:
                lines = _lines(item.name, options, wanted)
                entries += [{"name": item.name, **odd.as_json(line)} for line in lines]
                text = table.rows(lines, item.name)
            else:
                survey = _survey(item.name, options, wanted)
                if wanted.report:
                    _write(item, survey, wanted)
                    continue
                entries.append(where.as_json(item.name, survey))
                text = "\n" * bool(shown) + where.as_text(shown_name(item.name), survey)
            shown += 1
            if not wanted.as_json:
                click.echo(text, nl=False)
    if wanted.as_json:
        click.echo(json.dumps(entries, indent=2))


def _write(item: Input, survey: Survey, wanted: _Wanted) -> None:
    """Write the report of a file, as a page or a map."""
    from nncomp.insight import map as drawing
    from nncomp.insight import page

    if wanted.as_map:
        content = drawing.render(survey)
    else:
        name = shown_name(os.path.basename(item.name))
        content = page.render(name, survey, nncomp.__version__)
    if wanted.output_dir is not None:
        fileio.make_directory(wanted.output_dir)
    binary = "a picture is" if wanted.as_map else ""
    with outputs.opened(item.target, force=wanted.force, binary=binary) as sink:
        sink.write(content)


def _lines(name: str, options: Options, wanted: _Wanted) -> list[Line]:
    """The oddest lines of a file, the oddest first, and of equally odd ones the first."""
    every = _every_line(name, options, wanted)
    odd_ones = (line for line in every if wanted.least is None or line.score >= wanted.least)
    return heapq.nlargest(wanted.top or _TOP, odd_ones, key=lambda line: line.score)


def _every_line(name: str, options: Options, wanted: _Wanted) -> Iterator[Line]:
    from nncomp.counting import UNIT
    from nncomp.insight.lines import Lines

    lines = Lines()
    for block in _read(name, options, wanted, parts=False):
        if not wanted.binary:
            odd.check_text(block.content)
        for start in range(0, len(block.content), _SLICE):
            place = slice(start, start + _SLICE)
            yield from lines.add(block.content[place], block.costs[place] * UNIT)
    yield from lines.cut()


def _survey(name: str, options: Options, wanted: _Wanted) -> Survey:
    """Survey where the bits of a file are. A map needs no costs by parts of the program."""
    from nncomp import counting
    from nncomp.insight.survey import Survey

    size = options.block_size or counting.SHORT_BLOCK
    options = dataclasses.replace(options, block_size=size)
    survey = Survey()
    for block in _read(name, options, wanted, parts=not wanted.as_map):
        survey.add(block)
    return survey


def _read(name: str, options: Options, wanted: _Wanted, *, parts: bool) -> Iterator[Counted]:
    from nncomp import counting

    why_not = "there is no file to inspect, and standard input is a terminal"
    with inputs.open_text(name, why_not) as source:
        odd.check_plain(source)
        size = os.fstat(source.fileno()).st_size or None
        with progress_bar(shown_name(name), size, show=not wanted.quiet) as progress:
            heard = progress or (lambda count: None)
            yield from counting.read(source, options, heard, parts=parts)
