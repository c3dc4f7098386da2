"""Classification by compression."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import models
from commandline import Run, errors
from nncomp.engine import native, reference
from nncomp.learn import CompressionClassifier, evaluate
from nncomp.mixing import Contexts, Mixing, Profile

ROOT = Path(__file__).parent.parent
TEXT = models.text(1500)
MIXINGS = (
    Mixing(Profile.LEAN),
    Mixing(Profile.RICH),
    Mixing(Profile.RICH, Contexts.RECORDS, 7),
    Mixing(Profile.RICH, Contexts.CODE),
    Mixing(Profile.RICH, Contexts.PICTURE, 30, 3),
)


@cache
def expected(mixing: Mixing, known: bytes) -> np.ndarray:
    return reference.Primed(known, 512, mixing).costs(TEXT[200:280])


@pytest.mark.parametrize("mixing", MIXINGS, ids=str)
def test_reading_on(mixing: Mixing, kernel: str) -> None:
    """In pieces or at once; what is read is known from then on."""
    parts = [TEXT[:1], b"", TEXT[1:60], TEXT[60:61], TEXT[61:150]]
    primed, slow = (engine.Primed(b"ab", 512, mixing) for engine in (native, reference))
    found = np.concatenate([primed.read(part) for part in parts])
    assert np.array_equal(found, native.Primed(b"ab", 512, mixing).read(TEXT[:150]))
    assert np.array_equal(found[:60], np.concatenate([slow.read(part) for part in parts[:3]]))
    known = native.Primed(b"ab" + TEXT[:60], 512, mixing)
    assert np.array_equal(slow.costs(TEXT[60:90]), known.costs(TEXT[60:90]))
    after = native.Primed(b"ab" + TEXT[:150], 512, mixing).costs(TEXT[150:200])
    assert np.array_equal(primed.costs(TEXT[150:200]), after)
    with pytest.raises(ValueError, match="no room"):
        primed.read(bytes(512 - 152))
    primed.read(bytes(512 - 153))
    assert primed.costs(b"x").shape == (1,)


@pytest.mark.parametrize("mixing", MIXINGS, ids=str)
@pytest.mark.parametrize("known", [b"", TEXT[:150]])
def test_engines(mixing: Mixing, known: bytes, kernel: str) -> None:
    """The stage is copied as it is, as often as it is wanted, and each copy is for itself."""
    primed = native.Primed(known, 512, mixing)
    for _ in range(2):
        assert np.array_equal(primed.costs(TEXT[200:280]), expected(mixing, known))
        primed.costs(models.noise(300))
    assert primed.costs(b"").shape == (0,)
    with pytest.raises(ValueError, match="no room"):
        primed.costs(bytes(513 - len(known)))
    with pytest.raises(ValueError, match="room"):
        native.Primed(bytes(512), 512, mixing)


def test_nothing_known_is_a_block() -> None:
    """Where the room is what the bytes take, that is what they cost in a block."""
    for mixing in MIXINGS[:2]:
        costs = native.Primed(b"", len(TEXT), mixing).costs(TEXT)
        assert np.array_equal(costs, native.cost_rows(None, TEXT, mixing).reshape(-1))


def taught() -> tuple[list[str], list[str]]:
    words = {"red": "fox hen owl cat", "blue": "oak elm ash fir", "gray": "tin zinc gold lead"}
    texts, labels = [], []
    for name, own in words.items():
        for i in range(6):
            order = own.split()[i % 4 :] + own.split()[: i % 4]
            texts.append(" and ".join(order * 4))
            labels.append(name)
    return texts, labels


def test_classes() -> None:
    texts, labels = taught()
    classifier = CompressionClassifier(level=1)
    assert classifier.fit(texts, labels) is classifier
    assert classifier.classes_.tolist() == ["blue", "gray", "red"]
    judged = ["an owl and a hen and a cat", b"gold and zinc and tin", "elm and ash", ""]
    bits = classifier.bits(judged)
    assert bits.shape == (4, 3) and bits[3].tolist() == [0, 0, 0]
    assert classifier.predict(judged).tolist() == ["red", "gray", "blue", "blue"]
    assert np.array_equal(bits.argmin(axis=1), classifier.predict_proba(judged).argmax(axis=1))
    assert classifier.predict_proba(judged).sum(axis=1).tolist() == pytest.approx([1] * 4)
    assert classifier.predict_proba([""])[0].tolist() == pytest.approx([1 / 3] * 3)
    assert classifier.score(texts, labels) == 1.0
    assert classifier.predict([]).shape == (0,)


def test_samples_are_bounded() -> None:
    """However much there is, and however long a text."""
    texts, labels = taught()
    many = [text * 50 for text in texts] * 5
    for sample in (1, 600, 5000):
        classifier = CompressionClassifier(level=1, sample=sample).fit(many, labels * 5)
        assert classifier.bits([b"x" * (1 << 17)]).shape == (1, 3)
    assert classifier.score(texts, labels) == 1.0


def test_parameters() -> None:
    classifier = CompressionClassifier(sample=1000)
    assert classifier.get_params() == {"level": None, "sample": 1000}
    assert CompressionClassifier(**classifier.get_params()).get_params() == classifier.get_params()
    assert classifier.set_params(level=2) is classifier and classifier.level == 2
    with pytest.raises(ValueError, match="not a parameter"):
        classifier.set_params(other=1)
    with pytest.raises(ValueError, match="fit comes first"):
        classifier.predict(["text"])
    for texts, labels in (([], []), (["a"], []), (["a"], ["x", "y"])):
        with pytest.raises(ValueError, match="texts have"):
            classifier.fit(texts, labels)
    with pytest.raises(TypeError):
        classifier.fit([1.5], ["x"])
    for wrong in (0, 1 << 25):
        with pytest.raises(ValueError, match="sample"):
            CompressionClassifier(sample=wrong).fit(["a"], ["x"])


def test_evaluation() -> None:
    texts, labels = taught()
    found = evaluate(CompressionClassifier(level=1), texts, labels, 3, 0)
    assert found.classes == ["blue", "gray", "red"] and found.confusion.sum() == 18
    assert found.accuracy == found.macro_f1 == 1.0
    random = evaluate(CompressionClassifier(level=1), ["same"] * 18, labels, 3, 0)
    assert random.accuracy == 6 / 18 and random.macro_f1 == pytest.approx(0.5 / 3)
    with pytest.raises(ValueError, match="folds"):
        evaluate(CompressionClassifier(), texts, labels, 7, 0)


@pytest.fixture
def classes() -> list[str]:
    """Directories of files, as arguments."""
    texts, labels = taught()
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        place = Path("classes", label, f"{number}.txt")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return [
        word for name in ("red", "blue", "gray") for word in ("--class", f"{name}=classes/{name}")
    ]


def test_command(run: Run, classes: list[str]) -> None:
    Path("x").write_text("zinc and lead")
    Path("y").write_text("fir and oak")
    Path("empty").write_bytes(b"")
    rows = run("classify", "-1", *classes, "x", "y", "empty").stdout.decode().splitlines()
    assert [row.split()[1:] for row in rows[1:]] == [["gray", "x"], ["blue", "y"], ["-", "empty"]]
    result = run("classify", "-1", *classes, "x", "none", "--json", status=1)
    assert errors(result) == ["nncomp: none: No such file or directory"]
    (entry,) = json.loads(result.stdout)
    assert entry["class"] == "gray" == min(entry["bits"], key=entry["bits"].__getitem__)
    assert entry["margin"] > 0.1
    shown = run("classify", "-1", *classes, input=b"owl and cat").stdout.decode()
    assert shown.splitlines()[1].split()[1:] == ["red", "(stdin)"]
    one = ["--class", "a=x", "--class", "b=y"]
    assert "a" in run("classify", "-1", *one, "x").stdout.decode().splitlines()[1].split()


def test_a_large_sample(run: Run) -> None:
    """--sample: as much of a file as it says"""
    Path("a").write_bytes(b"x" * (1 << 20) + b"the quick brown fox jumps over the lazy dog")
    Path("b").write_bytes(b"the lazy dog")
    Path("c").write_bytes(b"quick brown fox jumps over the")
    words = ("classify", "-1", "--class", "a=a", "--class", "b=b", "c")
    assert run(*words).stdout.decode().splitlines()[1].split()[1] == "b"
    assert run(*words, "--sample", "2MiB").stdout.decode().splitlines()[1].split()[1] == "a"


def test_evaluate(run: Run, classes: list[str]) -> None:
    shown = run("classify", "-1", *classes, "--evaluate", "2").stdout.decode().splitlines()
    assert shown[0] == "accuracy 1.0000, macro F1 1.0000" and shown[2].split() == ["blue", *"600"]
    found = json.loads(run("classify", "-1", *classes, "--evaluate", "2", "--json").stdout)
    assert found["accuracy"] == 1.0 and found["confusion"][0] == [6, 0, 0]
    assert errors(run("classify", "-1", *classes, "--evaluate", "9", status=1)) == [
        "nncomp: class blue has 6 texts, and there are 9 folds"
    ]


def test_wrong_usage(run: Run, classes: list[str]) -> None:
    Path("x").write_bytes(b"text")
    Path("empty").mkdir()
    for args in (
        ["x"],
        ["--class", "a=x", "x"],
        ["--class", "a", "--class", "b=x", "x"],
        [*classes, "x", "--evaluate", "2"],
        [*classes, "x", "--sample", "0"],
        [*classes, "x", "--sample", "17MiB"],
        [*classes, "-", "-"],
        ["--class", "a=-", "--class", "b=x"],
        ["--class", "a=-", "--class", "b=-", "x"],
    ):
        run("classify", *args, status=2)
    words = ["--class", "a=x", "--class", "b=empty", "x"]
    assert errors(run("classify", *words, status=1)) == [
        "nncomp: empty: there is no file in it that is not empty"
    ]
    words = ["--class", "a=x", "--class", "b=none", "x"]
    assert errors(run("classify", *words, status=1)) == ["nncomp: none: No such file or directory"]
    assert errors(run("classify", "-1", *classes, "empty", status=1)) == [
        "nncomp: empty: is a directory"
    ]
