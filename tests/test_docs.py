"""The examples of the documentation do what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import commandline

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["api.md"])
def test_examples(
    name: str, model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commandline.use_models(monkeypatch, model_directory)
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(DOCS / name), module_relative=False, encoding="utf-8")
    assert result.attempted > 0 and result.failed == 0
