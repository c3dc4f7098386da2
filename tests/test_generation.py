"""What a decoder makes of noise: the same on every engine, and what the program expects."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import log2
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import nncomp
from commandline import Run, Terminal, errors
from nncomp import _native, generation
from nncomp.engine import MAX_POWER, PLAIN, native, reference
from nncomp.engine.reference.coder import tempered
from nncomp.errors import FormatError
from nncomp.mixing import Mixing, Profile
from nncomp.model import Model

ROOT = Path(__file__).parent.parent
TEXT = models.text(2000)


POWERS = (PLAIN, 1, 40_000, 3 * PLAIN, MAX_POWER)


def continued(
    model: Model | None,
    known: bytes,
    payload: bytes,
    count: int,
    size: int,
    mixing: Mixing,
    power: int = PLAIN,
) -> bytes:
    decoding = native.start_decoding(model, [payload], size, mixing, 1, known, power)
    decoding.decode(len(known) + count)
    assert decoding.part(0, len(known)) == known
    return decoding.part(len(known), count)


@cache
def expected(model: Model | None, known: bytes, mixing: Mixing, power: int = PLAIN) -> bytes:
    noise = generation.noise(3, 1000)
    return reference.continue_block(model, known, noise, 60, 4096, mixing, power)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
@pytest.mark.parametrize("profile", list(Profile), ids=str)
@pytest.mark.parametrize("known", [b"", b"a", TEXT[:150]])
def test_engines(model: Model | None, profile: Profile, known: bytes, kernel: str) -> None:
    mixing = Mixing(profile)
    payload = generation.noise(3, 1000)
    assert continued(model, known, payload, 60, 4096, mixing) == expected(model, known, mixing)


@pytest.mark.parametrize("model", [None, models.tiny()], ids=["alone", "network"])
@pytest.mark.parametrize("power", POWERS)
def test_engines_at_any_temperature(model: Model | None, power: int, kernel: str) -> None:
    mixing, known = Mixing(Profile.RICH), TEXT[:80]
    found = continued(model, known, generation.noise(3, 1000), 60, 4096, mixing, power)
    assert found == expected(model, known, mixing, power)


PROBABILITIES = st.integers(1, (1 << 22) - 1)


@given(PROBABILITIES, st.integers(1, MAX_POWER))
@settings(deadline=None)
def test_tempered(p: int, power: int) -> None:
    """As floating point has it, within a unit; both engines alike; either bit alike."""
    found = tempered(p, power)
    assert found == _native.tempered(p, power)
    assert tempered((1 << 22) - p, power) == (1 << 22) - found
    odds = min(300.0, abs(log2(p / ((1 << 22) - p)) * power / PLAIN))
    less = min(found, (1 << 22) - found)
    assert abs(less - max(1.0, (1 << 22) / (1 + 2**odds))) <= 1.5
    assert found == p or abs(found - p) <= 2 or (found > p) == ((p > 1 << 21) == (power > PLAIN))


def test_tempered_of_what_cannot_be() -> None:
    for p, power in ((0, 1), (1 << 22, 1), (1, 0), (1, MAX_POWER + 1)):
        with pytest.raises(ValueError, match="out of range"):
            _native.tempered(p, power)
    for power in (0, MAX_POWER + 1):
        with pytest.raises(ValueError, match="power"):
            native.start_decoding(None, [b""], 9, Mixing(Profile.LEAN), 1, b"", power)


def test_temperature() -> None:
    """What is likely comes more often below 1: it costs less, and seldom has what was not there."""
    made = {
        t: nncomp.generate(1500, model="none", prime=TEXT, temperature=t) for t in (0, 0.5, 1, 3)
    }
    assert made[1] == nncomp.generate(1500, model="none", prime=TEXT)
    half = nncomp.generate(1500, model="none", prime=TEXT, temperature=Fraction(1, 2))
    assert half == made[0.5] != made[1]
    bits = {t: nncomp.costs(TEXT + text, model="none")[-1500:].sum() for t, text in made.items()}
    assert bits[0] < bits[0.5] < bits[1] < bits[3]
    assert nncomp.generate(300, model="none", prime=TEXT, temperature=0, seed=9) == made[0][:300]


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
    several = [nncomp.generate(300, model="none", prime=TEXT, seed=seed) for seed in range(8)]
    made = [word for one in several for word in one.split()[1:-1]]
    assert sum(word in words for word in made) > 0.8 * len(made)  # it goes on as it was


def test_until() -> None:
    whole = nncomp.generate(400, model="none", prime=TEXT)
    for end in (whole[70:73], whole[:1], whole[60:68], whole[120:200]):
        stopped = nncomp.generate(400, model="none", prime=TEXT, until=end)
        assert stopped == whole[: whole.index(end) + len(end)]
    assert nncomp.generate(400, model="none", prime=TEXT, until=b"\xff\xfe\xfd") == whole


def test_what_it_expects_costs_what_it_should() -> None:
    """Each bit as often as expected: what is generated takes as many bits as were decoded. It
    believes itself, so some of it soon repeats: of several seeds, the mean."""
    size = 3000

    def cost(text: bytes) -> float:
        return float(nncomp.costs(TEXT + text, model="none")[len(TEXT) :].sum())

    made = [nncomp.generate(size, model="none", prime=TEXT, seed=seed) for seed in range(12)]
    assert 0.5 < sum(map(cost, made)) / len(made) / cost(models.text(size, 5)) < 2


def test_noise() -> None:
    assert generation.noise(1, 50) == generation.noise(1, 99)[:50] != generation.noise(2, 50)


def test_arguments() -> None:
    hot = [{"temperature": t} for t in (-0.1, 100.5, float("nan"), float("inf"))]
    for wrong in (
        {"size": -1},
        {"seed": -1},
        {"until": b""},
        {"size": 1 << 26},
        {"level": 0},
        *hot,
    ):
        with pytest.raises(ValueError, match=r"least|no bytes|more than|level|temperature"):
            nncomp.generate(**{"size": 1, **wrong})  # type: ignore[arg-type]
    for wrong in (
        {"size": 1.5},
        {"prime": "text"},
        {"until": "text"},
        {"seed": None},
        {"temperature": "1"},
    ):
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
    assert run("generate", "--prime", "x.txt", "--model", "none", "-o", "-").stdout == made
    assert not Path("-").exists()
    end = made[50:54].decode()
    words = ("generate", "--prime", "x.txt", "--model", "none", "--until", end)
    assert run(*words).stdout == made[: made.index(end.encode()) + 4]
    assert run("generate", "-n", "20", "--seed", "5").stdout == nncomp.generate(20, seed=5)
    assert run("generate", "-n", "0").stdout == b""
    cold = run("generate", "--prime", "x.txt", "--model", "none", "--temperature", ".70").stdout
    tenths = Fraction(7, 10)
    assert cold == nncomp.generate(1000, model="none", prime=TEXT, temperature=tenths)


def test_on_a_terminal(run: Run, terminal: Terminal) -> None:
    """Characters are whole, wherever a piece of what is generated ends; what moves a cursor is
    escaped."""
    Path("a").write_text("あいうえお\x1b[2J" * 100, "utf-8")
    args = [
        "generate",
        "-1",
        "--model",
        "none",
        "--prime",
        "a",
        "--temperature",
        "0.1",
        "-n",
        "300",
    ]
    made = run(*args).stdout
    assert made.count("う".encode()) > 5
    run(*args, stdout=terminal.slave)
    shown = terminal.seen.decode() if terminal.text() else ""
    whole = made.decode("utf-8", "backslashreplace")
    assert shown.replace("\r\n", "\n") == whole.replace("\x1b", "\\x1b") + "\n"


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
    for temperature in ("", "warm", "-1", "100.1", "1e1", "nan", "0x1", "1/2"):
        args = ["--temperature", temperature]
        run("generate", *args, status=2)
    assert Path("x").read_bytes() == TEXT


def test_a_model_that_a_file_embeds(run: Run) -> None:
    """It is as good as its own file; what embeds none says so."""
    model = models.chain_model("own", 7)
    text = models.chained(2000)
    Path("x.nnc").write_bytes(nncomp.compress(text, model=model, embed_model=True))
    made = nncomp.generate(300, model=model, prime=text[:100])
    for path in ("x.nnc", Path("x.nnc")):
        assert nncomp.generate(300, model=path, prime=text[:100]) == made
    assert run("generate", "-n", "50", "--model", "x.nnc").stdout == nncomp.generate(
        50, model=model
    )
    whole = nncomp.compress(text, model=model, embed_model=True)
    assert nncomp.compress(text, model="x.nnc", embed_model=True) == whole
    Path("y.nnc").write_bytes(nncomp.compress(text, model="x.nnc"))
    with pytest.raises(nncomp.ModelNotFoundError):
        nncomp.decompress(Path("y.nnc").read_bytes())
    assert nncomp.decompress(Path("y.nnc").read_bytes(), model="x.nnc") == text
    Path("none.nnc").write_bytes(nncomp.compress(text, model="none"))
    Path("cut.nnc").write_bytes(whole[:500])
    Path("text.nnc").write_bytes(b"text")
    for name, said in (
        ("y.nnc", "no model is embedded in it; it names own"),
        ("none.nnc", "no model is embedded in it"),
        ("text.nnc", "not an .nnc file"),
        ("no-such.nnc", "No such file or directory"),
        ("cut.nnc", "the compressed data ended before the end-of-stream marker was reached"),
    ):
        result = run("generate", "--model", name, status=1)
        assert errors(result) == [f"nncomp: {name}: {said}"] and result.stdout == b""
