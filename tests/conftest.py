"""Fixtures shared by the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import models
from nncomp import model


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search path for models where the released names belong to the tiny test model."""
    directory = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("nano-1", "small-1"), 1):
        tiny = models.tiny(seed)
        renamed = model.Model.build(tiny.config, tiny.tensors, name)
        (directory / f"{name}.safetensors").write_bytes(model.dumps(renamed))
    return directory
