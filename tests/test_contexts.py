"""The table of contexts: what it may say, and that what is written from it is up to date.

That engines agree on what it means is the subject of ``test_mixing.py``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nncomp.contexts.expression import bound, features, parse
from nncomp.contexts.family import BIT, FEATURES, INSTRUCTION, MOST, Family
from nncomp.contexts.table import FAMILIES, FIRST_ROWS
from nncomp.engine.reference.samples import PREDICTIONS
from nncomp.engine.reference.squares import SQUARES
from nncomp.mixing import Contexts
from nncomp.mixing_tables import STRETCH

ROOT = Path(__file__).parents[1]
EACH = pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])


def test_what_is_written_from_the_table_is_up_to_date() -> None:
    command = [sys.executable, ROOT / "tools" / "contexts.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@EACH
def test_families_are_made_of_features_that_exist(family: Family) -> None:
    values = [*family.values(False), *family.values(True)]
    assert {f[0] for value in values for f in features(value)} <= {*FEATURES} - BIT
    assert {f[0] for row in family.row_values() for f in features(row)} <= {*FEATURES}
    assert {*FEATURES} >= BIT | INSTRUCTION


@EACH
def test_families_are_whole(family: Family) -> None:
    """Two orders, then one match or two, then predictions of samples, the network, a constant."""
    count = {kind: family.count(kind) for kind in ("match", "sample")}
    others = ["order 0", "order 1"]
    others += [f"{kind} {i}" for kind in count for i in range(count[kind])]
    assert [i.what for i in family.others] == [*others, "network", "constant"]
    samples = {0: 0, 1: PREDICTIONS - SQUARES, 2: PREDICTIONS}  # of a byte: no shorter ones
    predictions = PREDICTIONS if family.floats else samples[family.width]
    assert count["match"] in (1, 2) and count["sample"] == predictions
    assert family.rows[: len(FIRST_ROWS)] == FIRST_ROWS and len(family.rows) in (
        (14,) if family.full else (4, 7)
    )
    assert 5 <= family.count("context", True) and family.count("context") <= MOST["all_hits"]
    for network in (False, True):
        inputs = family.inputs(network)
        most = (len(inputs) - 1) * int(STRETCH.max()) + 256  # of what weights of 2^15 multiply
        assert family.full or most << 15 < 1 << 31  # or taken modulo 2^32
        assert len({i.what for i in inputs}) == len(inputs)
        assert [i.what for i in inputs if i.what == "network"] == ["network"] * network
        assert all(-32768 <= i.weight(network) <= 32767 for i in inputs)


def test_contexts_that_a_file_names() -> None:
    names = [family.name.upper() for family in FAMILIES if not family.full]
    assert [*Contexts.__members__, "LEAN"] == names


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("word # c1", ("#", ("word",), ("c", 1))),
        ("c1 << 8 | c3 # 4", ("#", ("|", ("<<", ("c", 1), 8), ("c", 3)), 4)),
        ("2P - B + 1", ("+", ("-", ("*", 2, ("P",)), ("B",)), 1)),
        ("a mod 2^8 << 8", ("<<", ("mod", ("a",), 8), 8)),
        ("x >> 4 & 7", ("&", (">>", ("x",), 4), 7)),
        ("[P + 1] # 0x1F", ("#", ("back", ("+", ("P",), 1)), 31)),
        ("min(column, 255)", ("min", ("column",), 255)),
        ("P > 0: o(2), else up(0)", (":", ("P",), 0, ("o", 2), ("up", 0))),
        ("(a # b) # N", ("#", ("#", ("a",), ("b",)), ("back", ("P",)))),
        ("pick(o(2) # k)", ("pick", ("#", ("o", 2), ("k",)))),
    ],
)
def test_the_notation(text: str, tree: object) -> None:
    assert parse(text, {"N": "[P]"}) == tree


@pytest.mark.parametrize(
    "text", ["", "a #", "(a", "[a", "a b", "a mod 3", "a > b", "a ! b", "o(1", ")"]
)
def test_what_is_not_of_the_notation(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ("node", 255),
        ("shape mod 2^4 << 8 | node", 4095),
        ("c1 >> 5 << 6 | 8hits + k", 511),
        ("6*match_class + hits", 143),
        ("min(column, 127) << 3 | k", 1023),
        ("phase > 0: c2 & 7, else 12", 12),
        ("pick(word)", 4095),
    ],
)
def test_how_many_rows_there_are_to_pick_from(row: str, most: int) -> None:
    assert bound(parse(row), MOST) == most


def test_rows_without_a_bound_are_refused() -> None:
    with pytest.raises(KeyError):
        bound(parse("word"), MOST)
