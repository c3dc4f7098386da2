"""What a decoder makes of noise: the same on every engine, and what the program expects."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import click
import pytest

import models
import nncomp
from commandline import Run, errors
from nncomp import generation
from nncomp.cli.main import cli
from nncomp.engine import native, reference
from nncomp.errors import FormatError
from nncomp.mixing import Mixing, Profile
from nncomp.model import Model

ROOT = Path(__file__).parent.parent
TEXT = models.text(2000)


def continued(
    model: Model | None, known: bytes, payload: bytes, count: int, size: int, mixing: Mixing
) -> bytes:
    decoding = native.start_decoding(model, [payload], size, mixing, 1, known)
    decoding.decode(len(known) + count)
    assert decoding.part(0, len(known)) == known
    return decoding.part(len(known), count)


@cache
def expected(model: Model | None, known: bytes, mixing: Mixing) -> bytes:
    return reference.continue_block(model, known, generation.noise(3, 1000), 60, 4096, mixing)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
@pytest.mark.parametrize("profile", list(Profile), ids=str)
@pytest.mark.parametrize("known", [b"", b"a", TEXT[:150]])
def test_engines(model: Model | None, profile: Profile, known: bytes, kernel: str) -> None:
    mixing = Mixing(profile)
    payload = generation.noise(3, 1000)
    assert continued(model, known, payload, 60, 4096, mixing) == expected(model, known, mixing)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
def test_a_payload_without_what_is_known(model: Model | None) -> None:
    """A block ends as any other; what is known has cost nothing, and makes the rest cheaper."""
    with pytest.raises(FormatError, match="left over"):
        decoding = native.start_decoding(model, [generation.noise(0, 99)], 20, Mixing(2), 1, b"abc")
        decoding.finish()
    with pytest.raises(FormatError, match="too early"):
        native.start_decoding(model, [b"\x80\x01"], 2000, Mixing(2), 1, b"abc").finish()
    for payloads, known in (([b"", b""], b"a"), ([b""], b"abcd"), ([b""], b"abc")):
        with pytest.raises(ValueError, match=r"known|lanes"):
            native.start_decoding(model, payloads, 3, Mixing(Profile.LEAN), 1, known)


def test_generate() -> None:
    whole = nncomp.generate(300, model="none", prime=TEXT)
    assert len(whole) == 300 and whole == nncomp.generate(300, model="none", prime=TEXT, level=5)
    assert nncomp.generate(100, model="none", prime=TEXT) == whole[:100]
    assert nncomp.generate(5000, model="none", prime=TEXT)[:300] == whole
    assert nncomp.generate(300, model="none", prime=TEXT, seed=1) != whole
    assert nncomp.generate(0) == b""
    assert nncomp.generate(50) != nncomp.generate(50, level=1)
    words = {*TEXT.split()}
    made = whole.split()[1:-1]
    assert sum(word in words for word in made) > 0.8 * len(made)  # it goes on as it was


def test_until() -> None:
    whole = nncomp.generate(400, model="none", prime=TEXT)
    for end in (whole[70:73], whole[:1], whole[60:68], whole[120:200]):
        stopped = nncomp.generate(400, model="none", prime=TEXT, until=end)
        assert stopped == whole[: whole.index(end) + len(end)]
    assert nncomp.generate(400, model="none", prime=TEXT, until=b"\xff\xfe\xfd") == whole


def test_what_it_expects_costs_what_it_should() -> None:
    """Each bit as often as expected: what is generated takes as many bits as were decoded."""
    size = 3000
    made = nncomp.generate(size, model="none", prime=TEXT)
    costs = nncomp.costs(TEXT + made, model="none")[len(TEXT) :]
    other = nncomp.costs(TEXT + models.text(size, 5), model="none")[len(TEXT) :]
    assert 0.5 < costs.sum() / other.sum() < 2


def test_noise() -> None:
    assert generation.noise(1, 50) == generation.noise(1, 99)[:50] != generation.noise(2, 50)


def test_arguments() -> None:
    for wrong in ({"size": -1}, {"seed": -1}, {"until": b""}, {"size": 1 << 26}, {"level": 0}):
        with pytest.raises(ValueError, match=r"least|no bytes|more than|level"):
            nncomp.generate(**{"size": 1, **wrong})  # type: ignore[arg-type]
    for wrong in ({"size": 1.5}, {"prime": "text"}, {"until": "text"}, {"seed": None}):
        with pytest.raises(TypeError):
            nncomp.generate(**{"size": 1, **wrong})  # type: ignore[arg-type]
    with pytest.raises(nncomp.ModelNotFoundError):
        nncomp.generate(1, model="no-such-model")


def test_command(run: Run) -> None:
    Path("x.txt").write_bytes(TEXT)
    made = run("generate", "--prime", "x.txt", "--model", "none").stdout
    assert made == nncomp.generate(1000, model="none", prime=TEXT)
    assert run("generate", "--prime", "-", "--model", "none", input=TEXT).stdout == made
    run("generate", "-n", "1KiB", "--prime", "x.txt", "--model", "none", "-o", "y")
    assert Path("y").read_bytes()[:1000] == made and len(Path("y").read_bytes()) == 1024
    end = made[50:54].decode()
    words = ("generate", "--prime", "x.txt", "--model", "none", "--until", end)
    assert run(*words).stdout == made[: made.index(end.encode()) + 4]
    assert run("generate", "-n", "20", "--seed", "5").stdout == nncomp.generate(20, seed=5)
    assert run("generate", "-n", "0").stdout == b""


def test_what_goes_wrong(run: Run) -> None:
    Path("x").write_bytes(TEXT)
    Path("d").mkdir()
    for args, said in (
        (["--prime", "no-such"], "nncomp: no-such: No such file or directory"),
        (["--prime", "d"], "nncomp: d: is a directory"),
        (["-o", "x"], "nncomp: x: already exists; use -f to overwrite"),
        (["-fo", "x", "--prime", "x"], "nncomp: x: would overwrite the text to continue"),
        (["-n", "64M"], f"nncomp: more than {(1 << 26) - 1} bytes together cannot be generated"),
    ):
        assert errors(run("generate", *args, status=1)) == [said]
    for args in (["-n", "many"], ["--until", ""], ["--seed", "-1"], ["file"]):
        run("generate", *args, status=2)
    assert Path("x").read_bytes() == TEXT


def test_manual() -> None:
    """It has every option, and no other."""
    command = cli.get_command(click.Context(cli), "generate")
    assert command is not None
    known = {name for param in command.params for name in param.opts if name[0] == "-"}
    text = ROOT.joinpath("docs/nncomp-generate.1").read_text("utf-8").replace("\\-", "-")
    heads = re.findall(r"^\.TP\n\.BR? (.*)$", text, re.MULTILINE)
    named = {name for head in heads for name in re.findall(r"(?<![\w-])--?\w[\w-]*", head)}
    assert named == known - {f"-{level}" for level in range(2, 9)} | {"-h", "--help"}
