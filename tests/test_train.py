"""The trainer: its network is the engine's, its runs resume exactly, its model works."""

# ruff: noqa: E402 (torch may be absent)

from __future__ import annotations

import copy
import ctypes
import dataclasses
import errno
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from safetensors import safe_open
from safetensors.torch import load_file, save

import models
from conftest import examples
from nncomp import compress, packing, registry
from nncomp import model as model_files
from nncomp.engine import reference
from nncomp.errors import ModelError, NNCompError
from nncomp.network import CONTEXTS, Attention, FeedForward, Layer, ModelConfig, Table
from nncomp.tables import POW
from nncomp.train import contexts, data, export, grow, known, loop, moments
from nncomp.train.arithmetic import LOGIT_UNIT, Mode
from nncomp.train.network import Network
from nncomp.train.plan import Phase, Plan, fitting
from nncomp.train.presets import PRESETS
from nncomp.train.stage import Recording

TEXT = (Path(__file__).parent.parent / "docs" / "numerics.md").read_bytes()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def frequencies_of(logits: np.ndarray) -> np.ndarray:
    """Section 6 of docs/numerics.md: integer logits (n, 256) -> frequencies."""
    away = logits.max(axis=1, keepdims=True) - logits
    octaves = away >> 8
    weights = POW.astype(np.int64)[away & 255] >> np.minimum(octaves, 31)
    return np.maximum(np.where(octaves > 30, 1, weights), 1)


def integer_logits(network: Network, text: np.ndarray) -> np.ndarray:
    """(B, T, 256) logits before each byte in 1/256 octave: the engine's integers."""
    logits = network.logits(text, Mode.EXACT).numpy()  # in nats
    return np.rint(logits * LOGIT_UNIT).astype(np.int64)


def busy(config: ModelConfig, seed: int) -> Network:
    """A network whose every part matters: training starts some matrices at zero."""
    torch.manual_seed(seed)
    network = Network(config)
    for layer in network.layers:
        getattr(layer, layer.last).data.normal_(0, 0.1)
        if isinstance(layer.shape, Attention):
            layer.bias.data.normal_(0, 1.0)
    network.head.data.normal_(0, 0.1)
    for table in network.tables:
        if table.check is not None:
            table.check.random_(8)  # few, which many contexts have
    network.chosen = True
    return network


def in_turn(*windows: int) -> tuple[Layer, ...]:
    """Attention and feed-forward layers as in the preset tiny, with other windows."""
    pairs = [(Attention(2, 32, window), FeedForward(128)) for window in windows]
    return tuple(layer for pair in pairs for layer in pair)


def domain(text: bytes = TEXT, name: str = "docs", weight: float = 1.0) -> data.Domain:
    return data.Domain(name, np.frombuffer(text, np.uint8), weight)


def tiny(seed: int = 1) -> Network:
    torch.manual_seed(seed)
    return Network(PRESETS["tiny"])


def windows_of(text: bytes, length: int) -> np.ndarray:
    return np.frombuffer(text[:length], np.uint8)[None]


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        (PRESETS["tiny"], {}),
        (PRESETS["nano"], {}),
        (models.UNEVEN, {}),
        (models.CONTEXTUAL, {"tables": 4}),
        (PRESETS["tiny"], {"layers": 4}),
        (PRESETS["tiny"], {"layers": 4, "head": 4, "embed": 4, "tables": 4}),
    ],
)
def test_exact_mode_is_the_reference_engine(config: ModelConfig, bits: dict[str, int]) -> None:
    network = busy(config, seed=3)
    network.set_weight_bits(bits)
    length = 2 * max(network.config.windows)  # the second chunk of every layer is reached
    text = windows_of(TEXT, length)
    network.calibrate(text)
    model = export.to_model(network, "same")
    network.double()
    ours = frequencies_of(integer_logits(network, text)[0])
    theirs = reference.frequencies(model, TEXT[:length])
    assert (ours == theirs).all()
    up = next(layer.prefix for layer in network.layers if layer.last == "down") + "up"
    for key, kind in ((up, "layers"), ("head", "head"), ("embed", "embed"), ("table.0", "tables")):
        values = np.abs(model.tensors[f"{key}.weight"])
        if network.weight_bits[kind] == 4:
            assert values.max() == 112
            assert not (values % 16).any()
        else:
            assert values.max() == 127


