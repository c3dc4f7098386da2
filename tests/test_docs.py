"""The examples of the documentation do what it says, with the released models; commands parse."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import click
import pytest

from nncomp.cli.main import cli
from nncomp.cli.train import train

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["api.md"])
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(DOCS / name), module_relative=False, encoding="utf-8")
    assert result.attempted > 0 and result.failed == 0


def test_training_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ``nncomp train`` in docs/training.md is one that the program takes."""
    monkeypatch.chdir(tmp_path)
    page = DOCS.joinpath("training.md").read_text("utf-8")
    (toml,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    Path("my.toml").write_text(toml)
    commands = re.findall(r"^    .*nncomp train (.*)$", page, re.MULTILINE)
    assert len(commands) > 8
    parent = click.Context(cli, help_option_names=["-h", "--help"])  # commands remember the first
    parsed = [train.make_context("train", shlex.split(c), parent).params for c in commands]
    (of_file,) = [p for p in parsed if p["seed"] == 2]
    assert of_file["weights"] == {"prose": 40, "code": 20, "code/linux": 10}
    assert of_file["windows"] == (64, 128, 512, 512, 512) and of_file["batch"] == 65536
    pytest.importorskip("torch")
    from nncomp.train.presets import PRESETS

    for name, about in PRESETS.items():
        assert re.search(rf"^\| `{name}`.* {about.n_layers} × {about.d_model} ", page, re.MULTILINE)
        assert f"| {about.parameters / 1e6:.{2 if about.parameters < 1e6 else 1}f} M |" in page
