"""The judge of other suites' results must itself notice what it is for."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import upstream

TESTS = """
import threading
import unittest
import colorsys as subject


class A(unittest.TestCase):
    def test_right(self):
        self.assertEqual(subject.ANSWER, 42)

    def test_wrong(self):
        self.assertEqual(subject.ANSWER, 43)

    def test_part(self):
        with self.subTest(1):
            self.assertEqual(subject.ANSWER, 43)

    def test_in_a_thread(self):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    def test_in_a_finaliser(self):
        class Dying:
            def __del__(self):
                1 / 0
        Dying()

    @unittest.skip("not today")
    def test_skipped(self):
        pass


class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.answer = subject.ANSWER

    def test_set_up(self):
        self.assertEqual(self.answer, STORED)


class C(unittest.TestCase):
    def test_of_others(self):
        subject.of_others()
"""
FAILING = ("A.test_wrong", "A.test_part", "A.test_in_a_thread", "A.test_in_a_finaliser")


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[upstream.Suite]:
    (tmp_path / "tests_of_colorsys.py").write_text("STORED = 42\n" + TESTS)
    (tmp_path / "stands_for_colorsys.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield upstream.Suite(
        "colorsys",
        ("tests_of_colorsys.inner", "tests_of_colorsys"),
        {"colorsys": "stands_for_colorsys"},
        lambda tests: None,
        differences={"it is 42": FAILING},
        left_out={"of others": ("C",)},
    )
    for name in ("tests_of_colorsys", "stands_for_colorsys"):
        sys.modules.pop(name, None)


def test_all_as_expected(suite: upstream.Suite) -> None:
    report = upstream.run(suite)
    assert str(report) == (
        "6 run, 2 passed, 4 expected differences, 0 unexpected; 1 skipped, 1 left out"
    )
    assert report.passed == {"A.test_right", "B.test_set_up"}
    assert report.failed.keys() == set(FAILING)
    assert report.skipped == {"A.test_skipped": "not today"}
    assert not hasattr(sys.modules["colorsys"], "ANSWER")


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_that_is_not_listed(suite: upstream.Suite, name: str) -> None:
    others = {"it is 42": set(FAILING) - {name}}
    (line,) = upstream.run(dataclasses.replace(suite, differences=others)).unexpected
    assert line.startswith(f"{name} fails:\nTraceback")


@pytest.mark.parametrize(
    ("name", "problem"), [("A.test_right", "passes"), ("A.test_gone", "does not exist")]
)
def test_a_difference_that_is_none(suite: upstream.Suite, name: str, problem: str) -> None:
    listed = {"it is 42": FAILING, "old": (name,)}
    stale = dataclasses.replace(suite, differences=listed)
    assert upstream.run(stale).unexpected == [f"{name} {problem}, and is listed: old"]
    assert not upstream.run(dataclasses.replace(stale, varying=(name,))).unexpected


def test_what_is_left_out_exists(suite: upstream.Suite) -> None:
    gone = dataclasses.replace(suite, left_out={"of others": ("C", "D")})
    assert upstream.run(gone).unexpected == ["D does not exist, and is listed: of others"]


def test_tests_that_are_not_there(suite: upstream.Suite) -> None:
    assert upstream.find(suite) == "tests_of_colorsys"
    missing = dataclasses.replace(suite, modules=("tests_of_nothing", "no.such"))
    assert upstream.find(missing) is None
    with pytest.raises(ModuleNotFoundError, match="tests of colorsys"):
        upstream.run(missing)


def test_stored_data_is_replaced(suite: upstream.Suite) -> None:
    replaced = dataclasses.replace(suite, prepare=lambda tests: setattr(tests, "STORED", 41))
    (line,) = upstream.run(replaced).unexpected
    assert line.startswith("B.test_set_up fails:")
