"""``nncomp train``: options and their file, what it writes and says, interruptions, processes."""

from __future__ import annotations

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from commandline import LAUNCH, Run, Terminal, command, errors
from nncomp import model
from nncomp.cli import signals
from nncomp.cli.train import train
from nncomp.network import Attention, FeedForward, Table

torch = pytest.importorskip("torch")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from nncomp.train import distributed  # noqa: E402
from nncomp.train.plan import Plan  # noqa: E402
from nncomp.train.presets import PRESETS  # noqa: E402

TEXT = Path(__file__).parent.parent.joinpath("docs", "numerics.md").read_bytes()
QUICK = "--preset tiny --megabytes 0.012 --batch 1KiB -T 1 --device cpu".split()


@pytest.fixture
def text(run: Run) -> str:
    """A folder of training text, in the working directory."""
    for name in ("docs", "more"):
        Path("text", name).mkdir(parents=True)
        Path("text", name, "a.md").write_bytes(TEXT)
    return "text"


def test_weight_bits(run: Run, text: str) -> None:
    """train --weight-bits: those of one part, from the first step to the file"""
    bits = ["--weight-bits", "layers=4"]
    run("train", text, "-qo", "own-4.safetensors", *QUICK, *bits)
    tensors = model.load("own-4.safetensors").tensors
    assert not (tensors["layers.1.up.weight"] % 16).any()
    assert (tensors["head.weight"] % 16).any()
    for wrong in ("layers=3", "bias=4"):
        failed = run("train", text, "-o", "x.safetensors", "--weight-bits", wrong, status=1)
        assert errors(failed) == [
            f"nncomp: {wrong}: layers, head, embed or tables have weights of 4 to 8 bits"
        ]


def test_coarse(run: Run, text: str) -> None:
    """train --coarse: a smaller program, and the master of what was learnt"""
    sizes = []
    for uses in ("0", "0.01"):
        files = ["-o", f"{uses}.safetensors", "--master", f"m{uses}.safetensors"]
        lines = errors(run("train", text, *files, *QUICK, "--coarse", uses))
        sizes.append(next(line.split()[1] for line in lines if line.startswith("ledger: ")))
    plain, coarse = (int(size.replace(",", "")) for size in sizes)
    assert coarse < plain
    learnt, same = load_file("m0.safetensors"), load_file("m0.01.safetensors")
    assert all(torch.equal(learnt[name], same[name]) for name in learnt)


