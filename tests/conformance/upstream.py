"""Runs CPython's tests of a module on another one that stands for it, and sorts what comes out."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
import traceback
import unittest
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from unittest import mock

Listed = Mapping[str, Collection[str]]  # reason → tests, as in "FileTestCase.test_read"


@dataclass(frozen=True)
class Suite:
    """One of CPython's test modules, and what is known of how nncomp fares in it."""

    name: str  # of the module that is tested
    modules: Collection[str]  # of tests: where they are in one version of Python or another
    standins: Mapping[str, str]  # what the tests import, and what stands for it
    prepare: Callable[[ModuleType], None]  # replaces data that is stored in the tested format
    differences: Listed  # tests that fail
    left_out: Listed  # tests, and classes of them, that are not run
    varying: Collection[str] = ()  # of both, those that some versions of Python have not, or pass


@dataclass
class Report:
    """How the tests of a suite went."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)  # tracebacks
    skipped: dict[str, str] = field(default_factory=dict)  # by the tests themselves, why
    left_out: set[str] = field(default_factory=set)
    expected: set[str] = field(default_factory=set)  # of those that failed
    unexpected: list[str] = field(default_factory=list)  # what, and why

    def __str__(self) -> str:
        return (
            f"{len(self.passed) + len(self.failed)} run, {len(self.passed)} passed, "
            f"{len(self.expected)} expected differences, {len(self.unexpected)} unexpected; "
            f"{len(self.skipped)} skipped, {len(self.left_out)} left out"
        )


def find(suite: Suite) -> str | None:
    """The first of the suite's modules that there is."""
    for name in suite.modules:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
            return name
    return None


def run(suite: Suite) -> Report:
    """Run the suite in the current directory, where its tests leave nothing.

    Raises ``ModuleNotFoundError`` where this Python comes without the tests.
    """
    module = _load(suite)
    tests = {_name(test): test for test in _tests(module)}
    listed = _by_name(suite.left_out)
    left_out = {name for name in tests if listed.keys() & {name, _class(name)}}
    result = _Result()
    with _replaced({module.__name__: module}), result.errors_elsewhere():
        unittest.TestSuite(tests[name] for name in tests if name not in left_out).run(result)
    report = Report(failed=result.failed, skipped=result.skipped, left_out=left_out)
    report.passed = result.started - result.failed.keys() - result.skipped.keys()
    _judge(report, suite, {*tests, *map(_class, tests)})
    return report


def _load(suite: Suite) -> ModuleType:
    """A new copy of the tests' module that has found the stand-ins."""
    name = find(suite)  # by now, what the tests need has found the real modules
    if name is None:
        raise ModuleNotFoundError(f"no tests of {suite.name} in {', '.join(suite.modules)}")
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    standins = {name: importlib.import_module(by) for name, by in suite.standins.items()}
    with _replaced(standins):
        spec.loader.exec_module(module)
    suite.prepare(module)
    return module


@contextlib.contextmanager
def _replaced(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """What is imported under these names; whatever else is imported meanwhile stays."""
    real = {name: importlib.import_module(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        sys.modules.update(real)


def _tests(module: ModuleType) -> Iterator[unittest.TestCase]:
    for tests_of_class in unittest.defaultTestLoader.loadTestsFromModule(module):
        assert isinstance(tests_of_class, unittest.TestSuite)
        for test in tests_of_class:
            assert isinstance(test, unittest.TestCase)
            yield test


def _name(test: Any) -> str:
    """That of a test, or of the one that a subtest belongs to."""
    return ".".join(getattr(test, "test_case", test).id().split(".")[-2:])


def _class(name: str) -> str:
    return name.partition(".")[0]


class _Result(unittest.TestResult):
    """What happened to each test."""

    def __init__(self) -> None:
        super().__init__()
        self.started: set[str] = set()
        self.failed: dict[str, str] = {}
        self.skipped: dict[str, str] = {}  # type: ignore[assignment]
        self._current = "before all tests"

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._current = _name(test)
        self.started.add(self._current)

    def addError(self, test: Any, error: Any) -> None:
        self._note(_name(test), *error)

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:
        if error is not None:
            self._note(_name(test), *error)

    def addSkip(self, test: Any, reason: str) -> None:
        self.skipped[_name(test)] = reason

    @contextlib.contextmanager
    def errors_elsewhere(self) -> Iterator[None]:
        """Errors in threads and finalisers, which unittest passes over, are the test's too."""

        def note(error: Any) -> None:
            self._note(self._current, error.exc_type, error.exc_value, error.exc_traceback)

        with mock.patch.object(threading, "excepthook", note):
            with mock.patch.object(sys, "unraisablehook", note):
                yield

    def _note(self, name: str, *error: Any) -> None:
        self.failed.setdefault(name, "".join(traceback.format_exception(*error)))


def _by_name(listed: Listed) -> dict[str, str]:
    return {name: reason for reason, names in listed.items() for name in names}


def _judge(report: Report, suite: Suite, present: Collection[str]) -> None:
    """Compare with what is expected."""
    differences = _by_name(suite.differences)
    report.expected = report.failed.keys() & differences.keys()
    for name in sorted(report.failed.keys() - differences.keys()):
        report.unexpected.append(f"{name} fails:\n{report.failed[name]}")
    for name, reason in {**differences, **_by_name(suite.left_out)}.items():
        if name in suite.varying:
            continue
        if name in report.passed:
            report.unexpected.append(f"{name} passes, and is listed: {reason}")
        elif name not in present:
            report.unexpected.append(f"{name} does not exist, and is listed: {reason}")
