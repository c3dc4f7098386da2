"""How far texts are from each other: by all engines alike, and near where they are alike."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import models
from commandline import Run, errors
from nncomp.insight.tree import as_svg, as_text
from nncomp.likeness import Node, distances, joined

TEXTS = [
    models.text(6000)[:3000],
    models.text(6000)[3000:],
    models.noise(1200),
    bytes(range(256)) * 5,
    b"",
]


def test_distances() -> None:
    table = distances(TEXTS)
    assert table.shape == (5, 5) and np.array_equal(table, table.T)
    assert not table.diagonal().any()
    assert table[0, 1] < 0.8 < table[0, 2]  # words of one language; and noise
    assert np.array_equal(table[4, :4], np.ones(4))  # nothing says nothing
    assert table.max() < 1.1
    for threads in (1, 4):
        assert np.array_equal(distances(TEXTS, threads=threads), table)
    assert not distances([TEXTS[0]] * 2).any() and not distances([b""] * 3).any()
    assert distances([]).shape == (0, 0)
    other = TEXTS[0][:700] + models.noise(99)
    assert np.array_equal(distances([TEXTS[0], other], sample=700), np.zeros((2, 2)))


def test_engines(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = [text[:60] for text in TEXTS[:3]]
    found = distances(short, level=1)
    monkeypatch.setenv("NNCOMP_ENGINE", "reference")
    assert np.array_equal(distances(short, level=1), found)


def test_order_changes_nothing() -> None:
    order = [3, 1, 4, 0, 2]
    table, other = distances(TEXTS), distances([TEXTS[i] for i in order])
    assert np.array_equal(table[np.ix_(order, order)], other)


def test_arguments() -> None:
    for wrong in ({"sample": 0}, {"sample": 1 << 25}, {"threads": 0}, {"level": 0}):
        with pytest.raises(ValueError, match=r"least|more than|level"):
            distances([b"a"], **wrong)
    with pytest.raises(TypeError):
        distances(["text"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="nothing"):
        joined(np.empty((0, 0)))


def test_tree() -> None:
    table = np.array([[0, 4, 4, 4], [4, 0, 1, 2], [4, 1, 0, 3], [4, 2, 3, 0]], float)
    tree = joined(table)
    assert tree.texts == (0, 1, 2, 3) and tree.height == 4
    first, other = tree.parts
    assert first == Node((0,), 0.0) and other.texts == (1, 2, 3) and other.height == 2.5
    assert as_text(tree, "abcd") == (
        "4.0000\n├─ a\n└─ 2.5000\n   ├─ 1.0000\n   │  ├─ b\n   │  └─ c\n   └─ d\n"
    )
    assert joined(np.zeros((1, 1))) == Node((0,), 0.0)
    assert joined(np.zeros((3, 3))).texts == (0, 1, 2)


def test_picture() -> None:
    tree = joined(distances(TEXTS))
    picture = as_svg(tree, ["a", "<b>&", "c" * 40, "d", "e"])
    root = ElementTree.fromstring(picture)
    words = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert {*words[:5]} == {"a", "<b>&", "c" * 40, "d", "e"}
    assert len(re.findall("<path", picture)) == 4
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert ElementTree.fromstring(as_svg(joined(np.zeros((2, 2))), "ab")) is not None


def test_a_deep_tree() -> None:
    """A chain, as deep as there are texts."""
    tree = Node((0,), 0.0)
    for i in range(1, 1500):
        tree = Node((*tree.texts, i), float(i), (tree, Node((i,), 0.0)))
    names = [f"n{i}" for i in range(1500)]
    lines = as_text(tree, names).splitlines()
    assert lines[:2] == ["1499.0000", "├─ 1498.0000"] and lines[-1] == "└─ n1499"
    assert as_svg(tree, names).count("<path") == 1499


def test_command(run: Run) -> None:
    names = ["a", "b", "c,d", "e", "none"]
    for name, text in zip(names, TEXTS, strict=True):
        Path(name).write_bytes(text)
    said = run("distance", *names).stdout
    rows = list(csv.reader(io.StringIO(said.decode())))
    assert rows[0] == ["", *names] and [row[0] for row in rows[1:]] == names
    found = np.array([row[1:] for row in rows[1:]], float)
    assert np.array_equal(found, distances(TEXTS).round(6))
    assert run("distance", "-T", "1", *names).stdout == said
    run("distance", *names, "-o", "table.csv")
    assert Path("table.csv").read_bytes() == said
    assert run("distance", *names, "-o", "-").stdout == said and not Path("-").exists()
    tree = run("distance", "--tree", *names).stdout.decode()
    assert tree == as_text(joined(distances(TEXTS)), names)
    run("distance", "--tree", *names, "-o", "tree.svg")
    assert Path("tree.svg").read_text("utf-8") == as_svg(joined(distances(TEXTS)), names)
    assert run("distance", "-", "a", input=TEXTS[0]).stdout == b",-,a\n-,0.000000,0.000000\n" + (
        b"a,0.000000,0.000000\n"
    )


def test_what_goes_wrong(run: Run) -> None:
    Path("a").write_bytes(TEXTS[0])
    Path("d").mkdir()
    for args, said in (
        (["a", "no-such"], "nncomp: no-such: No such file or directory"),
        (["a", "d"], "nncomp: d: is a directory"),
        (["a", "a", "-o", "a"], "nncomp: a: would overwrite one of the files"),
    ):
        result = run("distance", *args, status=1)
        assert errors(result) == [said] and result.stdout == b""
    for args in (
        *(["a"], [], ["a", "a", "-o", "x.svg"], ["a", "a", "--sample", "17M"]),
        ["-", "-"],
    ):
        run("distance", *args, status=2)
    assert not Path("x.svg").exists()
