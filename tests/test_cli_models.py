"""``nncomp models``, and the manual."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import click
import pytest

import models
from commandline import Run, Terminal, errors
from nncomp import model
from nncomp.cli.main import cli


@pytest.fixture
def own(run: Run) -> Path:
    """A model file with a note."""
    plain = models.chain_model("plain", 3)
    noted = model.Model.build(
        plain.config, plain.tensors, "own-1", {"nncomp.note.corpus": "three\nlines\x1b"}
    )
    path = Path("some file.safetensors")
    path.write_bytes(model.dumps(noted))
    return path


def test_list(run: Run) -> None:
    """models list: name, id, size, weights, speed, levels, training data"""
    entries = json.loads(run("models", "list", "--json").stdout)
    base, nano, second, small = entries[:4]  # those of the fixture; then what the package has
    assert (nano["name"], nano["levels"]) == ("nano-1", [])
    assert (second["name"], second["levels"]) == ("nano-2", [3])
    assert (small["name"], small["levels"]) == ("small-2", [4, 5, 6, 7, 8])
    assert (base["name"], base["levels"]) == ("base-2", [9])
    assert base["id"] == models.chain_model("base-2").id.hex()
    assert small["size"] == os.path.getsize(small["path"])
    assert small["product_weights"] == models.TINY.product_weights
    assert (small["speed"], small["corpus"]) == ("fast", None)
    Path(os.environ["XDG_DATA_HOME"], "nncomp/models").mkdir(parents=True)
    for name, width, corpus in (("medium-1", 1024, "a\nb" * 40), ("slow-1", 8192, "prose")):
        config = models.pairs(512, 2, 32, width, (64, 64), ((2, 8, 32, 0),))
        built = models.build(config, lambda key, count, index: 1, name)
        noted = model.Model.build(config, built.tensors, name, {"nncomp.note.corpus": corpus})
        place = Path(os.environ["XDG_DATA_HOME"], "nncomp/models", f"{name}.safetensors")
        place.write_bytes(model.dumps(noted))
    listed = json.loads(run("models", "list", "--json").stdout)[-2:]
    assert [(e["name"], e["speed"]) for e in listed] == [("medium-1", "medium"), ("slow-1", "slow")]
    assert listed[1]["corpus"] == "prose"
    lines = run("models", "list").stdout.decode().splitlines()
    assert lines[-1].startswith("slow-1                - ") and lines[-1].endswith("  prose")
    assert lines[-2].endswith("  " + r"a\nb" * 40)  # all of it: there is no terminal to fit
    assert lines[0].split()[:6] == ["Name", "Levels", "Size", "Weights", "Speed", "Id"]
    assert lines[0].endswith("Trained on")
    assert small["id"] in lines[4] and " fast " in lines[4] and "    4-8 " in lines[4]
    assert run("models").stdout.decode().splitlines() == lines
    for args in (["models", "-v"], ["models", "list", "--verbose"]):
        longer = run(*args).stdout.decode().splitlines()
        assert [line for line in longer if not line.startswith("    ")] == lines
        assert [line[4:] for line in longer if line.startswith("    ")] == [
            entry["path"] for entry in json.loads(run("models", "--json").stdout)
        ]
    run("models", "-v", "path", status=2)


def test_list_on_a_terminal(run: Run, terminal: Terminal) -> None:
    """models list: a line of the terminal for each model"""
    Path(os.environ["XDG_DATA_HOME"], "nncomp/models").mkdir(parents=True)
    built = models.chain_model("long-1", 7)
    noted = model.Model.build(
        built.config, built.tensors, "long-1", {"nncomp.note.corpus": "x" * 99}
    )
    place = Path(os.environ["XDG_DATA_HOME"], "nncomp/models/long-1.safetensors")
    place.write_bytes(model.dumps(noted))
    os.environ.pop("COLUMNS", None)
    run("models", stdout=terminal.slave)
    cut = [line for line in terminal.text().splitlines() if line.startswith("long-1")]
    assert cut and all(line.endswith("...") and len(line) <= 80 for line in cut)


def test_show(run: Run, own: Path) -> None:
    """models show: by name, id or file; verified; with notes"""
    (entry,) = json.loads(run("models", "show", "--json", own).stdout)
    assert entry["notes"] == {"corpus": "three\nlines\x1b"}
    assert (entry["name"], entry["width"]) == ("own-1", 64)
    assert entry["layers"] == ["attention:2:32:64", "feed_forward:64"] * 2
    claims = {
        "nncomp.note.id": "0" * 32,
        "nncomp.note.name": "base-2",
        "nncomp.note.origin": "here",
    }
    plain = model.load(own)
    Path("b").write_bytes(
        model.dumps(model.Model.build(plain.config, plain.tensors, "own-2", claims))
    )
    shown = run("models", "show", "./b").stdout.decode()
    assert "0" * 32 not in shown and "base-2" not in shown and "own-2" in shown and "here" in shown
    by_name = run("models", "show", "small-2").stdout
    assert by_name == run("models", "show", models.chain_model("small-2", 3).id.hex()).stdout
    assert b"levels:      4, 5, 6, 7, 8\n" in by_name
    text = run("models", "show", own, "base-2").stdout.decode()
    assert r"three\nlines\x1b" in text and "\x1b" not in text
    damaged = bytearray(own.read_bytes())
    damaged[-1] ^= 1
    own.write_bytes(damaged)
    result = run("models", "show", own, "nobody", "small-2", status=1)
    assert result.stdout == by_name
    assert "id" in errors(result)[0] and "not found" in errors(result)[1]


def test_path(run: Run) -> None:
    """models path: of a model, or where they are looked for"""
    directory = os.environ["TEST_MODELS"]
    assert run("models", "path", "base-2").stdout.decode() == f"{directory}/base-2.safetensors\n"
    places = run("models", "path").stdout.decode().splitlines()
    assert places[0] == directory
    assert places[-1] == f"{os.environ['XDG_DATA_HOME']}/nncomp/models"  # nothing shadows releases
    assert "not found" in errors(run("models", "path", "nobody", status=1))[0]


def test_add(run: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """models add: copies a verified file to the user's data directory"""
    place = Path(os.environ["XDG_DATA_HOME"], "nncomp/models/own-1.safetensors")
    text = models.chained(600)
    packed = run("--model", own, input=text).stdout
    assert models.chain_model("own-1", 3).id[:4] in packed
    (line,) = errors(run("models", "add", own))
    assert line.endswith(f"id {models.chain_model('own-1', 3).id.hex()}, {place}")
    assert place.read_bytes() == own.read_bytes()
    assert run("-d", input=packed).stdout == text
    assert run("--model", "own-1", input=text).stdout == packed
    before = place.stat()
    assert errors(run("models", "add", own)) == [line]  # it is there: fine
    assert place.stat() == before


