"""Holes in files where there are pages of zeros."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commandline import Run, limited
from nncomp.api import compress
from nncomp.cli.holes import HoleWriter

PAGE = 4096
PIECES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0, 1, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5]))
)


@given(PIECES)
def test_the_same_content(pieces: list[tuple[bool, int]]) -> None:
    written = [bytes(size) if zeros else b"x" * size for zeros, size in pieces]
    with tempfile.TemporaryFile() as file:
        writer = HoleWriter(file)
        for piece in written:
            assert writer.write(piece) == len(piece)
        writer.end()
        file.seek(0)
        assert file.read() == b"".join(written)


def holes(path: str) -> bool:
    status = os.stat(path)
    return status.st_blocks * 512 < status.st_size // 2


@pytest.mark.parametrize("tail", [b"", b"end", bytes(5000)])
def test_sparse_files(run: Run, tail: bytes) -> None:
    with open("probe", "wb") as file:
        file.truncate(1 << 20)
    content = b"begin" + bytes(1 << 20) + tail
    Path("a.nnc").write_bytes(compress(content))
    run("-d", "a.nnc")
    assert Path("a").read_bytes() == content
    assert holes("a") == holes("probe")
    run("-df", "--no-sparse", "a.nnc")
    assert Path("a").read_bytes() == content and not holes("a")
    assert run("-dc", "a.nnc").stdout == content
    run("-d", "--keep-going", "-o", "b", "a.nnc")
    assert Path("b").read_bytes() == content


def test_a_file_that_is_too_large_is_named(run: Run) -> None:
    Path("a.nnc").write_bytes(compress(bytes(1 << 20)))
    said = run("-d", "-o", "b", "a.nnc", status=1, **limited(1 << 16)).stderr
    assert said == b"nncomp: b: File too large\n"
    assert os.listdir() == ["a.nnc"]


def test_a_descriptor_gets_every_byte(run: Run) -> None:
    Path("a.nnc").write_bytes(compress(bytes(10_000)))
    with open("log", "wb") as log:
        log.write(b"before")
        log.flush()
        run("-d", "-o", "/dev/stdout", "a.nnc", stdout=log)
    assert Path("log").read_bytes() == b"before" + bytes(10_000)