def test_coarse_rows() -> None:
    """Each row by what the text pays for it: never finer than before, never dearer in all."""
    network = busy(models.CONTEXTUAL, seed=3)
    network.set_weight_bits({"tables": 6})
    network.calibrate(windows_of(TEXT, 2 * max(network.config.windows)))
    for table in network.tables:
        table.moment.copy_(10.0 ** torch.linspace(0, 6, len(table.moment)))
    plain = export.to_model(network, "plain")

    def coarse(uses: float) -> model_files.Model:
        other = copy.deepcopy(network)
        other.coarsen(uses)
        return export.to_model(other, "coarse")

    assert coarse(1e9).id == plain.id
    sizes = [8 * len(packing.pack(plain).data)]
    for uses in (10.0, 1.0, 0.1):
        found = coarse(uses)
        sizes.append(8 * len(packing.pack(found).data))
        costs = 0.0
        for i, table in enumerate(network.tables):
            before, after = (m.tensors[f"table.{i}.weight"].astype(int) for m in (plain, found))
            assert not (after % 4).any()
            exact = (table.weight / table.scale).numpy()
            squares = ((exact - after) ** 2).sum(1) - ((exact - before) ** 2).sum(1)
            costs += (squares * (table.moment * table.scale**2).numpy()).sum()
            steps = np.bitwise_or.reduce(np.abs(after), axis=1)
            steps = np.where(steps, steps & -steps, 128)
            half = len(steps) // 2
            assert np.log2(steps[:half]).mean() > np.log2(steps[half:]).mean() + 0.5
        assert uses * costs / (2 * math.log(2)) < sizes[0] - sizes[-1]
    assert sizes == sorted(sizes, reverse=True)
    nothing = coarse(0.0).tensors
    assert not any(nothing[f"table.{i}.weight"].any() for i in range(len(network.tables)))


def test_the_residual_unit_is_kept() -> None:
    """A multiplier that has outgrown the engine lowers its clip; `fit` would double the unit."""
    network = busy(PRESETS["tiny"], seed=3)
    text = windows_of(TEXT, 256)
    network.calibrate(text)
    inner = [layer for layer in network.layers if "u" in layer.clips]
    unit, clips = network.residual_unit, [layer.clips["u"].item() for layer in inner]
    network.hold()
    assert clips == [layer.clips["u"].item() for layer in inner]
    inner[1].down.data *= 1000
    model = export.to_model(network, "same")
    largest = max(int(model.tensors[f"{layer.prefix}down.m"].max()) for layer in inner)
    assert 1.89 * 2**30 < largest < 1.91 * 2**30
    network.hold()
    assert network.residual_unit == unit
    assert clips[0] == inner[0].clips["u"].item()
    assert inner[1].clips["u"].item() < clips[1] - 0.1
    network.double()
    ours = frequencies_of(integer_logits(network, text)[0])
    assert (ours == reference.frequencies(model, TEXT[:256])).all()
    network.fit()
    assert network.residual_unit <= unit


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(1, 2**20), st.integers(1, 300))
def test_contexts_are_the_engines(seed: int, size: int) -> None:
    text = np.frombuffer(models.contextual(size, seed), np.uint8)
    windows = np.stack([text, text[::-1]])
    for context in CONTEXTS:
        found = contexts.Windows(torch.from_numpy(windows)).keys(context).tolist()
        for window, keys in zip(windows, found, strict=True):
            past = reference.contexts.Past()
            for byte, key in zip(window.tolist(), keys, strict=True):
                assert key % 2**64 == reference.contexts.KEYS[context](past)
                past.take(byte)


def test_tables_are_the_engines() -> None:
    """Of every context, both kinds: what a model becomes in the twin says the same."""
    model = models.natural(models.CONTEXTUAL)
    network = Network(model.config)
    for i, table in enumerate(model.config.tables):
        check = model.tensors.get(f"table.{i}.check")
        text = np.frombuffer(models.contextual(300), np.uint8)[None]
        keys = contexts.Windows(torch.tensor(text)).keys(table.context)
        known = None if check is None else torch.tensor(check)
        rows = contexts.rows(table, known, keys)[0]
        past = reference.contexts.Past()
        for byte, row in zip(text[0].tolist(), rows.tolist(), strict=True):
            key = reference.contexts.KEYS[table.context](past)
            assert row == reference.network.row_of(table, check, key)
            past.take(byte)
        assert len(network.tables[i].weight) == table.rows > rows.max()


# ---- text ----


def test_batches_depend_on_seed_and_step_alone() -> None:
    first = data.batch([domain()], 4, 64, (1, 7))
    assert (first == data.batch([domain()], 4, 64, (1, 7))).all()
    assert (first != data.batch([domain()], 4, 64, (1, 8))).any()
    assert all(row.tobytes() in TEXT for row in first)