def test_add_refuses(run: Run, own: Path) -> None:
    """models add: not what is damaged, no model, or another model of the same name"""
    other = Path("other.safetensors")
    other.write_bytes(model.dumps(models.chain_model("own-1")))
    no_model = Path("text")
    no_model.write_bytes(models.text(100))
    damaged = Path("damaged")
    damaged.write_bytes(own.read_bytes()[:-1] + b"?")
    result = run("models", "add", no_model, damaged, own, other, "missing", status=1)
    lines = errors(result)
    assert lines[0].startswith("nncomp: text: ")
    assert lines[1] == "nncomp: damaged: model content does not have the stored id"
    assert lines[2].startswith("some file.safetensors : own-1")
    assert "another model with the name 'own-1'" in lines[3]
    assert lines[4] == "nncomp: missing: No such file or directory"
    assert os.listdir(f"{os.environ['XDG_DATA_HOME']}/nncomp/models") == ["own-1.safetensors"]


def test_pipes_are_no_models(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--model FIFO, and FIFOs where models are looked for: nobody waits for them"""
    os.mkdir("places")
    os.mkfifo("places/nano-1.safetensors")
    os.mkfifo("fifo.safetensors")
    monkeypatch.setenv("NNCOMP_MODELS", f"{os.getcwd()}/places:{os.getcwd()}/fifo.safetensors")
    text = models.chained(600)
    packed = run("-1", input=text).stdout
    assert run("-d", input=packed).stdout == text
    assert run("-d", "--model", "fifo.safetensors", input=packed).stdout == text  # an offer
    assert len(run("models").stdout.splitlines()) == 5
    said = "fifo.safetensors: is not a regular file"
    assert errors(run("--model", "fifo.safetensors", input=text, status=1)) == [f"nncomp: {said}"]
    for command in ("show", "path", "add"):
        (line,) = errors(run("models", command, "fifo.safetensors", status=1))
        assert line.endswith(said)


# ---- manual ----


def test_manual_has_every_command_and_option() -> None:
    """docs/nncomp.1 is written by hand, and must be true."""
    manual = Path(__file__).parent.parent.joinpath("docs/nncomp.1").read_text().replace("\\-", "-")
    ctx = click.Context(cli, **cli.context_settings)
    for command in cli.list_commands(ctx):
        assert re.search(rf"^\.BR? .*\b{command}\b", manual, re.MULTILINE), command
    commands = [cli.get_command(ctx, name) for name in ("compress", "cat")]
    params = [param for command in commands if command is not None for param in command.params]
    names = {name for p in params if isinstance(p, click.Option) for name in p.opts}
    names = {name for name in names if not re.fullmatch(r"-[2-8]", name)}
    for name in names:
        assert re.search(rf"^\.BR? .*(?<![\w-]){name}(?![\w-])", manual, re.MULTILINE), name
    shown = re.findall(r"^\.BR? .*?(--[a-z-]+)", manual, re.MULTILINE)
    assert set(shown) <= names | {"--help"}


def test_no_home(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither HOME nor an entry in passwd: no directory called ~ is looked into, or made"""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert "~" not in run("models", "path").stdout.decode()
    Path("own-1.safetensors").write_bytes(
        model.dumps(models.build(models.TINY, lambda *_: 1, "own-1"))
    )
    (line,) = errors(run("models", "add", "own-1.safetensors", status=1))
    assert "there is no home directory to keep models in" in line
    assert os.listdir() == ["own-1.safetensors"]
