"""The trainer: its twin is the engine's network, its runs resume exactly, its model works."""

# ruff: noqa: E402 (torch may be absent)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nncomp import model as models
from nncomp.engine import reference
from nncomp.model import ModelConfig
from nncomp.tables import POW
from nncomp.train import data, export, loop
from nncomp.train.network import Mode, Network, ngram_rows
from nncomp.train.presets import PRESETS

TEXT = (Path(__file__).parent.parent / "docs" / "numerics.md").read_bytes()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCOMP_COMPILE", "0")  # compiling takes longer than these runs
    torch.set_num_threads(1)


def weights_of(logits: np.ndarray) -> np.ndarray:
    """Section 6 of docs/numerics.md: integer logits (n, 256) -> weights."""
    away = logits.max(axis=1, keepdims=True) - logits
    octaves = away >> 8
    weights = POW.astype(np.int64)[away & 255] >> np.minimum(octaves, 31)
    return np.maximum(np.where(octaves > 30, 1, weights), 1)


def busy(config: ModelConfig, seed: int) -> Network:
    """A network whose every part matters: training starts some matrices at zero."""
    torch.manual_seed(seed)
    network = Network(config)
    for layer in network.layers:
        layer.out.data.normal_(0, 0.1)
        layer.down.data.normal_(0, 0.1)
        layer.bias.data.normal_(0, 1.0)
    network.head.data.normal_(0, 0.1)
    return network


def corpus(text: bytes = TEXT) -> list[data.Domain]:
    return [data.Domain("docs", np.frombuffer(text, np.uint8), 1.0)]


@pytest.mark.parametrize("preset", ["tiny", "nano"])
def test_exact_mode_is_the_reference_engine(preset: str) -> None:
    network = busy(PRESETS[preset], seed=3)
    length = 2 * max(network.config.windows)  # the second chunk of every layer is reached
    text = torch.frombuffer(bytearray(TEXT[:length]), dtype=torch.uint8).long()[None]
    network.calibrate(text)
    model = export.to_model(network, "twin")
    network.double()
    with torch.no_grad():
        logits = network.integer_logits(network.rows(text), Mode.EXACT)[0]
    ours = weights_of(logits.numpy().astype(np.int64))
    theirs = reference.weights(model, TEXT[:length])
    assert (ours == theirs).all()


def test_ngram_rows_are_the_engines() -> None:
    text = torch.frombuffer(bytearray(TEXT[:64]), dtype=torch.uint8).long()[None]
    for order, bits in ((2, 8), (3, 14), (6, 18)):
        rows = ngram_rows(text, order, bits)[0].tolist()
        for t, row in enumerate(rows):
            context = sum(TEXT[t - j] << (8 * (j - 1)) for j in range(1, order + 1) if t >= j)
            assert row == (context * 0x9E3779B97F4A7C15 % 2**64) >> (64 - bits)


def test_batches_depend_on_seed_and_step_alone() -> None:
    first = data.batch(corpus(), 4, 64, (1, 7))
    assert (first == data.batch(corpus(), 4, 64, (1, 7))).all()
    assert (first != data.batch(corpus(), 4, 64, (1, 8))).any()
    assert all(row.tobytes() in TEXT for row in first)


def test_weights_pick_domains(tmp_path: Path) -> None:
    for domain, byte in (("a", b"a"), ("b", b"b"), ("c", b"c")):
        (tmp_path / domain).mkdir()
        (tmp_path / domain / "x.dat").write_bytes(byte * 1000)
        (tmp_path / domain / "x.idx").write_bytes(b"0,1000\n")
    train, held = data.load([tmp_path], {"a": 1.0, "b/x": 3.0}, validation=0.1)
    assert {d.name: len(d.data) for d in train} == {"a": 900, "b/x": 900}
    assert {d.name: len(d.data) for d in held} == {"a": 100, "b/x": 100}
    drawn = data.batch(train, 400, 1, (1, 1))
    assert 240 < (drawn == ord("b")).sum() < 360
    assert not (drawn == ord("c")).any()


def test_training_learns_resumes_and_exports(tmp_path: Path) -> None:
    plan = loop.Plan(total=24 * 2048, batch=2048)

    def trainer() -> loop.Trainer:
        torch.manual_seed(1)
        return loop.Trainer(Network(PRESETS["tiny"]), plan, corpus())

    whole = trainer()
    whole.run()

    path = tmp_path / "run.ckpt"
    first = trainer()
    for _ in range(19):  # past the switch to rounding
        first.train_step()
    first.save(path)
    second = trainer()
    second.restore(path)
    second.run()
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert (a == b).all()

    before = loop.evaluate(trainer().network, corpus(), Mode.FLOAT, 128)["all"]
    network = whole.network
    network.compute = torch.float32
    fake = loop.evaluate(network, corpus(), Mode.FAKE, 128)["all"]
    assert before > 7.9
    assert fake < 6.5
    exact = loop.evaluate(network.double(), corpus(), Mode.EXACT, 128)["all"]
    assert abs(exact - fake) < 0.005

    model = export.to_model(network, "tiny-test")
    assert models.loads(models.dumps(model)).id == model.id
    export.save_master(network, tmp_path / "master.safetensors")
    again = export.load_master(tmp_path / "master.safetensors")
    assert again.config == network.config
