"""CPython's own tests of file modules, run on nncomp behind their names.

They come with the interpreter, in Debian with ``libpython3-testsuite``. Nothing of them is kept
here but the names of those that nncomp means to fail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import upstream
from conformance.suites import BZ2, GZIP, LZMA, ZSTD


@pytest.mark.parametrize(
    "suite",
    [LZMA, *(pytest.param(suite, marks=pytest.mark.slow) for suite in (BZ2, GZIP, ZSTD))],
    ids=lambda s: s.name,
)
def test_fails_only_where_it_means_to(
    suite: upstream.Suite,
    count: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if upstream.find(suite) is None:
        pytest.skip(f"this Python comes without the tests of {suite.name}")
    monkeypatch.chdir(tmp_path)
    report = upstream.run(suite)
    count(f"Python's tests of {suite.name}: {report}")
    if report.unexpected:
        pytest.fail("\n".join(report.unexpected), pytrace=False)
    assert not list(tmp_path.iterdir())
