"""Pages of commands that have one of their own: every option of each, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from nncomp.cli.main import cli

DOCS = Path(__file__).parent.parent / "docs"
NAMES = sorted(path.stem.removeprefix("nncomp-") for path in DOCS.glob("nncomp-*.1"))


@pytest.mark.parametrize("name", NAMES)
def test_options(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    params = [param for one in commands for param in one.params]
    known = {name for param in params for name in param.opts if name[0] == "-"}
    text = DOCS.joinpath(f"nncomp-{name}.1").read_text("utf-8").replace("\\-", "-")
    heads = re.findall(r"^\.TP\n\.BR? (.*)$", text, re.MULTILINE)
    named = {name for head in heads for name in re.findall(r"(?<![\w-])--?\w[\w-]*", head)}
    assert named == known - {f"-{level}" for level in range(2, 9)} | {"-h", "--help"}


def test_pages_are_known() -> None:
    """By the manual of nncomp, which has them among its commands, and at its end."""
    _, *sections = DOCS.joinpath("nncomp.1").read_text("utf-8").split("\n.SH ")
    named = {section.partition("\n")[0]: section for section in sections}
    for name in NAMES:
        for section in ("COMMANDS", "SEE ALSO"):
            assert named[section].count(f".BR nncomp-{name} (1)") == 1
