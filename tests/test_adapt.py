"""compress --train: what is learnt is exact, what is written never larger, what is missing said."""

# ruff: noqa: E402 (torch may be absent)

from __future__ import annotations

import dataclasses
import itertools
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import commandline
import models
import nncomp
from commandline import Run
from nncomp import compress, decompress, packing
from nncomp.container import Packed
from nncomp.engine import native
from nncomp.mixing import Mixing, Profile
from nncomp.model import Model, dumps
from nncomp.network import Role
from nncomp.train import adapt
from nncomp.train.arithmetic import Mode
from nncomp.train.factored import FactoredNetwork, changed
from nncomp.train.mixture import Mixer, Recorded, ones_of

TEXT = models.chained(6000)
FEW_BYTES = adapt.Budget(seconds=0.3)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def silent(share: float, text: str) -> None:
    assert 0 <= share <= 1 and text


@pytest.fixture
def ignorant(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Released as small-2 and nano-1: a model that knows TEXT but for its head's multipliers."""
    directory = tmp_path_factory.mktemp("ignorant")
    knowing = models.chain_model("small-2")
    tensors = {**knowing.tensors, "head.m": np.zeros(256, np.int32)}
    for name in ("nano-1", "small-2"):
        model = Model.build(knowing.config, tensors, name)
        (directory / f"{name}.safetensors").write_bytes(dumps(model))
    commandline.use_models(monkeypatch, directory)
    return model


# ---- the network ----


def test_the_network_is_the_model_and_its_factors() -> None:
    """Bits of a text under the integer engine and under the network, before and after a change."""
    model = models.natural(models.MIXED, head_m=1 << 23)
    text = models.text(384)
    window = np.frombuffer(text, np.uint8)[None]

    def bits_of_engine(of: Model) -> float:
        w = native.frequencies(of, text).astype(np.float64)
        p = w[np.arange(len(text)), list(text)] / w.sum(1)
        return float(-np.log2(p).mean())

    def bits_of_network() -> float:
        logits = network.logits(window, Mode.FAKE)[0]
        wanted = torch.tensor(list(text))
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        return float(loss) / float(np.log(2))

    torch.manual_seed(1)
    network = FactoredNetwork(model, 2)
    assert network.factors() == {}
    plain = bits_of_engine(model)
    assert abs(bits_of_network() - plain) < 0.01
    for left in network.left.values():
        left.data.normal_(0, 20)
    after = bits_of_engine(changed(model, network.factors(), "changed"))
    assert abs(bits_of_network() - after) < 0.02 < abs(after - plain)


def test_factors_are_what_was_learnt_with() -> None:
    torch.manual_seed(1)
    model = models.tiny()
    network = FactoredNetwork(model, 3)
    for left in network.left.values():
        left.data.normal_(0, 6)
    factors = network.factors()
    tuned = changed(model, factors, "tuned")
    assert {
        name for name in model.tensors if (tuned.tensors[name] != model.tensors[name]).any()
    } == {row.name for row in model.config.tensors.values() if row.role is Role.MATRIX}
    packed = packing.pack(tuned, model, factors)
    assert packing.unpack(packed, model).id == tuned.id
    numbers = sum(f.left.size + f.right.size for f in factors.values())
    assert len(packed.data) < numbers * 3 / 8  # of three steps' deviation or less


@pytest.mark.parametrize("shift", [1, 7, 8, 9, 30])
def test_factors_at_their_limits(shift: int) -> None:
    """The product in Python's integers, for the largest factors, too."""
    weight = models.integers(1, 60, -127, 127).reshape(6, 10).astype(np.int8)
    for left, right in ((127, 127), (-128, 127), (-128, -128), (3, -2), (0, 1)):
        a, b = np.full((6, 15), left, np.int8), np.full((10, 15), right, np.int8)
        change = (256 * 15 * left * right + (1 << shift - 1)) >> shift
        expected = np.clip(weight.astype(np.int64) + change, -127, 127)
        assert (packing.Factors(a, b, shift).added_to(weight) == expected).all()


@pytest.mark.parametrize("profile", list(Profile))
def test_the_mixture_knows_what_the_stage_does(profile: Profile) -> None:
    text = models.text(5000) + models.noise(3100)  # no lucky end of a stream
    data = np.frombuffer(text, np.uint8)
    mixture, mixer = Recorded(data, profile, 4096), Mixer()
    sizes = [len(native.encode_block(None, part, 1, Mixing(profile))[0])
             for part in (text[:4096], text[4096:])]  # fmt: skip
    whole = mixture.costs(len(text)) / 1.05  # the little that is added is 1/20 here
    assert sum(sizes) - 4 < float(whole[0]) / 8 <= sum(sizes)
    costs = mixture.costs(128)
    assert len(costs) == len(text) - 127
    assert costs[3000] * 4 < costs[6000] < 1.3 * 128 * 8
    with torch.no_grad():
        mixer.network.zero_()
        mixer.stage.fill_(1.0)
        starts = np.array([3000, 6000])
        places = starts[:, None] + np.arange(128)
        stage = torch.from_numpy(mixture.logits[places])
        nats = mixer(torch.zeros(2, 128, 8), stage, ones_of(torch.from_numpy(data[places]))).item()
    little = 0.05 * 128 * float(whole[0]) / len(text)
    assert nats / np.log(2) == pytest.approx((costs[starts] - little).mean() / 128, rel=0.02)


# ---- the ledger ----


def test_the_ledger_chooses(ignorant: Model) -> None:
    """The best of all checks counts, and nothing that is no better than nothing."""
    answers = iter([90, 70, 80, 95])
    seen = []

    def measure(packed: Packed) -> int:
        seen.append(packed)
        return next(answers)

    found = adapt.adapt(TEXT, ignorant, 100, measure, FEW_BYTES, silent)
    assert len(seen) == adapt.CHECKS
    assert found is seen[1]
    assert packing.base_id(seen[1]) == ignorant.id
    assert adapt.adapt(TEXT, ignorant, 100, lambda packed: 100, FEW_BYTES, silent) is None


def test_a_small_model_of_its_own_has_weights_of_four_bits() -> None:
    found = adapt.from_scratch(TEXT, 10**9, lambda packed: len(packed.data), FEW_BYTES, silent)
    assert found is not None
    model = packing.unpack(found, None)
    stored = [t for name, t in model.tensors.items() if name.endswith(".weight")]
    assert not any((tensor % 16).any() for tensor in stored)
    assert len(found.data) < 0.55 * sum(tensor.size for tensor in stored)
    assert decompress(compress(TEXT, model=found)) == TEXT


def test_learning_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four letters, at random: of a model that expects any byte, little has to change.

    Beside a stage that knows nothing: the real one would do without a network here.
    """
    unknowing = lambda data, mixing: np.full((len(data), 8), 1 << 21, np.uint32)  # noqa: E731
    monkeypatch.setattr(native, "bit_probabilities", unknowing)
    ticks = itertools.count()
    clock = types.SimpleNamespace(monotonic=lambda: next(ticks) / 120)  # about 120 steps
    monkeypatch.setattr(adapt, "time", clock)
    base = models.natural(models.TINY, head_m=1 << 22)
    data = models.integers(1, 40_000, 97, 100).astype(np.uint8)

    def measure(packed: Packed) -> int:
        model = packing.unpack(packed, base)
        seen = native.frequencies(model, data[:4000].tobytes())
        chosen = seen[np.arange(4000), data[:4000]] / seen.sum(axis=1, dtype=np.uint64)
        return int(-10 * np.log2(chosen).sum() / 8) + len(packed.data)

    plain = measure(packing.pack(base, base))
    found = adapt.adapt(data.tobytes(), base, plain, measure, adapt.Budget(1.0), silent)
    assert found is not None
    assert measure(found) < 0.98 * plain


# ---- the command ----


@pytest.fixture
def learnt(ignorant: Model, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packed]:
    """Training that finds the missing multipliers at once."""
    packed = packing.pack(models.chain_model("tuned"), ignorant)
    monkeypatch.setattr(adapt, "adapt", lambda *args: packed)
    monkeypatch.setattr("nncomp.cli.adapt.MIN_INPUT", 1000)
    yield packed


def test_the_smaller_file_is_written(run: Run, learnt: Packed) -> None:
    Path("text").write_bytes(TEXT)
    plain = compress(TEXT)
    result = run("--train", "-v", "text")
    packed = Path("text.nnc").read_bytes()
    assert len(packed) < len(plain)
    assert f"{len(plain)} => {len(packed)} bytes" in result.stderr.decode()
    assert packed == compress(TEXT, model=learnt)
    assert run("-dc", "text.nnc").stdout == TEXT
    info = nncomp.get_frame_info(packed)
    assert info.model == "tuned"
    shown = run("info", "-v", "text.nnc").stdout.decode()
    assert f"embedded in {len(learnt.data)} bytes as a change of nano-1" in shown


def test_a_larger_file_is_not_written(
    run: Run, ignorant: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    useless = packing.pack(models.chain_model("other", 5))  # in full: thousands of bytes
    monkeypatch.setattr(adapt, "adapt", lambda *args: useless)
    monkeypatch.setattr("nncomp.cli.adapt.MIN_INPUT", 1000)
    Path("text").write_bytes(TEXT[:2000])
    result = run("--train", "text")
    assert Path("text.nnc").read_bytes() == compress(TEXT[:2000])
    assert b"nothing that would pay" in result.stderr


def test_verify_and_pipes(run: Run, learnt: Packed) -> None:
    Path("text").write_bytes(TEXT)
    run("--train", "--verify", "text")
    packed = Path("text.nnc").read_bytes()
    assert run("--train", "-c", input=TEXT).stdout == packed
    run("--train", "--rm", "-f", "text")
    assert not Path("text").exists()
    assert run("-dc", "text.nnc").stdout == TEXT


def test_little_input_is_compressed_without(run: Run, ignorant: Model) -> None:
    for content in (b"", b"x", TEXT):
        assert run("--train", input=content).stdout == compress(content)


def test_the_base_has_to_be_there_to_decode(run: Run, learnt: Packed, tmp_path: Path) -> None:
    Path("text").write_bytes(TEXT)
    run("--train", "text")
    with pytest.MonkeyPatch.context() as patch:
        commandline.use_models(patch, tmp_path / "nowhere")
        assert b"was not found" in run("-dc", "text.nnc", status=1).stderr


def test_only_released_models_are_changed(run: Run, ignorant: Model) -> None:
    own = dataclasses.replace(models.tiny(4), name="own")
    Path("own.safetensors").write_bytes(dumps(own))
    Path("text").write_bytes(TEXT * 4)
    result = run("--train", "--model", "own.safetensors", "text", status=1)
    assert b"--train changes a released model only" in result.stderr
    assert not Path("text.nnc").exists()


def test_usage(run: Run, ignorant: Model) -> None:
    Path("text").write_bytes(TEXT)
    for options in (["--train", "--embed-model"], ["--train", "--model", "none"],
                    ["--from-scratch"], ["--train-time", "300"],
                    ["--train", "--train-time", "0"],
                    ["--train", "--train-time", "nan"]):  # fmt: skip
        run(*options, "text", status=2)
    packed = compress(TEXT)
    assert run("-d", "--train", "--from-scratch", "--train-time", "5", input=packed).stdout == TEXT


def test_without_torch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    Path("text").write_bytes(TEXT)
    result = run("--train", "text", status=1)
    assert result.stderr == b"nncomp: --train needs torch: pip install torch safetensors\n"
    assert not Path("text.nnc").exists()


@pytest.mark.slow
def test_interruption_leaves_nothing(run: Run, ignorant: Model, tmp_path: Path) -> None:
    import signal
    import subprocess
    import time

    Path("text").write_bytes(models.chained(40_000))
    process = subprocess.Popen(commandline.command("--train", "--train-time", "100", "text"))
    time.sleep(12)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    assert sorted(p.name for p in Path().iterdir()) == ["text"]
