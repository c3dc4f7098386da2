"""Options that several commands share, as plain data that everything behind the parser uses."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import os
import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import nncomp
from nncomp import container, fileio, levels
from nncomp.cli import completion, machine
from nncomp.cli.parameters import (
    FILE,
    Number,
    Output,
    PrimeFile,
    block_size_option,
    byte_size,
    device_option,
    in_order,
    level_flags,
    level_of,
    memory_size,
    model_option,
    prime_option,
    size_name,
    threads_option,
)

if TYPE_CHECKING:
    from nncomp import options

__all__ = [
    "OF_COMPRESSING",
    "OF_WRITING",
    "FileCommand",
    "Mode",
    "Options",
    "default_options",
    "file_options",
    "input_options",
    "options_of",
]

# Names of options that mean nothing where nothing is compressed, and where no file is written.
OF_COMPRESSING = frozenset(
    "verify level_1 level_9 embed_model train train_time from_scratch block_size reach "
    "no_long".split()
)
OF_WRITING = OF_COMPRESSING.union("to_stdout output output_dir keep remove sparse".split())

_REACHES = [size_name(reach) for reach in container.REACHES[1:]]  # the first is the default


class Mode(enum.Enum):
    """The work that a command does with each file."""

    COMPRESS = enum.auto()
    DECOMPRESS = enum.auto()
    TEST = enum.auto()
    LIST = enum.auto()


@dataclasses.dataclass(frozen=True)
class Options:
    """The parsed options of a command."""

    to_stdout: bool
    output: str | None
    output_dir: str | None
    recursive: bool
    suffix: str  # of compressed files
    force: bool
    verify: bool
    remove: bool
    keep_going: bool
    zeros: bool
    sparse: bool
    as_json: bool
    quiet: int
    verbose: int
    progress: bool | None  # None: only if the bar does not meet the output
    threads: int  # 1…
    device: str
    memory: int  # bytes that decompressing may need
    in_flight: int  # bytes for all files and blocks that are coded at a time
    max_size: int | None  # bytes
    level: int | None
    model: str | None
    embed_model: bool
    train: bool
    train_time: float  # seconds
    from_scratch: bool
    block_size: int | None  # bytes
    reach: int | None  # bytes
    prime: PrimeFile | None

    @property
    def shows_bar(self) -> bool:
        """Whether there is a bar; none where ``progress`` is not known."""
        return bool(self.progress) and not self.quiet

    def of_call(self) -> options.Options:
        """The options of the library among these."""
        from nncomp.options import Options

        return Options(
            level=self.level,
            model=self.model,
            embed_model=self.embed_model,
            block_size=self.block_size,
            reach=self.reach,
            memory_limit=self.memory,
            in_flight=self.in_flight,
            max_size=self.max_size,
            device=self.device,
            threads=self.threads,
            prime=None if self.prime is None else self.prime.prime,
        )


class FileCommand(click.Command):
    """A command with ``file_options``; refuses -19, which would be -1 and -9, and -0. Its help does
    not show options that are ``ignored``, or an error here."""

    def __init__(self, *args: Any, ignored: Collection[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        for param in self.params:
            if isinstance(param, click.Option) and param.name in ignored:
                param.hidden = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in [] if ctx.resilient_parsing else self.options(args):
            if re.fullmatch("-(0|[0-9]{2,})", word):
                text = f"{word} is not a level: they are -{levels.MIN_LEVEL} to "
                raise click.UsageError(f"{text}-{levels.MAX_LEVEL}.", ctx)
        return super().parse_args(ctx, args)

    def options(self, args: Sequence[str]) -> Iterator[str]:
        """Yield the options in ``args`` one by one, except unknown ones and those with a value.

        '-kf19T2' has -k, -f and -19: numbers are not split into digits.
        """
        options = [param for param in self.params if isinstance(param, click.Option)]
        flags = [option for option in options if option.is_flag or option.count]
        known = "".join(name[1] for option in flags for name in option.opts if len(name) == 2)
        for word in itertools.takewhile(lambda word: word != "--", args):
            if word.startswith("--"):
                yield word
            elif letters := re.match(f"-[0{known}]+", word):
                yield from ("-" + found for found in re.findall("[0-9]+|.", letters[0][1:]))


def _reach(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
    if value is not None and value not in container.REACHES[1:]:
        *some, last = _REACHES
        raise click.BadParameter(f"must be {', '.join(some)} or {last}")
    return value


def _suffix(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value or os.path.basename(value) != value:
        raise click.BadParameter("must be the end of a file's name")
    return value


# Which files to work on.
input_options = in_order(
    [
        click.argument("files", nargs=-1, type=FILE, shell_complete=completion.packed_files),
        click.option(
            "--files-from",
            type=FILE,
            metavar="LIST",
            help="Take the names in this file, too, one a line; '-' is stdin.",
        ),
        click.option(
            "--files-from0",
            type=FILE,
            metavar="LIST",
            help="The same with a NUL behind each, as from find -print0.",
        ),
        click.option(
            "-r",
            "--recursive",
            is_flag=True,
            help="Take the files in directories; see the manual.",
        ),
        click.option(
            "-S",
            "--suffix",
            metavar=".SUF",
            default=fileio.SUFFIX,
            show_default=True,
            callback=_suffix,
            help="Of compressed files; .nnc is known, too.",
        ),
    ]
)

_OUTPUT = [  # where it goes, and what becomes of the inputs
    click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to stdout."),
    click.option(
        "-o",
        "--output",
        type=Output(allow_dash=True),
        help="Write to this file; '-' is stdout.",
    ),
    click.option(
        "--output-dir",
        type=Output(),
        shell_complete=completion.directories,
        help="Write into this directory instead.",
    ),
    click.option(
        "-f", "--force", is_flag=True, help="Overwrite; compress .nnc files; use terminals."
    ),
    click.option("-k", "--keep", is_flag=True, help="Keep inputs (default), whatever --rm says."),
    click.option("--verify", is_flag=True, help="Decompress what was written, and compare."),
    click.option("--rm", "remove", is_flag=True, help="Verify, then remove the input."),
    click.option(
        "--keep-going",
        is_flag=True,
        help="Decompress what is whole of damaged files, and say what is missing.",
    ),
    click.option("--zeros", is_flag=True, help="With --keep-going: zeros for the gaps."),
    click.option(
        "--sparse/--no-sparse",
        default=True,
        help="Leave holes in files where pages of zeros are (default), or write these.",
    ),
]
_MODEL = [
    level_flags,
    model_option("Model to use instead of the level's; none: no network, which is faster."),
    click.option("--embed-model", is_flag=True, help="Put the model into the output."),
    click.option("--train", is_flag=True, help="Fit the model to the input, and put that in, too."),
    click.option(
        "--train-time",
        type=Number(0, 86400, min_open=True),
        default=300,
        show_default=True,
        metavar="SECONDS",
        help="For --train.",
    ),
    click.option(
        "--from-scratch",
        is_flag=True,
        help="With --train: a tiny model of its own.",
    ),
]
_BLOCKS = [  # what they have, and what is before them
    block_size_option("Content of a block, e.g. 1MiB: a power of two."),
    click.option(
        "--long",
        "reach",
        type=byte_size,
        metavar="SIZE",
        callback=_reach,
        help="How far back repeats are found: "
        f"{', '.join([f'{_REACHES[0]} (default)', *_REACHES[1:]])}.",
    ),
    click.option(
        "--no-long", is_flag=True, help="Have every block stand alone, for quick seeking."
    ),
    prime_option("Read this before each block: a sample of what many small files are like."),
]
_MEANS = [  # of the machine
    threads_option("Threads; 0 (default) = one for each CPU. Never changes the output."),
    device_option(
        "Where to compute. Never changes the output.",
        envvar="NNCOMP_DEVICE",
    ),
    click.option(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        default="1GiB",
        show_default=True,
        help="Refuse to decompress what needs more. Where blocks are done at a time, all of them "
        "keep within it if given; if not, within a quarter of the machine's, or 1GiB if that is "
        "more.",
    ),
    click.option(
        "--max-size",
        type=byte_size,
        metavar="SIZE",
        help="Refuse to decompress a file to more than that.",
    ),
]
_SHOWN = [
    click.option("-q", "--quiet", count=True, help="No summary, no bar; twice: no errors."),
    click.option("-v", "--verbose", count=True, help="Say more."),
    click.option(
        "--progress/--no-progress",
        default=None,
        help="Bar on a terminal; by default, not while output goes to a pipe or to one.",
    ),
    click.option("--json", "as_json", is_flag=True, help="With test and list: an array on stdout."),
    click.version_option(
        nncomp.__version__, "-V", "--version", message="nncomp %(version)s", hidden=True
    ),
]

# Every option of compress and decompress; a filter must take those of the other, too.
file_options = in_order([input_options], _OUTPUT, _MODEL, _BLOCKS, _MEANS, _SHOWN)


def options_of(
    ctx: click.Context,
    *,
    keep: bool,
    remove: bool,
    reach: int | None,
    no_long: bool,
    memory: int,
    **values: Any,
) -> Options:
    """The parsed values as ``Options``."""
    if no_long and reach is not None:
        raise click.UsageError("--long and --no-long exclude each other")
    values["reach"] = 0 if no_long else reach
    in_flight = memory
    if ctx.get_parameter_source("memory") == ParameterSource.DEFAULT:
        in_flight = max(memory, machine.memory() // 4)  # as xz does with -T0
    return Options(
        level=level_of(ctx),
        remove=remove and not keep,
        memory=memory,
        in_flight=in_flight,
        **values,
    )


def default_options() -> Options:
    """The options of an empty command line: defaults, and what environment variables set."""
    ctx = click.command()(file_options(lambda: None)).make_context("nncomp", [])
    for name in ("files", "files_from", "files_from0"):
        del ctx.params[name]
    return options_of(ctx, **ctx.params)
