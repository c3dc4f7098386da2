"""``nncomp generate``: generates text that the predictors expect, by decoding noise."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from fractions import Fraction

import click

from nncomp import fileio
from nncomp.cli import inputs, outputs
from nncomp.cli.parameters import FILE, Output, byte_size, level_flags, level_of, model_option
from nncomp.cli.report import printable, progress_bar
from nncomp.cli.streams import Piped
from nncomp.errors import NNCompError

__all__ = ["generate"]


def _temperature(text: str) -> Fraction:
    """Parse a decimal number exactly, so that every machine gives the same bytes. A click type."""
    from nncomp.generation import MAX_TEMPERATURE

    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}", text):
        raise click.BadParameter(f"{text!r} is not a number such as 0.7")
    found = Fraction(text)
    if found > MAX_TEMPERATURE:
        raise click.BadParameter(f"{text} is more than {MAX_TEMPERATURE}")
    return found


@click.command()
@click.option(
    "-n",
    "--bytes",
    "size",
    type=byte_size,
    default="1000",
    show_default=True,
    metavar="SIZE",
    help="How much.",
)
@click.option("--prime", type=FILE, metavar="FILE", help="Continue this text; '-' is stdin.")
@click.option("--until", metavar="TEXT", help="Stop behind this text, if it comes.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Another number gives another text, the same one the same.",
)
@click.option(
    "--temperature",
    type=_temperature,
    default="1",
    show_default=True,
    metavar="T",
    help="Below 1 what is likely comes more often, above 1 less often.",
)
@level_flags
@model_option("Model to use instead of the level's; none: no network.")
@click.option(
    "-o",
    "--output",
    type=Output(dir_okay=False, allow_dash=True),
    help="Write to this file; '-' is stdout.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite it.")
@click.option("-q", "--quiet", is_flag=True, help="No bar.")
@click.pass_context
def generate(
    ctx: click.Context,
    size: int,
    prime: str | None,
    until: str | None,
    seed: int,
    temperature: Fraction,
    model: str | None,
    output: str | None,
    force: bool,
    quiet: bool,
) -> int:
    """Write what the program expects, and so show what it knows.

    The decoder that decompresses files decodes noise, so that every byte comes as often as it is
    expected. With --prime, the program has read a text first, and goes on with it.
    """
    from nncomp import generation
    from nncomp.options import Options

    if until == "":
        raise click.UsageError("--until needs a text")
    output = outputs.named(output)
    if prime is not None:
        outputs.check(output, [prime], "would overwrite the text to continue")
    text = b"" if prime is None else _read(prime, generation.MAX_SIZE - size)
    if len(text) + size > generation.MAX_SIZE:
        raise NNCompError(f"more than {generation.MAX_SIZE} bytes together cannot be generated")
    end = None if until is None else os.fsencode(until)
    options = Options(level=level_of(ctx), model=model)
    with progress_bar("generate", len(text) + size, show=not quiet and bool(output)) as progress:
        made = generation.pieces(
            size,
            options,
            text,
            seed=seed,
            temperature=temperature,
            until=end,
            progress=progress,
        )
        if output is None:
            with fileio.standard_output() as sink:
                piped = Piped(sink)
                for piece in _shown(made) if sink.isatty() else made:
                    piped.write(piece)
            return 0
        with fileio.create(output, force=force) as file:
            for piece in made:
                file.write(piece)
    return 0


def _read(name: str, room: int) -> bytes:
    """All of the text, or ``room`` + 1 bytes of it if it is longer than that."""
    why_not = "a text to continue is not read from a terminal"
    return inputs.read_text(name, why_not, max(0, room) + 1)


def _shown(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces for a terminal: all that could move its cursor is escaped, except line ends."""
    for text in codecs.iterdecode(pieces, "utf-8", "backslashreplace"):
        yield "\n".join(map(printable, text.split("\n"))).encode("utf-8")
    yield b"\n"
