"""Fixtures shared by the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import commandline
import models
from nncomp import model

LETTERS = b" abcdefghijklmnopqrstuvwxyz"


def letters_model(name: str, letters: bytes = LETTERS) -> model.Model:
    """A model that expects lower-case letters and spaces, whatever came before: 4.75 bits each.

    The stream is one constant vector; the head's rows are all for or all against a byte.
    """
    config = models.TINY

    def fill(key: str, count: int, index: int) -> npt.NDArray[np.int64] | int:
        if key == "head.weight":
            rows = np.full((256, config.d_model), -127)
            rows[list(letters)] = 127
            return rows.ravel()
        constants = {
            "embed.weight": 127,
            "embed.m": 1 << 28,
            "norm.c": 28 * 8 << 30,  # 28 times the square root of d_model
            "head.m": (1280 << 30) // (config.d_model * 28 * 127),  # ±5 octaves
        }
        return constants.get(key, 1 if key.endswith(".c") else 0)

    return models.build(config, fill, name)


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search path where the released names belong to models for tests."""
    directory = tmp_path_factory.mktemp("models")
    for name in ("nano-1", "small-1"):
        data = model.dumps(letters_model(name))
        (directory / f"{name}.safetensors").write_bytes(data)
    return directory


@pytest.fixture
def run(model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> commandline.Run:
    """Runs nncomp in ``tmp_path``, with models for tests and nothing else in its environment."""
    for name in [n for n in os.environ if n.startswith("NNCOMP_")]:
        monkeypatch.delenv(name)
    commandline.use_models(monkeypatch, model_directory)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no-such-home"))
    monkeypatch.chdir(tmp_path)
    return commandline.run


@pytest.fixture
def terminal() -> Iterator[commandline.Terminal]:
    """A pseudo-terminal."""
    terminal = commandline.Terminal()
    yield terminal
    terminal.close()


@pytest.fixture(scope="session")
def foreign_model() -> model.Model:
    """A model that is as good and in no directory."""
    return letters_model("foreign", LETTERS + b"\n")
