"""``nncomp inspect``: what is odd in a file, and where its bits are."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

import nncomp
from nncomp import fileio
from nncomp.cli import following, inputs, odd
from nncomp.cli.parameters import (
    FILE,
    Output,
    byte_size,
    level_flags,
    level_of,
    model_option,
    threads_option,
)
from nncomp.cli.report import progress_bar, shown_name, size_text
from nncomp.errors import NNCompError
from nncomp.levels import NO_MODEL

if TYPE_CHECKING:
    from nncomp.counting import Counted
    from nncomp.insight.lines import Line
    from nncomp.insight.survey import Passage, Survey
    from nncomp.options import Options

__all__ = ["inspect"]

_SLICE = 1 << 20  # bytes
_BARS = " ▁▂▃▄▅▆▇█"


def _block_size(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
    if value is not None and not (1 << 16 <= value <= 1 << 26 and value & (value - 1) == 0):
        raise click.BadParameter("must be a power of two from 64KiB to 64MiB")
    return value


@click.command()
@click.argument("file", default="-", type=FILE)
@click.option("-L", "--lines", is_flag=True, help="Show the oddest lines of a log or a table.")
@click.option(
    "-n",
    "--top",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    metavar="N",
    help="For --lines: how many.",
)
@click.option("-a", "--text", is_flag=True, help="For --lines: whatever it is, it has lines.")
@click.option("-o", "--output", type=Output(dir_okay=False), help="Write a report, in HTML.")
@click.option("-f", "--force", is_flag=True, help="Overwrite it; without a report, --follow.")
@click.option(
    "-F",
    "--follow",
    is_flag=True,
    help="Show each new line of a growing file, as it comes; what is there is read before.",
)
@click.option(
    "--least",
    type=click.FloatRange(0),
    metavar="SCORE",
    help="For lines: only those of that score or more.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@level_flags
@model_option("Model to use instead of the level's; none, the default of --lines: no network.")
@click.option(
    "--block-size",
    type=byte_size,
    metavar="SIZE",
    callback=_block_size,
    help="How much is read as one, and takes many times as much memory: 16MiB; for --lines 64MiB.",
)
@threads_option("Threads, of which two are of use; 0 (default) = one for each CPU.")
@click.option("-q", "--quiet", is_flag=True, help="No bar.")
@click.pass_context
def inspect(
    ctx: click.Context,
    file: str,
    lines: bool,
    top: int,
    text: bool,
    output: str | None,
    force: bool,
    follow: bool,
    least: float | None,
    as_json: bool,
    model: str | None,
    block_size: int | None,
    threads: int,
    quiet: bool,
) -> int:
    """Show what is surprising in FILE, or in standard input.

    Every byte costs as many bits as the program could not know from what comes before it. With
    --lines, shows the lines with a word that costs more than words in its place usually do: an
    event that is new, a value out of range. Else shows where the bits are: along the file, by kind,
    and in its costliest passages; with -o, as a page with the text coloured by surprise.
    """
    from nncomp.options import Options

    follow = follow or (force and not output)
    if follow and output:
        raise click.UsageError("--follow and --output exclude each other")
    if follow and model not in (None, NO_MODEL):
        raise click.UsageError("--follow does without the network")
    if least is not None and not (lines or follow):
        raise click.UsageError("--least is for --lines and --follow")
    if lines and output:
        raise click.UsageError("--lines and --output exclude each other")
    if output and as_json:
        raise click.UsageError("--json and --output exclude each other")
    if output and file != "-" and inputs.same(output, [file]):
        raise NNCompError(f"{output}: the report would overwrite its file")
    options = Options(
        level=level_of(ctx),
        model=NO_MODEL if (lines or follow) and model is None else model,
        block_size=block_size,
        threads=threads,
    )
    if follow:
        following.show(file, options, least, as_json=as_json, binary=text, quiet=quiet)
        return 0
    with _open(file) as source:
        blocks = _read(source, file, options, parts=not lines, show=not quiet)
        if lines:
            found = _find(blocks, top, file, binary=text)
            found = [line for line in found if least is None or line.score >= least]
            click.echo(odd.as_table(found, json_wanted=as_json), nl=False)
        elif output is None:
            survey = _survey(blocks)
            if as_json:
                click.echo(json.dumps(_json_of_survey(survey), indent=2))
            else:
                click.echo(_view(shown_name(file), survey), nl=False)
        else:
            from nncomp.insight import page

            name = shown_name(os.path.basename(file))
            with fileio.create(output, force=force) as sink:
                sink.write(page.render(name, _survey(blocks), nncomp.__version__))
    return 0


@contextlib.contextmanager
def _open(name: str) -> Iterator[BinaryIO]:
    why_not = "there is no file to inspect, and standard input is a terminal"
    with inputs.open_text(name, why_not) as source:
        odd.check_plain(name, source)
        yield source


def _read(
    source: BinaryIO, name: str, options: Options, *, parts: bool, show: bool
) -> Iterator[Counted]:
    from nncomp import counting

    size = os.fstat(source.fileno()).st_size or None
    with progress_bar(shown_name(name), size, show=show) as progress:
        heard = progress or (lambda count: None)
        yield from counting.read(source, options, heard, parts=parts)


def _find(blocks: Iterator[Counted], top: int, name: str, *, binary: bool) -> list[Line]:
    from nncomp.counting import UNIT
    from nncomp.insight.lines import Lines

    lines = Lines(top)
    for block in blocks:
        if not binary:
            odd.check_text(name, block.content)
        for start in range(0, len(block.content), _SLICE):
            place = slice(start, start + _SLICE)
            lines.add(block.content[place], block.costs[place] * UNIT)
    return lines.end()


def _survey(blocks: Iterator[Counted]) -> Survey:
    from nncomp.insight.survey import Survey

    survey = Survey()
    for block in blocks:
        survey.add(block)
    return survey


def _json_of_survey(survey: Survey) -> dict[str, Any]:
    from nncomp.insight.survey import KINDS

    return {
        "size": survey.size,
        "bits": round(survey.bits, 2),
        "kinds": {
            kind: {"bytes": int(size), "bits": round(float(bits), 2)}
            for kind, size, bits in zip(KINDS, survey.bytes_of, survey.bits_of, strict=True)
        },
        "parts": [
            {
                "match": part.said,
                "bytes": part.size,
                "bits": _rounded(part.bits),
                "bits_of_stage": _rounded(part.bits_of_stage),
                "bits_of_network": part.bits_of_network and _rounded(part.bits_of_network),
            }
            for part in survey.parts
        ],
        "blocks": [
            {
                "offset": block.offset,
                "size": block.size,
                "bits": round(block.bits, 2),
                "mixing": block.mixing,
                "network": block.network,
            }
            for block in survey.blocks
        ],
        "curve": {"step": survey.step, "bits_per_byte": [*map(_rounded, survey.curve)]},
        "passages": [
            {
                "offset": passage.offset,
                "bits": _rounded(passage.bits),
                "text": odd.text_of(passage.content),
            }
            for passage in survey.passages
        ],
    }


def _view(name: str, survey: Survey) -> str:
    from nncomp.insight.survey import KINDS

    if not survey.size:
        return f"{name}: is empty\n"
    width = odd.columns()
    size = round(survey.bits / 8)
    rows = [
        f"{name}: {size_text(survey.size)} => {size_text(size)}, "
        f"{survey.bits / survey.size:.3f} bits a byte",
        *(f"  from {block.offset}: {_how(block)}" for block in survey.blocks),
        "",
        f"Bits a byte along the file, at most {survey.curve.max():.2f}",
        _bars(survey, width),
        "",
        f"{'Kind':<12} {'Bytes':>10} {'Bits a byte':>12} {'Share of bits':>14}",
    ]
    for kind, count, bits in zip(KINDS, survey.bytes_of, survey.bits_of, strict=True):
        if count:
            share = 100 * bits / max(survey.bits, 1e-9)
            rows.append(f"{kind:<12} {count:>10} {bits / count:>12.3f} {share:>12.1f} %")
    rows += _parts(survey)
    rows += ["", "Costliest passages", f"{'Offset':>12} {'Bits':>7}  Text"]
    rows += [_row(passage, width - 22) for passage in survey.passages[:10]]
    return "\n".join(rows) + "\n"


def _parts(survey: Survey) -> list[str]:
    """What matches, contexts and the network bring; nothing where nothing was predicted."""
    row = "{:<12} {:>10} {:>12} {:>16} {:>14}"
    heads = ("Said before", "Bytes", "Bits a byte", "without network", "network alone")
    rows = []
    for part in survey.parts:
        costs = (part.bits, part.bits_of_stage, part.bits_of_network)
        each = ("-" if bits is None else f"{bits / part.size:.3f}" for bits in costs)
        rows.append(row.format(part.said, part.size, *each))
    return ["", row.format(*heads), *rows] if rows else []


def _how(block: Any) -> str:
    network = " and the network" if block.network else ""
    return f"{size_text(block.size)}, {block.mixing}{network}, {block.bits / block.size:.3f}"


def _row(passage: Passage, width: int) -> str:
    text = odd.text_of(passage.content)[: max(width, 20)]
    return f"{passage.offset:>12} {passage.bits:>7.0f}  {text}"


def _bars(survey: Survey, width: int) -> str:
    """The curve in characters, the highest point as high as can be."""
    import numpy as np

    curve = survey.curve
    edges = np.linspace(0, len(curve), min(width, len(curve)) + 1).astype(int)
    heights = [float(curve[a:b].mean()) for a, b in itertools.pairwise(edges)]
    top = max(heights) or 1.0
    return "".join(_BARS[min(8, int(height / top * 8 + 0.999))] for height in heights)


def _rounded(value: Any) -> float:
    return round(float(value), 3)