def test_windows_lie_within_documents() -> None:
    sizes = [500, 70, 3, 20, 40, 200]  # those below 64 are followed by the next one
    text = b"".join(bytes([i]) * n for i, n in enumerate(sizes))
    starts = np.cumsum([0, *sizes])[:-1]
    packed = data.Domain("docs", np.frombuffer(text, np.uint8), 1.0, starts)
    seen = np.zeros(len(sizes))
    for row in data.batch([packed], 3000, 64, (1, 1)):
        first = row[0]
        assert sizes[first] < 64 or (row == first).all()
        if sizes[first] < 64:
            assert row[sizes[first] - 1] == first and row[sizes[first]] == first + 1
        seen += np.bincount(row, minlength=len(sizes))
    assert 0.5 < seen[0] / seen.sum() / (500 / len(text)) < 1.1
    at_start = np.zeros(2)
    for row in data.batch([domain(bytes(range(200)))], 2000, 64, (1, 1)):
        at_start += [row[0] == 0, row[-1] == 199]
    assert (abs(at_start / 2000 - 32 / 200) < 0.04).all()  # as often as the edges need


def write(place: Path, text: bytes) -> bytes:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text)
    return text


def test_weights_pick_domains(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name / "x.dat", name.encode() * 1000)
        write(tmp_path / name / "x.idx", b"0\t600\n600\t400\n")
    split = data.load([tmp_path], {"a": 1.0, "b/x": 3.0}, validation=0.1, test=0.2)
    for part, size in ((split.train, 700), (split.validation, 100), (split.test, 200)):
        assert {d.name: len(d.data) for d in part} == {"a": size, "b/x": size}
    assert [d.starts.tolist() for d in split.train] == [[0, 600], [0, 600]]
    drawn = data.batch(split.train, 400, 1, (1, 1))
    assert 240 < (drawn == ord("b")).sum() < 360
    assert not (drawn == ord("c")).any()
    with pytest.raises(ValueError, match="no training text is called d"):
        data.load([tmp_path], {"a": 1.0, "d": 1.0})


def test_small_files_go_whole_and_copies_together(tmp_path: Path) -> None:
    texts = {n: write(tmp_path / f"{n}.txt", b"<%03d>" % n * 10) for n in range(300)}
    for n in range(300):
        write(tmp_path / f"copy{n}.txt", texts[n])
    split = data.load([tmp_path], validation=0.2, test=0.1)
    sides = [
        {n for n in texts if texts[n] in d.data.tobytes()}
        for d in (*split.train, *split.validation, *split.test)
    ]
    assert len(sides) == 3 and sum(map(len, sides)) == 300
    assert 40 < len(sides[1]) < 80 and 15 < len(sides[2]) < 45
    assert len(split.train[0].starts) == 2 * len(sides[0])


# ---- plan ----


def test_plan() -> None:
    plan = Plan(total=100 * 4096, warmup=0.1, decay=0.5)
    phases = [plan.phase(step, (64, 512)) for step in range(100)]
    assert [p.length for p in phases[::20]] == [128, 128, 128, 256, 256]
    assert phases[-1].length == 1024
    assert [p.mode for p in phases[73:77]] == [Mode.FLOAT] * 2 + [Mode.FAKE] * 2
    factors = [plan.factor(step) for step in range(100)]
    assert factors[:3] == pytest.approx([0.1, 0.2, 0.3]) and factors[30] == 1.0
    assert factors[75] == pytest.approx(0.5) and 0 < factors[99] < 0.03
    own = dataclasses.replace(plan, lengths=((0.5, 100), (1.0, 300)), quantise_at=0.0)
    assert own.phase(0, (64, 192)) == Phase(64, Mode.FAKE, 0.0)  # 100 is no multiple of 64
    assert own.phase(50, (64, 192)) == Phase(192, Mode.FAKE, 0.5)
    for wrong in (
        {"clip": -1.0},
        {"patience": 1},
        {"warmup": 2.0},
        {"lengths": ((1, 8), (0, 8))},
    ):
        with pytest.raises(ValueError):
            dataclasses.replace(plan, **wrong)


def test_fitting_lengths() -> None:
    assert [fitting(n, (64, 128)) for n in (1, 63, 64, 127, 128, 300)] == [1, 63, 64, 64, 128, 256]
    with pytest.raises(ValueError, match="divide"):
        fitting(1000, (128, 192))
    network = Network(dataclasses.replace(PRESETS["tiny"], layers=in_turn(64, 192, 384)))
    for length in range(64, 800, 64):  # whatever fits can be computed
        fits = fitting(length, network.config.windows)
        network.logits(windows_of(TEXT, fits), Mode.FLOAT)


