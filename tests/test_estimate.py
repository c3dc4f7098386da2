"""``nncomp estimate``: close to what comes out, and exact where all was coded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import models
import nncomp
from commandline import Run, errors
from nncomp import estimation
from nncomp.errors import NNCompError

TEXT = models.text(3000)


def rows(*names: str) -> dict[str, estimation.Row]:
    samples = estimation.take([(name, os.path.getsize(name)) for name in names])
    return {row.name: row for row in estimation.estimate(samples)}


def test_small_files_are_coded(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    Path("b").write_bytes(models.noise(2000))
    found = rows("a", "b")
    contents = [Path(name).read_bytes() for name in "ab"]
    for level in range(1, 10):
        row = found[f"-{level}"]
        assert row.exact
        assert row.size == sum(len(nncomp.compress(content, level)) for content in contents)
        assert row.seconds_in >= 0 and row.seconds_out >= 0
        assert row.memory is not None and row.memory > 40 << 20
    assert found["xz -6"].exact and {"xz -6", "xz -9e"} <= {*found}


def test_samples(tmp_path: Path) -> None:
    """No more than a few MiB of whatever there is, and of many files some of each part."""
    files = []
    for number in range(700):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number % 251]) * (100 + 97 * (number % 89)))
        files.append((str(path), path.stat().st_size))
    samples = estimation.take(files)
    assert samples.size == sum(size for _, size in files)
    assert sum(map(len, samples.heads)) <= sum(map(len, samples.runs)) <= 3 << 19
    assert len({run[:1] for run in samples.runs}) > 150
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 36)  # more than memory
        file.seek(1 << 35)
        file.write(TEXT)
    samples = estimation.take([(str(large), 1 << 36)])
    assert samples.seen <= 1 << 24 and 3 <= len(samples.runs) <= 4
    assert all(len(run) <= 3 << 17 for run in samples.runs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "records"])
def test_large_files_are_estimated(run: Run, kind: str) -> None:
    data = models.text(400_000)
    if kind == "records":
        data = b"".join(b"%09d,%03d;" % (n * n, b) for n, b in enumerate(models.noise(25_000)))
    Path("x").write_bytes(data)
    found = rows("x")
    assert found["-2"].exact and found["-2"].size == len(nncomp.compress(data, 2))
    for level in (1, 3):
        real = len(nncomp.compress(data, level))
        assert abs(found[f"-{level}"].size - real) < 0.12 * real


def test_command(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    Path("none").write_bytes(b"")
    result = run("estimate", "a", "none")
    assert errors(result) == ["nncomp: none: is empty; left out"]
    lines = result.stdout.decode().splitlines()
    assert lines[0] == "1 file, 3,000 bytes" and lines[2].startswith("-1 ") and "~" not in lines[2]
    found: Any = json.loads(run("estimate", "--json", "a").stdout)
    assert found["size"] == found["sampled"] == 3000 and found["files"] == 1
    sizes = {entry["name"]: entry["size"] for entry in found["estimates"]}
    assert sizes["-5"] == len(nncomp.compress(TEXT))


def test_a_file_that_has_become_empty(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    with pytest.raises(NNCompError, match="empty"):
        estimation.take([(str(path), 4096)])


def test_what_goes_wrong(run: Run) -> None:
    Path("empty").write_bytes(b"")
    Path("d").mkdir()
    os.mkfifo("pipe")
    for args, said in (
        (["no-such"], "nncomp: no-such: No such file or directory"),
        (["d"], "nncomp: d: Is a directory; use -r"),
        (["-"], "nncomp: (stdin): standard input cannot be sampled: it takes a file"),
        (["pipe"], "nncomp: pipe: is not a regular file; give it as standard input"),
        (["empty"], "nncomp: there is nothing to estimate: the files are empty"),
    ):
        assert errors(run("estimate", *args, status=1)) == [said]
    run("estimate", status=2)
    Path("a").write_bytes(b"some text\n")
    result = run("estimate", "a", "no-such", status=1)
    assert b"1 file, 10 bytes" in result.stdout
