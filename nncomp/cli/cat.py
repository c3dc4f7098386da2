"""``nncomp cat``: writes the content of files, or a range of it, to standard output.

For a range, only the blocks that it is in, and those that they copy from, are read and decoded.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import click

from nncomp import fileio
from nncomp.cli import inputs
from nncomp.cli.files import check_usage, decompress
from nncomp.cli.lines import lines
from nncomp.cli.options import (
    OF_WRITING,
    FileCommand,
    Mode,
    Options,
    file_options,
    options_of,
)
from nncomp.cli.parameters import STREAM
from nncomp.cli.report import Report
from nncomp.cli.streams import Piped
from nncomp.errors import NNCompError

__all__ = ["cat"]


def _range(text: str) -> slice:
    """Parse a range A:B with the meaning of a Python slice; either number may be missing."""
    match = re.fullmatch(r"(-?[0-9]{1,18})?:(-?[0-9]{1,18})?", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a range such as 10:20, :20 or -10:")
    start, stop = (None if number is None else int(number) for number in match.groups())
    return slice(start, stop)


_UNITS = {
    "bytes": "These bytes of the content: from A on, before B, below 0 from the end.",
    "lines": "These lines. Below 0, they are looked for from the end.",
    "blocks": "The content of these blocks.",
}


def _ranges(command: Any) -> Any:
    for unit, text in reversed(_UNITS.items()):
        option = click.option(f"--{unit}", unit, type=_range, metavar="A:B", help=text)
        command = option(command)
    return command


class _Command(FileCommand):
    """A command whose range may begin with a minus without being taken for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words, joined = iter(args), []
        for word in words:
            ranged = word in {f"--{unit}" for unit in _UNITS}
            joined.append("=".join([word, *itertools.islice(words, 1)]) if ranged else word)
            if word == "--":  # no options behind it
                joined += words
        return super().parse_args(ctx, joined)


@click.command(cls=_Command, ignored={*OF_WRITING, "as_json"})
@_ranges
@file_options
@click.pass_context
def cat(ctx: click.Context, /, **values: Any) -> int:
    """Write the content of FILES to stdout, all of it or a range. Options as for decompress."""
    if values["output"] not in (None, STREAM):
        raise click.UsageError("cat writes to stdout; nncomp -d -o FILE writes to a file")
    ranges = {unit: values.pop(unit) for unit in _UNITS}
    given = [(unit, found) for unit, found in ranges.items() if found is not None]
    if not given:
        return int(ctx.invoke(decompress, **{**values, "to_stdout": True}))
    if len(given) > 1:
        raise click.UsageError("--bytes, --lines and --blocks exclude each other")
    return _write_all(ctx, *given[0], **values)


def _write_all(
    ctx: click.Context,
    unit: str,
    wanted: slice,
    files: tuple[str, ...],
    files_from: str | None,
    files_from0: str | None,
    **values: Any,
) -> int:
    options = options_of(ctx, **values)
    if options.output is not None or options.output_dir is not None or options.remove:
        raise click.UsageError("a range goes to standard output")
    if options.keep_going or options.zeros:
        raise click.UsageError("--keep-going and --zeros are for all of a file")
    report = Report(options.quiet)
    names = inputs.names(files, files_from, files_from0)
    check_usage(Mode.DECOMPRESS, names, options)
    found = inputs.find(Mode.DECOMPRESS, names, recursive=options.recursive, suffix=options.suffix)
    with fileio.standard_output() as stdout:
        sink = Piped(stdout)
        for item in found:
            try:
                if item.problem is not None:
                    raise item.problem
                for part in _parts_in(item.name, unit, wanted, options):
                    sink.write(part)
            except (NNCompError, OSError, MemoryError) as error:
                if isinstance(error, OSError) and error.filename == fileio.STDOUT:
                    raise
                report.complain(item.name, error)
    return report.status


def _parts_in(name: str, unit: str, wanted: slice, options: Options) -> Iterator[bytes]:
    opened = fileio.standard_input() if name == STREAM else fileio.open_input(name, special=True)
    with opened as file:
        if not file.seekable():
            raise NNCompError("is not a file that can seek, which a range needs")
        fileio.check_not_output(file)
        yield from _parts_of(file, unit, wanted, options)


def _parts_of(file: BinaryIO, unit: str, wanted: slice, options: Options) -> Iterator[bytes]:
    """The ``wanted`` bytes, lines or blocks of a file that can seek, in order."""
    from nncomp.decode import Decoder
    from nncomp.reader import Blocks, pieces

    blocks = Blocks.of(file, options.memory, file.tell())
    starts = blocks.starts

    def content(start: int, stop: int, threads: int = options.threads) -> Iterator[bytes]:
        call = dataclasses.replace(options.of_call(), threads=threads)
        return pieces(file, blocks, start, stop, Decoder(call))

    if unit == "bytes":
        start, stop, _ = wanted.indices(starts[-1])
        yield from content(start, stop)
    elif unit == "blocks":
        first, behind, _ = wanted.indices(len(starts) - 1)
        yield from content(starts[first], starts[behind])
    else:
        # A single thread where not all blocks are needed: several would decode ahead.
        some = wanted.stop is not None and wanted.stop >= 0
        found = partial(content, threads=1) if some else content
        yield from lines(found, starts, wanted, options.memory)
