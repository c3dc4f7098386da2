"""Files where the system has no names below an open directory, and removes nothing that is open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pytest

import windows
from commandline import Run
from nncomp import fileio

TIMES = (1_500_000_000_000_000_000, 1_400_000_000_000_000_000)


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows.imitate(monkeypatch)


@pytest.fixture
def source(tmp_path: Path) -> BinaryIO:
    path = tmp_path / "source"
    path.write_bytes(b"source")
    os.utime(path, ns=TIMES)
    return path.open("rb")


def write(path: Path, source: BinaryIO, *, force: bool = False) -> None:
    with fileio.create(str(path), force=force, source=source) as file:
        file.write(b"new")


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


@pytest.mark.parametrize("force", [False, True])
def test_a_new_file(tmp_path: Path, source: BinaryIO, force: bool) -> None:
    target = tmp_path / "target"
    write(target, source, force=force)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mtime_ns == TIMES[1]
    assert names(tmp_path) == ["source", "target"]


def test_a_file_in_the_current_directory(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("target"), source)
    assert names(tmp_path) == ["source", "target"]


def test_an_old_file(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="use -f"):
        write(target, source)
    assert target.read_bytes() == b"old"
    write(target, source, force=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["source", "target"]


@pytest.mark.parametrize("links", [False, True])
def test_a_file_that_appears_meanwhile(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def link(*args: object, **more: object) -> None:
        raise OSError

    target = tmp_path / "target"
    if not links:
        monkeypatch.setattr(os, "link", link)
    with (
        pytest.raises(FileExistsError, match="use -f"),
        fileio.create(str(target), force=False, source=source),
    ):
        target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["source", "target"]


def test_a_failure_leaves_nothing(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    with pytest.raises(ValueError), fileio.create(str(target), force=True, source=source) as file:
        file.write(b"half")
        raise ValueError
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "none" / "target", source)
    assert caught.value.filename == str(tmp_path / "none" / "target")
    assert names(tmp_path) == ["source"]


def test_replacing_by_name(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in (b"old", b"new"):
        with fileio.replacing(str(target)) as temporary:
            Path(temporary).write_bytes(content)
    assert target.read_bytes() == b"new"


def test_directories(tmp_path: Path) -> None:
    fileio.make_directory(f"{tmp_path}/a/b")
    assert (tmp_path / "a" / "b").is_dir()


def test_the_command_line(tmp_path: Path, run: Run) -> None:
    content = b"content " * 100
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(content)
    run("--rm", "-r", "tree")
    assert names(tmp_path / "tree") == ["file.nnc"]
    run("-d", "--rm", "-r", "--output-dir", "back", "tree")
    assert names(tmp_path / "tree") == []
    (file,) = (path for path in (tmp_path / "back").rglob("*") if path.is_file())
    assert file.read_bytes() == content
    assert run("-dc", input=run("-c", input=content).stdout).stdout == content
