"""The entry point: which command, and which exit status.

0: all well; 1: something failed; 2: wrong usage; signals as in ``signals``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

import nncomp
from nncomp.cli import signals, streams
from nncomp.cli.report import complain

__all__ = ["cli", "main", "run"]

# The module and attribute of each command, which is imported when it is used.
_COMMANDS = {
    "compress": "nncomp.cli.files:compress",
    "decompress": "nncomp.cli.files:decompress",
    "cat": "nncomp.cli.cat:cat",
    "test": "nncomp.cli.files:test",
    "info": "nncomp.cli.info:info",
    "classify": "nncomp.cli.classify:classify",
    "distance": "nncomp.cli.distance:distance",
    "estimate": "nncomp.cli.estimate:estimate",
    "generate": "nncomp.cli.generate:generate",
    "inspect": "nncomp.cli.inspect:inspect",
    "bench": "nncomp.cli.bench:bench",
    "prime": "nncomp.cli.prime:prime",
    "models": "nncomp.cli.models:models",
    "train": "nncomp.cli.train:train",
    "completion": "nncomp.cli.completion:completion",
}
_SETTINGS: Any = {"help_option_names": ["-h", "--help"]}  # a command remembers the first it sees
_ALIASES = {"list": "info"}
_EVERYDAY = "-d -t -l -z -c -o -k -f -r -1 -9 -T -q -v".split()  # in this order
_COMPLETE = "_NNCOMP_COMPLETE"  # environment variable by which a shell asks for completions
_MODES = {
    **{"z": "compress", "d": "decompress", "t": "test", "l": "list"},
    **{name: name for name in ("compress", "decompress", "test", "list")},
}


class _Commands(click.Group):
    """Imports commands late; without a command, acts as a filter in the manner of gzip."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(_ALIASES.get(cmd_name, cmd_name))
        if place is None:
            return None
        module, attribute = place.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Let usage and errors of the filter show the command that its options choose."""
        from nncomp.cli.options import FileCommand

        name, command, args = super().resolve_command(ctx, args)
        if name != "compress" or not isinstance(command, FileCommand):
            return name, command, args
        for word in command.options(args):
            name = _MODES.get(word.lstrip("-"), name)
        if "-h" in args or "--help" in args:
            return name, self.get_command(ctx, name), ["--help"]
        return name, command, args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing and sys.stdin is not None and sys.stdin.isatty():
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        if args or not ctx.resilient_parsing:  # an empty line to complete has no command yet
            args = self._with_command(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Also list the filter's everyday options: most people need no command."""
        every = click.Context(self._filter())
        options = {name: param for param in every.command.params for name in param.opts}
        records = (options[name].get_help_record(every) for name in _EVERYDAY)
        with formatter.section("Without a command"):
            formatter.write_dl([record for record in records if record is not None])
        super().format_options(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, and the options and files of the filter, which needs no command."""
        items = super().shell_complete(ctx, incomplete)
        items += [CompletionItem(name) for name in _ALIASES if name.startswith(incomplete)]
        if not incomplete.startswith("-"):
            return [*items, CompletionItem(incomplete, type="file")]
        known = {item.value for item in items}
        filter_ctx = click.Context(self._filter(), resilient_parsing=True, **_SETTINGS)
        more = filter_ctx.command.shell_complete(filter_ctx, incomplete)
        return items + [item for item in more if item.value not in known]

    def _filter(self) -> click.Command:
        command = self.get_command(click.Context(self), "compress")
        assert command is not None
        return command

    def _with_command(self, args: list[str]) -> list[str]:
        """``args`` with the command in front; it may have come after options, or be missing."""
        words = {*_COMMANDS, *_ALIASES}
        if args and args[0] in words and _may_be_a_file(*args):
            text = f"{args[0]} is a command, and there is a file of that name"
            raise click.UsageError(f"{text}: for the file, write {os.path.join('.', args[0])}.")
        if args and args[0] in {"-h", "--help", "-V", "--version", *words}:
            return args
        position = self._first_word(args)
        # If there is a file of that name, the user of a filter means the file.
        if position is None or args[position] not in words or os.path.lexists(args[position]):
            return ["compress", *args]
        return [args[position], *args[:position], *args[position + 1 :]]

    def _first_word(self, args: list[str]) -> int | None:
        """The position of the first word after options, which may be a command, as in 'nncomp -q
        test FILE'. None if there is none, or if it can only be a file: after '--', -z, -d, -t and
        -l."""
        from nncomp.cli.options import Mode

        ctx = click.Context(
            self._filter(), allow_interspersed_args=False, resilient_parsing=True, **_SETTINGS
        )
        try:
            values, _, _ = ctx.command.make_parser(ctx).parse_args(list(args))
        except click.UsageError:
            return None  # the command will say what is wrong
        files = values.get("files")
        if not isinstance(files, tuple) or not files:
            return None
        if isinstance(values.get("wanted"), Mode):
            return None
        position = len(args) - len(files)
        return None if position and args[position - 1] == "--" else position


def _may_be_a_file(name: str, *others: str) -> bool:
    """Whether who wrote a command's name, and no file, may have meant a file: a loop over files
    writes no './' in front, and a command that reads stdin would take the names of the others."""
    if others and (name not in {*_MODES.values(), "cat"} or {"-h", "--help"} & {*others}):
        return False
    return all(re.match("-[^-]|--.", one) for one in others) and os.path.isfile(name)


@click.command(
    cls=_Commands,
    subcommand_metavar="[COMMAND] [FILE]...",
    context_settings=_SETTINGS,
    epilog="Without a command: nncomp [-z|-d|-t|-l] [options] [FILE]... works like gzip, and so "
    "does tar -I nncomp. Options may stand before a command, too: nncomp -q test FILE; where a "
    "file has the name of a command, it is the file.",
)
@click.version_option(nncomp.__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Lossless compression with a small integer transformer.

    Files are kept; 'nncomp FILE' writes FILE.nnc and 'nncomp -d FILE.nnc' gives FILE back, on any
    machine.

    Exit status: 0 if all is well, 1 if anything failed, 2 for wrong usage (not a warning, as with
    gzip).
    """


def main(*first: str) -> NoReturn:
    """Run ``first`` and the command line in ``sys.argv`` as a process of its own, and exit."""

    def work() -> int:
        streams.prepare()
        return streams.finish(run([*first, *sys.argv[1:]]))

    signals.obeying(work)


def run(args: Sequence[str]) -> int:
    """Run one command; returns the exit status. Prints errors, installs no signal handlers."""
    try:
        if _COMPLETE in os.environ:
            from nncomp.cli.completion import answer

            return answer(args)
        return int(cli.main(list(args), prog_name="nncomp", standalone_mode=False) or 0)
    except click.UsageError as error:
        if sys.stderr is not None:
            with contextlib.suppress(OSError):  # as with say()
                error.show()
        return error.exit_code
    except Exception as error:
        complain(None, error)
        streams.give_up_after(error)
        return 1
