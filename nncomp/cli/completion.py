"""``nncomp completion``: the script that teaches a shell to complete nncomp's command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script for SHELL; for bash, put into ~/.bashrc: eval "$(nncomp completion bash)"."""
    from nncomp.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    # Not kind.source(): for bash, that runs bash to ask for its version.
    complete = kind(cli, {}, "nncomp", "_NNCOMP_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
    return 0