def test_another_process_is_interrupted(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All stop, and the same command continues."""
    asked = iter([False, False, True])
    monkeypatch.setattr(distributed, "any_of", lambda *_: next(asked))
    files = ["-o", "own-1.safetensors"]
    lines = errors(run("train", text, *files, *QUICK, status=1))
    assert lines[-1] == "stopped after step 2; the same command continues from own-1.ckpt"
    assert sorted(os.listdir()) == ["own-1.ckpt", "text"]


def test_an_output_that_is_there_in_the_end(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not replaced without -f, and nothing is lost: -f goes on from the checkpoint."""
    own = Path("own-1.safetensors")

    def meanwhile(*_: object) -> bool:
        own.write_bytes(b"mine")
        return False

    with monkeypatch.context() as patch:
        patch.setattr(distributed, "any_of", meanwhile)
        lines = errors(run("train", text, "-o", str(own), *QUICK, status=1))
    assert lines[-1] == f"nncomp: {own}: already exists; use -f to overwrite"
    assert own.read_bytes() == b"mine" and Path("own-1.ckpt").exists()
    run("train", text, "-fqo", str(own), *QUICK)
    assert model.load(own).name == "own-1" and not Path("own-1.ckpt").exists()


def test_train(run: Run, text: str) -> None:
    """train: a model that compresses, its curve, its ledger; no checkpoint is left"""
    files = ["--csv", "curve.csv", "--plot", "curve.png", "--master", "m.safetensors"]
    extra = ["--test", "0.1", "--validate-every", "5", "--note", "origin=these\npages"]
    extra += ["--weight", "docs=3", "--weight", "more=1"]
    lines = errors(run("train", text, "-o", "own-1.safetensors", *QUICK, *files, *extra))
    assert sorted(os.listdir()) == [
        *("curve.csv", "curve.png", "m.safetensors", "own-1.safetensors", "text"),
    ]
    (ledger,) = [line for line in lines if line.startswith("ledger: ")]
    numbers = [int(w.replace(",", "")) for w in ledger.split() if w[0].isdigit() and "." not in w]
    assert numbers[0] + numbers[1] in range(numbers[2] - 1, numbers[2] + 2)
    assert numbers[3] == 2 * int(len(TEXT) * 0.88)
    titles = [line.split()[0] for line in lines if "float" in line and "rounded" in line]
    assert titles == ["validation,", "test,"]
    assert [line.split()[0] for line in lines[-10:]].count("docs") == 2

    own = model.load("own-1.safetensors")
    assert own.name == "own-1" and own.id.hex() in lines[-1]
    assert own.notes["nncomp.note.origin"] == "these\npages"
    assert own.notes["nncomp.note.corpus"].endswith("docs 75.0%, more 25.0%")
    rows = list(csv.DictReader(Path("curve.csv").open()))
    assert list(rows[0]) == "step bytes train_bpb validation_bpb rate mode seconds".split()
    assert [int(row["step"]) for row in rows] == list(range(1, 12))
    assert [row["step"] for row in rows if row["validation_bpb"]] == ["5", "10", "11"]
    assert rows[0]["mode"] == "float" and rows[-1]["mode"] == "fake"
    assert float(rows[-1]["train_bpb"]) < float(rows[0]["train_bpb"])
    assert float(rows[0]["train_bpb"]) == pytest.approx(8)  # it knew nothing
    assert Path("curve.png").read_bytes()[:4] == b"\x89PNG"

    packed = run("-1", "--model", "./own-1.safetensors", input=TEXT[:5000]).stdout
    assert run("-d", "--model", "./own-1.safetensors", input=packed).stdout == TEXT[:5000]
    again = run("train", text, "-o", "own-1.safetensors", *QUICK, status=1)
    assert errors(again) == ["nncomp: own-1.safetensors: already exists; use -f to overwrite"]
    more = run("train", text, "-qfo", "own-1.safetensors", *QUICK[2:], "--init", "m.safetensors")
    assert not errors(more) and model.load("own-1.safetensors").id != own.id


def test_shapes_and_files(run: Run, text: str) -> None:
    """--config: everything that options say, which go first; --layers adds layers to --init"""
    Path("own.toml").write_text(
        f'paths = ["{text}"]\noutput = "a.safetensors"\npreset = "tiny"\nmegabytes = 0.002\n'
        'batch = 1024\nthreads = 1\nquiet = true\n'
        'layers = ["attention:4:16:64", "feed_forward:128", "attention:4:16:128"]\n'
        'table = ["2:9:16:16:0"]\nlength = ["0.5:64", "1:128"]\n'
        "[weight]\ndocs = 2\nmore = 0.5\n"
    )  # fmt: skip
    run("train", "--config", "own.toml")
    made = model.load("a.safetensors")
    config = made.config
    assert config.layers == (Attention(4, 16, 64), FeedForward(128), Attention(4, 16, 128))
    assert config.tables == (Table("2", 9, 16, 16, 0),)
    assert made.notes["nncomp.note.corpus"].endswith("docs 80.0%, more 20.0%")
    run("train", "--config", "own.toml", "-o", "b.safetensors", "--layers", "feed_forward:64",
        "--table", "none")  # fmt: skip
    assert model.load("b.safetensors").config.layers == (FeedForward(64),)
    assert model.load("b.safetensors").config.tables == ()
    (presets,) = [p.type for p in train.params if p.name == "preset"]
    assert isinstance(presets, click.Choice) and list(presets.choices) == list(PRESETS)

    grow = ["train", text, "-qo", "c.safetensors", *QUICK[2:], "--init", "./a.safetensors"]
    more = f"{config.layers[0]},feed_forward:128,{','.join(map(str, config.layers[1:]))}"
    run(*grow, "--layers", more, "--rate", "0")
    grown, before = model.load("c.safetensors"), made.tensors["layers.2.qkv.weight"]
    assert ",".join(map(str, grown.config.layers)) == more
    assert (grown.tensors["layers.3.qkv.weight"] == before).all()
    assert not grown.tensors["layers.2.down.weight"].any()
    run("models", "add", "c.safetensors")
    run("train", text, "-qo", "d.safetensors", *QUICK[2:], "--init", "c")  # by its name
    assert model.load("d.safetensors").config == grown.config
    result = run(*grow, "-f", "--d-model", "128", status=1)
    assert "64 wide, not 128" in errors(result)[0]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--layers", "attention:4;4"], 2, "attention:4:32:128"),
        (["--layers", "other:64"], 2, "unknown kind"),
        (["--table", "2:9"], 2, "3:13:32:32:0"),
        (["--length", "64"], 2, "0.5:128"),
        (["--weight", "docs"], 2, "DOMAIN=W"),
        (["--config", "bad.toml"], 2, "bad.toml: "),
        (["--config", "unknown.toml"], 2, "there is no option --colour"),
        (["--config", "table.toml"], 2, "rate is no table"),
        (["--weight", "docs=nan"], 2, "DOMAIN=W"),
        (["--weight", "docs=-1"], 2, "DOMAIN=W"),
        (["--rate", "inf"], 2, "is no number"),
        (["--megabytes", "1e300"], 2, "--megabytes"),
        (["--seed", str(2**64)], 2, "--seed"),
        (["--length", "nan:128"], 1, "between 0 and 1"),
        (["--master", "fifo"], 1, "fifo: is not a regular file"),
        (["--checkpoint", "/dev/null"], 1, "/dev/null: is not a regular file"),
        (["--weight", "prose=1"], 1, "no training text is called prose"),
        (["--layers", "attention:2:32:65"], 2, "65"),
        (["--layers", "attention:2:32:128,attention:2:32:192"], 1, "divide the widest"),
        (["--patience", "3"], 1, "validate"),
        (["--plot", "x.html"], 1, "x.html"),
        (["--csv", "none/x.csv"], 1, "none/x.csv"),
        (["--name", "No Name"], 1, "name"),
        (["--batch", "64"], 1, "a batch of 64 bytes"),
        (["--note", "Big=1"], 1, "note"),
        (["--device", "tpu"], 2, "cuda:N"),
        (["--init", "nobody-1"], 1, "nobody-1"),
    ],
)
def test_what_is_refused(run: Run, text: str, options: list[str], status: int, words: str) -> None:
    Path("bad.toml").write_text("a = ")
    Path("unknown.toml").write_text('colour = "red"\n')
    Path("table.toml").write_text("[rate]\nx = 1\n")
    os.mkfifo("fifo")
    result = run("train", text, "-o", "x.safetensors", *QUICK, *options, status=status)
    assert words in " ".join(errors(result)[-3:])
    assert not Path("x.safetensors").exists()


