"""The search for a network: its pieces, candidates and scores (tools/search)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nncomp.network import FeedForward, ModelConfig, Table  # noqa: E402
from nncomp.train import export  # noqa: E402
from nncomp.train.arithmetic import Mode  # noqa: E402
from nncomp.train.network import Network  # noqa: E402

SEARCH = Path(__file__).parent.parent / "tools" / "search"
TEXT = (Path(__file__).parent.parent / "docs" / "numerics.md").read_bytes()


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the tool."""
    monkeypatch.syspath_prepend(str(SEARCH))
    names = [path.stem for path in SEARCH.glob("*.py")]
    yield lambda name: __import__(name)
    for name in names:
        sys.modules.pop(name, None)


def small() -> Network:
    torch.manual_seed(1)
    config = ModelConfig(1, 64, (FeedForward(64),), (Table("word", 8, 16, 0, 0),))
    network = Network(config)
    network.head.data.normal_(0, 0.1)
    return network


def test_a_score_is_of_every_byte(search: Any) -> None:
    score, text = search("score"), search("text")
    data = np.frombuffer(TEXT[:3000], np.uint8)
    network = small()
    bits = score.predict(network, data, Mode.FLOAT)
    before = score.predict(network, data[:2000], Mode.FLOAT)
    assert bits.isfinite().all() and bits.shape == (3000, 8)
    assert torch.equal(bits[:1024], before[:1024])
    stage = np.zeros((3000, 8), np.int8)
    piece = text.Piece("docs", "a", data, stage, 8.0)
    found = score.score(network, [piece], Mode.FLOAT)["docs"]["a"]
    assert found.stage == 8.0 and found.mixed < 8.01 and 5 < found.alone < 20


def test_candidates_are_within_the_limits(search: Any) -> None:
    shapes = search("shapes").SHAPES
    assert shapes["ff"].multiply_adds == 2 * 192 * 192 + 192 * 256
    assert 0.3e6 < shapes["attention-narrow"].multiply_adds < 0.4e6


@pytest.mark.slow
def test_a_model_is_scored(tmp_path: Path) -> None:
    network = small()
    network.calibrate(np.frombuffer(TEXT[:1024], np.uint8)[None])
    export.save_master(network, tmp_path / "m.safetensors")
    for kind in ("text", "code", "markup", "data", "logs"):
        (tmp_path / kind).mkdir()
    sys.path.insert(0, str(SEARCH))
    try:
        from text import DEV
    finally:
        sys.path.remove(str(SEARCH))
    for names in DEV.values():
        for name in names.split():
            (tmp_path / name).write_bytes(TEXT[:2048])
    command = [sys.executable, str(SEARCH), str(tmp_path / "m.safetensors")]
    said = subprocess.run(
        [*command, "--dev", str(tmp_path), "--work", str(tmp_path)],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert said[0].split()[-6:] == ["float", "mixed", "fake", "mixed", "exact", "mixed"]
    _stage, *figures = map(float, said[-1].split()[1:])
    assert said[-1].startswith("all ") and len(figures) == 6
    assert abs(figures[4] - figures[2]) < 0.01
