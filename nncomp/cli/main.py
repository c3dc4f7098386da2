"""The entry point: which command, and which exit status.

0: all well; 1: something failed; 2: wrong usage; signals as in ``signals``.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

import nncomp
from nncomp.cli import signals
from nncomp.cli.report import complain
from nncomp.errors import NNCompError

__all__ = ["cli", "main"]

# Name → module and attribute: a command is imported when it is used.
_COMMANDS = {
    "compress": "nncomp.cli.files:compress",
    "decompress": "nncomp.cli.files:decompress",
    "info": "nncomp.cli.info:info",
    "test": "nncomp.cli.files:test",
    "train": "nncomp.cli.train:train",
}
_ALIASES = {"list": "info"}


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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"-h", "--help", "-V", "--version", *_COMMANDS, *_ALIASES}
        if not args and sys.stdin is not None and sys.stdin.isatty():
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        if not args or args[0] not in own:
            args = ["compress", *args]
        return super().parse_args(ctx, args)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Without a command: nncomp [-d|-t|-l] [options] [FILE]... works like gzip, and so does "
    "tar -I nncomp.",
)
@click.version_option(nncomp.__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Lossless compression with a small integer transformer.

    Files are kept; 'nncomp FILE' writes FILE.nnc and 'nncomp -d FILE.nnc' gives FILE back, on any
    machine.
    """


def main() -> NoReturn:
    """Run the command line in ``sys.argv`` and exit."""
    signals.install()
    try:
        status = _run()
    except signals.Signalled as signalled:
        signals.die(signalled.number)
    sys.exit(status)


def _run() -> int:
    try:
        return int(cli.main(prog_name="nncomp", standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except (NNCompError, click.ClickException, OSError) as error:
        complain(None, error)
        return 1