def test_text_is_needed(run: Run) -> None:
    assert "FILE|DIR" in errors(run("train", "-o", "x.safetensors", status=2))[-1]
    assert "no training text" in errors(run("train", "x", "-o", "x.safetensors", status=1))[-1]


@pytest.mark.parametrize("size", [0, 1, 2, 100, 511])
def test_too_little_text(run: Run, size: int) -> None:
    """One line, before anything is trained"""
    Path("a").write_bytes(TEXT[:size])
    for more in ([], ["--validation", "0", "--quiet"]):
        (line,) = errors(run("train", "a", "-o", "x.safetensors", *QUICK, *more, status=1))
        assert line in (
            "nncomp: there is no training text",
            "nncomp: there is too little text: no domain has 512 bytes in a row",
        )
    assert os.listdir() == ["a"]


def test_as_little_text_as_possible(run: Run) -> None:
    Path("a").write_bytes(TEXT[:512])
    run("train", "a", "-qo", "x.safetensors", "--validation", "0", *QUICK)
    assert model.load("x.safetensors")


def test_text_that_cannot_be_read(run: Run, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a file or folder is said before anything is trained"""
    os.mkfifo("fifo")
    args = ["-qo", "x.safetensors", *QUICK]
    assert errors(run("train", "fifo", *args, status=1)) == ["nncomp: fifo: is not a regular file"]
    os.symlink("nowhere", "text/broken")  # is no file, and no reason to stop
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("more"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        (line,) = errors(run("train", text, *args, status=1))
    assert line == "nncomp: text/more: Permission denied"
    run("train", text, *args)


def test_outputs_are_neither_text_nor_the_same(run: Run, text: str) -> None:
    """-f: training text stays, and no output overwrites another"""
    for args, said in (
        (["-fo", f"{text}/docs/a.md"], "is training text"),
        (["-o", "x", "--csv", f"{text}/docs/../docs/a.md"], "is training text"),
        (["-o", "x", "--master", f"{text}/more/a.md"], "is training text"),
        (["-o", f"{text}/x"], f"would be training text, in {text}"),
        (["-o", "x", "--csv", f"{text}/more/x.csv"], f"would be training text, in {text}"),
        (["-o", "x", "--csv", "x"], "is to be written twice"),
        (["-o", "x", "--checkpoint", "y", "--master", "./y"], "is to be written twice"),
        (["-o", "x", "--plot", "y.png", "--csv", "y.png"], "is to be written twice"),
    ):
        (line,) = errors(run("train", text, *args, *QUICK, "--name", "own", status=1))
        assert said in line
    assert Path(text, "docs/a.md").read_bytes() == Path(text, "more/a.md").read_bytes() == TEXT


def test_known_contexts_and_the_stage(run: Run, text: str) -> None:
    """--table, --stage: contexts are chosen from the text, predictions recorded once; --preset of
    an --init: fewer of them, and new ones"""
    tables = ["--table", "3:9:16:0:8", "--table", "word:8:16:16:8"]
    stage = ["--stage", "stage", "--mixed-from", "0"]
    first = ["train", text, "-qo", "a.safetensors", *QUICK, *tables, *stage]
    run(*first, "--master", "m.safetensors")
    recorded = sorted(Path("stage").iterdir())
    sizes = [int(len(TEXT) * 0.98) * 8 + 128] * 2  # of documents, and of the .npy header
    assert [path.stat().st_size for path in recorded] == sizes
    stamps = [path.stat().st_mtime_ns for path in recorded]
    made = model.load("a.safetensors")
    checks = made.tensors["table.0.check"].reshape(-1, 8).astype(int)
    assert (checks[:, 1:] >= checks[:, :-1]).all() and len(set(checks[0])) == 8
    run(*first, "-f")
    assert model.load("a.safetensors").id == made.id
    assert [path.stat().st_mtime_ns for path in recorded] == stamps
    smaller = ["--table", "3:8:16:0:8", "--table", "above:8:16:32:8"]
    run("train", text, "-qo", "b.safetensors", *QUICK, "--init", "m.safetensors", *smaller)
    other = model.load("b.safetensors")
    assert [t.context for t in other.config.tables] == ["3", "above"]
    halves = other.tensors["table.0.check"].reshape(-1, 8)
    assert set(halves[0]) <= {check >> 1 | half << 7 for half in (0, 1) for check in checks[half]}


def test_a_model_in_another_shape(run: Run, text: str) -> None:
    """--init: windows get shorter, which is said, and rows of an integer model have moments"""
    first, last = "attention:2:32:128,feed_forward:128", "attention:2:32:64,feed_forward:128"
    run("train", text, "-qo", "a.safetensors", *QUICK, "--layers", f"{first},{last}")
    again = ["--init", "./a.safetensors", "--preset", "tiny", "--rate", "0", *QUICK[2:]]
    lines = errors(run("train", text, "-qo", "b.safetensors", *again, "--master", "m.safetensors"))
    assert lines == [
        "windows of attention get shorter, 128 to 64: biases of what is farther are dropped"
    ]
    ours, theirs = (model.load(f"{name}.safetensors").tensors for name in "ab")
    name = "layers.0.attn.bias"
    assert (ours[name][:, :64] == theirs[name]).all()
    with safe_open("m.safetensors", "pt") as master:
        assert master.get_tensor("embed.moment").all()


@pytest.mark.slow
def test_interrupted(run: Run, text: str) -> None:
    """SIGTERM: a checkpoint and status 143; SIGKILL: that of before; the same command continues"""
    whole = run("train", text, "-qo", "whole.safetensors", "--name", "own", *QUICK)
    assert not errors(whole)
    again = ["train", text, "-o", "own.safetensors", *QUICK, "--checkpoint-every", "0"]
    for number, status in ((signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)):
        before = _stamp("own.ckpt")
        process = subprocess.Popen(command(*again), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        deadline = time.monotonic() + 60
        while _stamp("own.ckpt") == before:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(number)
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait(60) == status, said
        if number == signal.SIGTERM:
            assert "stopped after step" in said and "continues from own.ckpt" in said
        assert not Path("own.safetensors").exists()
    for leftover in Path().glob(".own.*.tmp"):  # SIGKILL may leave one
        leftover.unlink()
    steps = torch.load("own.ckpt", weights_only=True)["step"]
    assert 2 <= steps < 11
    assert f"11 steps from {steps}" in errors(run(*again))[0]
    assert Path("own.safetensors").read_bytes() == Path("whole.safetensors").read_bytes()


def test_a_second_signal_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """deferred: the first signal waits for the end of the step, the next one for nothing"""
    monkeypatch.setattr(signals, "_CLEAN_UP_TIME", -1.0)
    with pytest.raises(signals.Signalled) as raised, signals.deferred() as signalled:
        assert not signalled()
        signals.handle(signal.SIGTERM, None)
        assert signalled()
        with pytest.raises(signals.Signalled):
            signals.handle(signal.SIGINT, None)
    assert raised.value.number == signal.SIGTERM
    with pytest.raises(ZeroDivisionError), signals.deferred():  # what went wrong is not hidden
        signals.handle(signal.SIGTERM, None)
        raise ZeroDivisionError


def _stamp(path: str) -> int:
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0


def test_another_plan(run: Run, text: str) -> None:
    """a checkpoint belongs to its plan; --extend trains longer"""
    short = ["train", text, "-qfo", "own.safetensors", "--checkpoint", "own.state", *QUICK]
    run(*short)
    assert Path("own.state").exists()  # it was asked for
    result = run(*short, "--megabytes", "0.015", status=1)
    assert "another run: total is 15000, was 12000" in errors(result)[0]
    assert errors(run(*short, "--megabytes", "0.015", "--extend")) == [
        "from here on, total is 15000, was 12000"
    ]


def test_bar(run: Run, text: str, terminal: Terminal) -> None:
    """on a terminal: a bar with bits a byte, speed and what is left"""
    run("train", text, "-o", "x.safetensors", *QUICK, stderr=terminal.slave)
    shown = terminal.text()
    assert "11.3k/11.3k" in shown and "bits/byte, T=" in shown and "B/s" in shown
    run("train", text, "-qfo", "x.safetensors", *QUICK, stderr=terminal.slave)
    assert terminal.text() == shown


@pytest.mark.slow
def test_two_processes_train_as_one(run: Run, text: str) -> None:
    """torchrun: the same curve within 1e-3 bits a byte

    Not bit for bit: sums are taken in another order, and Muon rounds to bfloat16.
    """
    curves = []
    for world, starter in (
        (1, [sys.executable]),
        (2, [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]),
    ):
        out = f"{world}.safetensors"
        args = ["train", text, "-o", out, "--name", "own", "--csv", f"{world}.csv", *QUICK]
        args += "--megabytes 0.1 --batch 4KiB --part 4KiB --validate-every 20".split()
        args += ["--precision", "fp32"]
        result = subprocess.run(
            [*starter, LAUNCH, *args], capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("ledger: ") == 1
        curves.append(list(csv.DictReader(Path(f"{world}.csv").open())))
        assert not Path(f"{world}.ckpt").exists()
    assert len(curves[0]) == len(curves[1]) == 24
    for one, two in zip(*curves, strict=True):
        for key in ("train_bpb", "validation_bpb"):
            assert abs(float(one[key] or 0) - float(two[key] or 0)) < 1e-3


def test_defaults_are_those_of_the_plan() -> None:
    """Of every option that a plan has, too."""
    ctx, plan = click.Context(train), Plan(total=1)
    options = {option.name: option for option in train.params}
    named = {field.name for field in dataclasses.fields(Plan)} & options.keys()
    assert len(named) == len(dataclasses.fields(Plan)) - 1  # of all but the total
    for name in named:
        option = options[name]
        default = option.process_value(ctx, option.get_default(ctx))
        assert default == getattr(plan, name)