# ---- runs ----

BATCH = 1024  # bytes
FULL = Plan(
    total=16 * BATCH, batch=BATCH, clip=1.0, validate_every=5, patience=9,
)  # fmt: skip


def knowing(seed: int = 1) -> Network:
    """With a table of known contexts, which the run chooses."""
    torch.manual_seed(seed)
    tables = (Table("word", 8, 16, 48, 8), *PRESETS["tiny"].tables)
    return Network(dataclasses.replace(PRESETS["tiny"], tables=tables))


def trainer(plan: Plan = FULL, network: Network | None = None) -> loop.Trainer:
    text = domain()
    stage = np.random.default_rng(1).integers(-60, 60, (len(text.data), 8)).astype(np.int8)
    return loop.Trainer(
        network or knowing(), plan, [text], validation=[domain(TEXT[::-1])],
        recording=Recording([text], [stage]),
    )  # fmt: skip


def state_of(trainer: loop.Trainer) -> dict[str, torch.Tensor]:
    """Every number that the rest of a run depends on."""
    found = {f"network.{k}": v for k, v in trainer.network.state_dict().items()}
    found |= {f"mixer.{k}": v for k, v in trainer.mixer.state_dict().items()}
    found |= {f"best.{k}": v for k, v in (trainer.best.weights if trainer.best else {}).items()}
    for i, optimizer in enumerate(trainer.optimizers):
        for p, entry in optimizer.state_dict()["state"].items():
            found |= {f"{i}.{p}.{k}": torch.as_tensor(v) for k, v in entry.items()}
    return found


@pytest.fixture(scope="module")
def whole() -> loop.Trainer:
    torch.set_num_threads(1)
    whole = trainer()
    assert whole.run() and whole.done
    return whole


@pytest.mark.parametrize("stop", [5, 9, 12, 15])  # the mixture counts from 8 on, rounding from 12
def test_a_resumed_run_is_the_same_run(whole: loop.Trainer, tmp_path: Path, stop: int) -> None:
    path = tmp_path / "run.ckpt"
    first = trainer()
    assert not first.run(path, stop=lambda: first.step == stop)
    second = trainer(network=knowing(seed=2))
    assert second.restore(path) == []
    assert second.step == stop and second.run(path)
    expected, found = state_of(whole), state_of(second)
    assert expected.keys() == found.keys()
    assert any(k.startswith("best") for k in found)
    for key, value in expected.items():
        assert torch.equal(value, found[key]), key
    assert [repr(p[:-1]) for p in second.curve] == [repr(p[:-1]) for p in whole.curve]
    assert list(tmp_path.iterdir()) == [path]
    ours, theirs = (export.to_model(t.result(), "same") for t in (whole, second))
    assert ours.id == theirs.id


def test_a_full_disk_keeps_a_checkpoint(tmp_path: Path) -> None:
    """What cannot be reported ends the run, which goes on from there."""
    first, path = trainer(FULL), tmp_path / "run.ckpt"

    def full(run: loop.Trainer) -> None:
        if run.step == 3:
            raise OSError(errno.ENOSPC, "No space left on device", "x.csv")

    with pytest.raises(OSError, match="No space"):
        first.run(path, report=full)
    second = trainer(FULL)
    assert second.restore(path) == [] and second.step == 3


