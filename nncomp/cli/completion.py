"""Completion of command lines, and ``nncomp completion``: the scripts that teach it to a shell.

The scripts run nncomp with the words of the line, and _NNCOMP_COMPLETE in its environment. They get
a line for each possible completion, with three columns separated by tabs:

    plain  a word                                 what it means
    file   a suffix, or '-' for files of any name
    dir    -
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete

from nncomp import fileio
from nncomp.levels import NO_MODEL

__all__ = [
    "answer",
    "completion",
    "devices",
    "directories",
    "model_files",
    "model_names",
    "packed_files",
]

_SCRIPTS = Path(__file__).parent / "completions"
_NAMES = {"bash": "nncomp.bash", "zsh": "_nncomp", "fish": "nncomp.fish"}


@click.command()
@click.argument("shell", type=click.Choice(list(_NAMES)))
def completion(shell: str) -> int:
    """Print a script for SHELL; for bash, put into ~/.bashrc: eval "$(nncomp completion bash)"."""
    click.echo(_SCRIPTS.joinpath(_NAMES[shell]).read_text("ascii"), nl=False)
    return 0


def answer(words: Sequence[str]) -> int:
    """Print the completions of ``words``, the last of which is incomplete."""
    from nncomp.cli.main import cli

    *before, last = words or [""]
    if not before and "=" in last:  # an option of the command that is implied
        before = ["compress"]
    for item in _Words(cli, {}, "nncomp", "").get_completions(before, last):
        # Without a suffix the attribute is missing or None, depending on click's version.
        value = item.value if item.type == "plain" else item.suffix or "-"
        click.echo("\t".join((item.type, value, " ".join((item.help or "").split()))))
    return 0


class _Words(ShellComplete):
    """Click's completions, for no shell in particular."""

    name = "words"
    source_template = ""


def packed_files(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete files to work on; only compressed ones where nothing else makes sense."""
    from nncomp.cli.options import Mode

    wanted = ctx.params.get("wanted")
    if not isinstance(wanted, Mode):
        wanted = Mode.COMPRESS if ctx.command.name == "compress" else Mode.DECOMPRESS
    suffix = None if wanted == Mode.COMPRESS else fileio.SUFFIX
    return [CompletionItem(incomplete, type="file", suffix=suffix)]


def directories(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete names of directories."""
    return [CompletionItem(incomplete, type="dir")]


def devices(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete values of ``--device``."""
    return [CompletionItem(n) for n in ("auto", "cpu", "cuda") if n.startswith(incomplete)]


def model_files(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete names of model files."""
    from nncomp import registry

    return [CompletionItem(incomplete, type="file", suffix=registry.SUFFIX)]


def model_names(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete names and files of models; also 'none' for ``--model``."""
    from nncomp import registry

    names = dict.fromkeys(found.name for found in registry.available())
    items = [CompletionItem(name, help="a model") for name in names]
    if isinstance(param, click.Option) and param.name == "model":
        items.append(CompletionItem(NO_MODEL, help="no network"))
    found = [item for item in items if item.value.startswith(incomplete)]
    return found + model_files(ctx, param, incomplete)
