"""Counts of the suites behind the tests' own, so that one sees what was run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

COUNTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTS] = []


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line for the end of the run."""
    return request.config.stash[COUNTS].append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash[COUNTS]:
        terminalreporter.write_line(line)