def test_a_checkpoint_belongs_to_its_run(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    short = trainer(dataclasses.replace(FULL, total=2 * BATCH))
    short.run(path)
    with pytest.raises(NNCompError, match="another run: total is 16384, was 2048"):
        trainer().restore(path)
    assert trainer().restore(path, extend=True) == ["total is 16384, was 2048"]
    other = loop.Trainer(knowing(), short.plan, [domain(TEXT[1:])], validation=[domain()])
    with pytest.raises(NNCompError, match="the text has changed"):
        other.restore(path)
    nano = trainer(short.plan, Network(PRESETS["nano"]))
    with pytest.raises(NNCompError, match="another shape"):
        nano.restore(path)
    same = loop.Trainer(knowing(), short.plan, [domain(TEXT[::-1])], validation=[domain()])
    with pytest.raises(NNCompError, match="the text has changed"):  # though it is no longer
        same.restore(path)
    whole, odd = path.read_bytes(), torch.load(path, weights_only=True)
    for key in ("config", "plan", "network", "optimizers", "curve", "step"):
        torch.save({k: v for k, v in odd.items() if k != key}, path)
        with pytest.raises(NNCompError, match="is not a checkpoint"):
            trainer(short.plan).restore(path)
    for damage in (whole[:-100], b"", b"text" * 1000):
        path.write_bytes(damage)
        with pytest.raises(NNCompError, match="is not a checkpoint"):
            trainer(short.plan).restore(path)


def test_training_learns_and_exports(whole: loop.Trainer, tmp_path: Path) -> None:
    before = loop.evaluate(tiny(), [domain()], Mode.FLOAT, 128)["all"]
    network = whole.result()
    fake = loop.evaluate(network, [domain()], Mode.FAKE, 128)["all"]
    assert before > 7.9
    assert fake < 6.5
    assert whole.curve[0].train_bpb > whole.curve[-1].train_bpb > fake
    model = export.to_model(network, "tiny-test", {"nncomp.note.corpus": "docs"})
    assert model_files.loads(model_files.dumps(model)).id == model.id
    path = tmp_path / "master.safetensors"
    export.save_master(network, path)
    assert export.load_network(path).config == network.config
    exact = loop.evaluate(network.double(), [domain()], Mode.EXACT, 128)["all"]
    assert abs(exact - fake) < 0.005


def test_a_run_stops_when_it_gets_no_better() -> None:
    plan = Plan(total=100 * BATCH, batch=BATCH, rate=0.0, validate_every=2, patience=3)
    run = trainer(plan)
    assert run.run() and run.step == 8  # the first validation is the best
    plan = dataclasses.replace(plan, rate=1.0, quantise_at=1.0, warmup=0.0)
    run = loop.Trainer(tiny(), plan, [domain(b"abc" * 1000)], validation=[domain(b"cba" * 1000)])
    assert run.run() and run.best is not None and run.step < plan.steps
    measured = [p.validation_bpb for p in run.curve if not math.isnan(p.validation_bpb)]
    assert run.best.bpb == min(measured) and measured.index(run.best.bpb) == len(measured) - 4
    again = loop.evaluate(run.result(), run.validation, Mode.FLOAT, 64)["all"]
    assert abs(again - run.best.bpb) < 0.1 < measured[-1] - run.best.bpb  # products were bfloat16


def test_what_was_best_by_another_plan_does_not_count(tmp_path: Path) -> None:
    plan = Plan(total=100 * BATCH, batch=BATCH, rate=0.0, validate_every=2, patience=3)
    run = trainer(plan)
    assert run.run(tmp_path / "x.ckpt") and run.step == 8
    for patience in (3, 0):
        more = trainer(dataclasses.replace(plan, total=120 * BATCH, patience=patience))
        more.restore(tmp_path / "x.ckpt", extend=True)
        assert more.best is None and not more.done


@pytest.mark.parametrize(
    "state",
    [
        "{",
        "[]",
        '{"forward": 1}',
        '{"weight_bits": {}}',
        '{"weight_bits": []}',
        '{"residual_unit": 0.0}',
        '{"residual_unit": NaN}',
        '{"residual_unit": 1}',
        '{"calibrated": 2}',
    ],
)
def test_malformed_masters(tmp_path: Path, state: str) -> None:
    place = tmp_path / "x.safetensors"
    export.save_master(tiny(), place)
    tensors = load_file(place)
    with safe_open(place, "pt") as file:
        metadata = file.metadata()
    place.write_bytes(save(tensors, metadata | {"nncomp.state": state}))
    with pytest.raises(ModelError, match="attributes"):
        export.load_network(place)


def test_a_master_larger_than_models_may_be(tmp_path: Path) -> None:
    """No memory is taken for what it says."""
    place = tmp_path / "x.safetensors"
    tables = tuple(Table("2", 20, 2048, 0, 0) for _ in range(24))
    config = dataclasses.replace(tiny().config, d_model=2048, tables=tables)
    place.write_bytes(save({"x": torch.zeros(1)}, {"nncomp.config": config.to_json()}))
    with pytest.raises(ModelError, match="larger"):
        export.load_network(place)


def test_divergence_is_said() -> None:
    run = trainer(Plan(total=2 * BATCH, batch=BATCH))
    run.network.head.data.fill_(math.inf)
    with pytest.raises(NNCompError, match="diverged"):
        run.run()


@pytest.mark.gpu
@pytest.mark.parametrize("shape", ["tiny", "nano-2", "base-2"])
def test_a_gpu_learns_the_same(shape: str) -> None:
    """Up to the rounding of sums, in floating point and rounded; and from a checkpoint on."""
    plan = Plan(total=8 * BATCH, batch=BATCH, quantise_at=0.5, mixed=0.0)
    losses = []
    for device in "cpu", "cuda":
        torch.manual_seed(3)
        run = loop.Trainer(Network(PRESETS[shape]), plan, [domain()], device, precision="fp32")
        run.run()
        losses.append(run.loss)
        assert run.result().head.device.type == "cpu"
    assert abs(losses[0] - losses[1]) < 0.02


# ---- models and networks ----


@pytest.mark.parametrize(
    ("vendor", "bf16", "tiles", "expected"),
    [
        ("GenuineIntel", True, False, torch.float32),  # half as fast as float32
        ("GenuineIntel", True, True, torch.bfloat16),
        ("AuthenticAMD", True, False, torch.bfloat16),
        ("AuthenticAMD", False, False, torch.float32),
    ],
)
def test_products_are_in_the_faster_type(
    monkeypatch: pytest.MonkeyPatch, vendor: str, bf16: bool, tiles: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(Path, "read_text", lambda _: f"vendor_id : {vendor}\nmodel name : x\n")
    assert loop.product_dtype(torch.device("cpu")) is expected


def test_a_model_becomes_a_network_again(whole: loop.Trainer) -> None:
    model = export.to_model(whole.result(), "once")
    network = export.from_model(model)
    again = export.to_model(network, "once")
    for key, tensor in model.tensors.items():
        theirs = again.tensors[key].astype(np.float64)
        exact = tensor.dtype in (np.int8, np.int16)
        assert np.allclose(tensor, theirs, rtol=0 if exact else 1e-6, atol=0 if exact else 1), key
    fake, exact = (
        loop.evaluate(n, [domain()], mode, 128)["all"]
        for n, mode in ((network, Mode.FAKE), (whole.result().double(), Mode.EXACT))
    )
    assert abs(fake - exact) < 0.005
    for ours, theirs in zip(network.layers, whole.result().layers, strict=True):
        for name, clip in theirs.clips.items():  # not stored, but not far from what was trained
            assert abs(ours.clips[name] - clip) < 1.5, name


def test_networks_come_from_files(tmp_path: Path) -> None:
    place = Path(__file__).parent.parent / "models" / "nano-1.safetensors"
    model = model_files.load(place)
    weights = export.to_model(export.load_network(place), "nano-1").tensors
    assert all((weights[k] == v).all() for k, v in model.tensors.items() if v.dtype == np.int8)
    wrong = tmp_path / "x.safetensors"
    for text in (b"", b"text" * 100, place.read_bytes()[:-1]):
        wrong.write_bytes(text)
        with pytest.raises(ModelError):
            export.load_network(wrong)


def assert_same_function(grown: Network, network: Network, text: np.ndarray) -> None:
    with torch.no_grad():
        for mode in (Mode.FLOAT, Mode.FAKE):
            ours, theirs = (n.logits(text, mode) for n in (grown, network))
            assert torch.equal(ours, theirs), mode


@pytest.mark.parametrize("windows", [(64, 64, 64), (64, 128, 64), (128, 64, 64, 256)])
def test_new_layers_change_nothing(windows: tuple[int, ...]) -> None:
    network = busy(PRESETS["tiny"], seed=5)
    text = windows_of(TEXT, 512)
    network.calibrate(text)
    grown = grow.deepen(network, in_turn(*windows))
    assert grown.config.windows == windows
    assert_same_function(grown, network, text)
    ups, old = ([layer.up for layer in n.layers[1::2]] for n in (grown, network))
    for up in ups:  # trained ones, and copies of them
        assert any(torch.equal(up, trained) for trained in old)
    run = loop.Trainer(grown, Plan(total=2 * BATCH, batch=BATCH), [domain()])
    run.run()
    assert all(getattr(layer, layer.last).any() for layer in grown.layers)  # and they learn


def test_layers_of_a_new_kind_change_nothing() -> None:
    config = dataclasses.replace(PRESETS["tiny"], layers=(FeedForward(128),))
    network = busy(config, seed=5)
    text = windows_of(TEXT, 256)
    network.calibrate(text)
    layers = (FeedForward(64), Attention(2, 32, 128), FeedForward(128))
    assert_same_function(grow.deepen(network, layers), network, text)
    run = loop.Trainer(network, Plan(total=2 * BATCH, batch=BATCH), [domain()])
    assert run.run()  # without a window


def test_shorter_windows_crop_biases() -> None:
    network = busy(dataclasses.replace(PRESETS["tiny"], layers=in_turn(128, 256)), seed=5)
    text = windows_of(TEXT, 64)  # within every window: nothing is cropped that counts
    network.calibrate(text)
    grown = grow.deepen(network, in_turn(64, 128, 64))
    assert grow.cropped(network.config.layers, grown.config.layers) == [(128, 64), (256, 128)]
    assert torch.equal(grown.layers[0].bias, network.layers[0].bias[:, :64])
    assert_same_function(grown, network, text)
    exact = in_turn(64, 128, 256)  # where the trained ones are there, they stay
    assert grow.places(network.config.layers, exact) == [2, 3, 4, 5]
    assert not grow.cropped(network.config.layers, exact)


def test_layers_are_not_lost() -> None:
    with pytest.raises(ValueError, match="attention:2:32:128,feed_forward:128 do not contain"):
        grow.deepen(tiny(), in_turn(64, 128))


@pytest.mark.parametrize("tables", [models.hashed((2, 12, 16, 0), (3, 10, 16, 16)),
                                    (*models.hashed((2, 10, 16, 0), (3, 11, 16, 16)),
                                     Table("word", 9, 16, 48, 8))])  # fmt: skip
def test_larger_tables_change_nothing(tables: tuple[Table, ...]) -> None:
    network = busy(PRESETS["tiny"], seed=5)
    text = windows_of(TEXT, 512)
    network.calibrate(text)
    grown = grow.grow(network, dataclasses.replace(network.config, tables=tables))
    assert grown.config.tables == tables
    assert_same_function(grown, network, text)
    loop.Trainer(grown, Plan(total=2 * BATCH, batch=BATCH), [domain()]).run()
    first, second = (grown.tables[i].weight[j::2] for i, j in ((0, 0), (0, 1)))
    assert len(first) < 512 or not torch.equal(first, second)  # and rows learn apart


def test_the_rows_that_are_used_most_stay() -> None:
    """Of half as many known contexts, those with the largest moments, with their rows."""
    shape = Table("3", 9, 16, 0, 8)
    config = dataclasses.replace(PRESETS["tiny"], tables=(shape,))
    network = busy(config, seed=5)
    text = [domain()]
    network.chosen = False
    known.choose(network, text)
    windows = data.batch(text, 32, 128, (1,))
    (old,) = network.tables
    old.moment += torch.bincount(network.rows(windows)[1].flatten(), minlength=shape.rows)
    smaller = dataclasses.replace(shape, log2_rows=8)
    grown = grow.grow(network, dataclasses.replace(config, tables=(smaller,)))
    (table,) = grown.tables
    rows, before = (n.rows(windows)[1] for n in (grown, network))
    found = (rows < 256).float().mean()
    assert 0.5 < found < (before < 512).float().mean()
    kept = torch.isin(table.moment[:256], old.moment[:512])
    assert kept.all() and table.moment[:256].sum() > 0.6 * old.moment[:512].sum()
    same = (table.weight[rows] == old.weight[before]).all(-1)[(rows < 256)]
    assert same.float().mean() > 0.9  # but where two contexts have become one
    checks = table.check.view(-1, 8).int()
    assert (checks.diff(dim=1) >= 0).all()


def test_a_table_of_known_contexts_gets_larger() -> None:
    """It knows more, and each context begins with the row that it had."""
    shape = Table("3", 8, 16, 0, 8)
    config = dataclasses.replace(PRESETS["tiny"], tables=(shape,))
    network, text = busy(config, seed=5), [domain()]
    network.chosen = False
    known.choose(network, text)
    (old,) = network.tables
    old.moment.uniform_(1, 2)
    larger = dataclasses.replace(shape, log2_rows=10)
    grown = grow.grow(network, dataclasses.replace(config, tables=(larger,)), text)
    (table,) = grown.tables
    windows = data.batch(text, 32, 128, (1,))
    rows, before = (n.rows(windows)[1] for n in (grown, network))
    assert (before < 256).float().mean() < (rows < 1024).float().mean()
    kept, new = (x & (rows < 1024) for x in (before < 256, before == 256))
    assert kept.sum() > 0.9 * (before < 256).sum()  # where two share a check, each counts alone
    for part in (kept, new, (rows == 1024) & (before == 256)):
        assert part.any() and torch.equal(table.weight[rows[part]], old.weight[before[part]])
    assert torch.equal(table.moment[rows[kept]], old.moment[before[kept]])
    assert not table.moment[rows[new]].any()
    moments.by_use(grown, text, 1000.0)
    assert table.moment[rows[new]].unique().numel() == 1 and table.moment.all()


def test_tables_that_cannot_be_had() -> None:
    config = PRESETS["tiny"]
    network = tiny()
    for first, message in (
        (Table("2", 10, 16, 16, 0), "cannot become"),
        (Table("2", 10, 32, 0, 0), "cannot become"),
    ):
        with pytest.raises(ValueError, match=message):
            grow.grow(network, dataclasses.replace(config, tables=(first,)))
    known = Table("2", 10, 16, 0, 8)  # beside a hashed one of the same context: another table
    (table,) = grow.grow(network, dataclasses.replace(config, tables=(known,))).tables
    assert not table.chosen and not table.weight.any()
    few = Network(dataclasses.replace(config, tables=(Table("2", 8, 16, 0, 8),)))
    with pytest.raises(ValueError, match="needs text"):
        grow.grow(few, dataclasses.replace(config, tables=(Table("2", 9, 16, 0, 8),)))


# ---- going on from a model without moments ----


def integer_model() -> model_files.Model:
    """With wider windows and a table less than what it is to become."""
    network = busy(dataclasses.replace(PRESETS["tiny"], layers=in_turn(128, 256)), seed=5)
    network.calibrate(windows_of(TEXT, 512))
    return export.to_model(network, "wide")


def test_moments_by_use() -> None:
    """What the tables of an integer model would have gathered, and a little; a new one has that."""
    trained = export.from_model(integer_model())
    tables = (*trained.config.tables, Table("word", 8, 16, 48, 8))
    network = grow.grow(trained, dataclasses.replace(trained.config, tables=tables))
    power = moments.squared_gradient(network, [domain()])
    moments.by_use(network, [domain()], 1000.0)
    rows = trained.rows(np.concatenate(list(known.samples([domain()]))))
    for table, used in zip((network.embed, *network.tables), rows, strict=False):
        share = torch.bincount(used.flatten(), minlength=len(table.moment)) / used.numel()
        assert torch.allclose(table.moment, (1000 * share + moments.AT_LEAST) * power, rtol=1e-4)
    new = network.tables[-1].moment
    assert torch.equal(new, torch.full_like(new, moments.AT_LEAST * power))
    before = [table.moment.clone() for table in network.tables]
    moments.by_use(network, [domain()], 5.0)  # they have some now
    assert all(map(torch.equal, before, (table.moment for table in network.tables)))


def test_a_model_cropped_and_grown_continues(tmp_path: Path) -> None:
    """The same model from the same seed, interrupted or not, and it gets better."""
    tables = (*PRESETS["tiny"].tables, Table("word", 8, 16, 48, 8))
    config = dataclasses.replace(PRESETS["tiny"], layers=in_turn(64, 64, 128), tables=tables)
    plan = dataclasses.replace(FULL, rate=0.35)

    def start(seed: int) -> loop.Trainer:
        torch.manual_seed(seed)
        network = grow.grow(export.from_model(integer_model()), config)
        moments.by_use(network, [domain()], plan.total)
        return trainer(plan, network)

    whole, first, path = start(1), start(1), tmp_path / "run.ckpt"
    assert whole.run()
    assert not first.run(path, stop=lambda: first.step == 7)
    second = trainer(plan, Network(config))
    assert second.restore(path) == [] and second.run(path)
    expected, found = state_of(whole), state_of(second)
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[key]) for key, value in expected.items())
    ours, theirs = (export.to_model(t.result(), "same") for t in (whole, second))
    assert ours.id == theirs.id
    assert whole.curve[-1].train_bpb < whole.curve[0].train_bpb


def test_a_packed_model_is_what_a_file_pays() -> None:
    """So the ledger of ``nncomp train`` may count it."""
    without, embedded = (
        len(compress(TEXT, model="nano-1", embed_model=embed)) for embed in (False, True)
    )
    packed = packing.pack(registry.resolve("nano-1"))
    assert 0 < embedded - without - len(packed.data) < 8  # and its size


def test_freed_memory_is_kept() -> None:
    """Buffers that are freed and taken again fault no pages in, as they do by default."""
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("another C library")

    def faults(before: str) -> int:
        script = f"""if True:
            import resource
            from nncomp.train import memory
            {before}
            for _ in range(4):
                start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
                buffers = [bytearray(3 << 20) for _ in range(16)]
                del buffers
            print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)"""
        return int(
            subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
        )

    assert 10 * faults("memory.keep_freed()") < faults("")
