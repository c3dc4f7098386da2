"""Types of values and options that more than one command uses."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from nncomp import arguments, container, fileio, levels, rawio
from nncomp.cli import completion, machine
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.prime import Prime

__all__ = [
    "FILE",
    "STREAM",
    "Number",
    "Output",
    "PrimeFile",
    "block_size_option",
    "byte_size",
    "device_option",
    "in_order",
    "level_flags",
    "level_of",
    "memory_size",
    "model_option",
    "prime_option",
    "read_prime",
    "sample_size",
    "size_name",
    "threads_option",
]

_F = TypeVar("_F", bound=Callable[..., Any])
STREAM = "-"  # in place of a file's name: standard input or output
_LEVEL = "nncomp.level"  # key in the context's meta of the level: -1 … -9 are nine flags


class Output(click.Path):
    """The name of a file to write. An empty name is refused: most often it is an unset variable.

    With ``allow_dash``, '-' is standard output. Without, it is refused: nobody wants a file of that
    name.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(readable=False, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name = os.fspath(value)
        if not name:
            self.fail("the name is empty", param, ctx)
        if name == STREAM and not self.allow_dash:
            self.fail("is not written to standard output", param, ctx)
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A number in a range. NaN is refused, which comparisons with the bounds would let pass, and
    infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail("is no number", param, ctx)
        return number


# Whether a file is readable is not checked by click: an unreadable one must not stop the others.
FILE = click.Path(readable=False, allow_dash=True)


def byte_size(text: str) -> int:
    """Parse a size in bytes, optionally with a binary unit: 65536, 64K, 64KiB, 4MiB, 1GiB. A click
    type."""
    match = re.fullmatch(r"([0-9]{1,18})\s*(?:([kmgt])(?:i?b)?|b)?", text.strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size such as 65536, 512KiB or 4MiB")
    return int(match[1]) << 10 * (" kmgt".index(match[2]) if match[2] else 0)


def size_name(size: int) -> str:
    """The shortest way to write a size for ``byte_size``: '1000', '64KiB', '2GiB'."""
    units = iter(("", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while size and size % 1024 == 0:
        size //= 1024
        unit = next(units)
    return f"{size}{unit}"


def memory_size(text: str) -> int:
    """Parse a size of memory as ``byte_size`` does; it must be 1 byte or more."""
    size = byte_size(text)
    if size < 1:
        raise click.BadParameter("must be 1 byte or more")
    return size


def sample_size(text: str) -> int:
    """Parse the size of a sample as ``byte_size`` does; it must be 1 byte to 16 MiB."""
    size = byte_size(text)
    if not 1 <= size <= arguments.MAX_SAMPLE:
        raise click.BadParameter("must be 1 byte to 16MiB")
    return size


def in_order(*lists: Sequence[Callable[[Any], Any]]) -> Callable[[_F], _F]:
    """A decorator that adds all the options, in their order."""

    def decorate(command: _F) -> _F:
        for option in reversed([option for some in lists for option in some]):
            command = option(command)
        return command

    return decorate


def level_flags(command: _F) -> _F:
    """A decorator that adds -1 to -9, --fast and --best; ``level_of`` returns their value."""

    def flag(level: int, *names: str, text: str | None = None) -> None:
        nonlocal command

        def callback(ctx: click.Context, param: click.Parameter, value: bool) -> None:
            if value:  # called in the order of the command line: the last one counts
                ctx.meta[_LEVEL] = level

        command = click.option(
            *names,
            f"level_{level}",
            is_flag=True,
            expose_value=False,
            callback=callback,
            hidden=text is None,
            help=text,
        )(command)

    flag(levels.MAX_LEVEL, "-9", "--best", text="Compress best.")
    for level in range(levels.MAX_LEVEL - 1, levels.MIN_LEVEL, -1):
        flag(level, f"-{level}")
    flag(
        levels.MIN_LEVEL,
        "-1",
        "--fast",
        text=f"Compress fastest; -1 to -9 are levels, {levels.DEFAULT_LEVEL} is the default.",
    )
    return command


def level_of(ctx: click.Context) -> int | None:
    """The last level on the command line; None if there is none."""
    level: int | None = ctx.meta.get(_LEVEL)
    return level


def model_option(text: str) -> Callable[[_F], _F]:
    """A decorator that adds --model with the help ``text``."""
    return click.option(
        "--model",
        metavar="NAME|FILE|none",
        shell_complete=completion.model_names,
        help=text,
    )


def block_size_option(text: str, least: int = container.MIN_BLOCK_SIZE) -> Callable[[_F], _F]:
    """--block-size: a block size that the format has, ``least`` or more."""

    def callback(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
        try:
            if value is not None:
                container.require_block_size(value, least)
        except ValueError:
            sizes = f"{size_name(least)} to {size_name(container.MAX_BLOCK_SIZE)}"
            raise click.BadParameter(f"must be a power of two from {sizes}") from None
        return value

    return click.option(
        "--block-size", type=byte_size, metavar="SIZE", callback=callback, help=text
    )


class _Setting(click.Option):
    """An option that an environment variable sets, too: an error names what was wrong."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        source = ctx and self.name and ctx.get_parameter_source(self.name)
        if source == ParameterSource.ENVIRONMENT:
            return f"the environment variable {self.envvar}"
        return super().get_error_hint(ctx)


def device_option(text: str, **more: Any) -> Callable[[_F], _F]:
    """--device, with ``more`` of what click's options have."""

    def callback(ctx: click.Context, param: click.Parameter, value: str) -> str:
        try:
            return arguments.device(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return click.option(
        "--device",
        cls=_Setting,
        default="auto",
        metavar="auto|cpu|cuda[:N]",
        callback=callback,
        shell_complete=completion.devices,
        help=text,
        **more,
    )


@dataclass(frozen=True)
class PrimeFile:
    """A prime, and the name of its file."""

    name: str
    prime: Prime


def prime_option(text: str) -> Callable[[_F], _F]:
    """A decorator that adds --prime, with a ``PrimeFile`` or None as its value: the file is read
    at once."""
    return click.option("--prime", type=FILE, metavar="FILE", callback=_prime, help=text)


def _prime(ctx: click.Context, param: click.Parameter, name: str | None) -> PrimeFile | None:
    return None if name is None or ctx.resilient_parsing else read_prime(name)


def read_prime(name: str) -> PrimeFile:
    """Read a prime from a file. Raises ``NNCompError``, ``OSError`` and ``click.BadParameter``."""
    from nncomp.prime import MAX_PRIME_SIZE, Prime

    if name == STREAM:
        raise click.BadParameter("must be a file", param_hint="'--prime'")
    try:
        with fileio.open_input(name, special=True) as file:
            return PrimeFile(name, Prime(rawio.read_full(file, MAX_PRIME_SIZE + 1)))
    except ValueError as error:
        raise NNCompError(f"{name}: {error}") from None


def threads_option(text: str) -> Callable[[_F], _F]:
    """A decorator that adds -T, --threads; its value 0 becomes the number of CPUs."""
    return click.option(
        "-T",
        "--threads",
        cls=_Setting,
        type=click.IntRange(0, arguments.MAX_THREADS),
        default=0,
        envvar="NNCOMP_THREADS",
        callback=_threads,
        help=text,
    )


def _threads(ctx: click.Context, param: click.Parameter, value: int) -> int:
    return value or machine.cpus()
