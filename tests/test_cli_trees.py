"""Directories: -r takes the files in them, --output-dir lays a tree as 'cp -r' would."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

import models
from commandline import Run, errors
from nncomp.api import compress, decompress

TEXT = models.chained(1000)


def files(directory: str = ".") -> list[str]:
    """Everything that is no directory, sorted."""
    return sorted(
        os.path.relpath(os.path.join(parent, name), directory)
        for parent, _, names in os.walk(directory)
        for name in names
    )


@pytest.fixture
def tree(run: Run) -> None:
    for name in ("t/b", "t/a", "t/deep/er/c", "t/done.nnc"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(compress(TEXT) if name.endswith(".nnc") else TEXT + name.encode())
    os.symlink("a", "t/link")
    os.symlink("..", "t/loop")
    os.mkfifo("t/fifo")
    os.mkdir("t/empty")


@pytest.mark.usefixtures("tree")
def test_tree_and_back(run: Run) -> None:
    """-r: regular files only, sorted, those that are compressed already left alone"""
    before = files()
    result = run("-r", "t")
    shown = [line.split(" : ")[0] for line in errors(result)]
    assert shown == ["t/a", "t/b", "t/deep/er/c", "3 files"]
    assert set(files()) - set(before) == {"t/a.nnc", "t/b.nnc", "t/deep/er/c.nnc"}
    for name in ("a", "b", "deep/er/c"):
        assert decompress(Path(f"t/{name}.nnc").read_bytes()) == TEXT + f"t/{name}".encode()
        os.unlink(f"t/{name}")
    run("-d", "-r", "t", "-q")
    assert set(files()) - set(before) == {"t/a.nnc", "t/b.nnc", "t/deep/er/c.nnc", "t/done"}
    assert "4 files" in errors(run("-tr", "t"))[-1]
    for args in (["-l", "-r"], ["list", "-r"], ["info", "--recursive"], ["test", "-r"]):
        found = json.loads(run(*args, "--json", "t").stdout)
        assert [entry["name"] for entry in found] == [
            f"t/{name}.nnc" for name in ("a", "b", "done", "deep/er/c")
        ]


@pytest.mark.usefixtures("tree")
def test_output_directory_mirrors_trees(run: Run) -> None:
    """--output-dir: as cp -r"""
    Path("x").write_bytes(TEXT)
    run("-r", "t", "x", "--output-dir", "out/new")
    assert files("out/new") == ["t/a.nnc", "t/b.nnc", "t/deep/er/c.nnc", "x.nnc"]
    run("-dr", "out/new/t", "out/new/x.nnc", "--output-dir=back")
    assert files("back") == ["t/a", "t/b", "t/deep/er/c", "x"]
    assert Path("back/t/deep/er/c").read_bytes() == Path("t/deep/er/c").read_bytes()
    os.chdir("t")
    run("-r", ".", "--output-dir", "packed", "-q")  # what appears meanwhile is not taken
    assert files("packed") == ["a.nnc", "b.nnc", "deep/er/c.nnc"]
    run("-r", "../t/deep/", "--output-dir", "../other")
    assert files("../other") == ["deep/er/c.nnc"]


@pytest.mark.usefixtures("tree")
def test_two_inputs_for_one_output(run: Run) -> None:
    """Neither silently overwrites the other, even with -f."""
    os.mkdir("u")
    Path("u/a").write_bytes(b"another")
    for force in ([], ["-f"]):
        result = run("t/a", "u/a", "--output-dir", "out", *force, status=1)
        assert errors(result)[1] == "nncomp: u/a: has the same output as t/a"
        assert decompress(Path("out/a.nnc").read_bytes()) == Path("t/a").read_bytes()
        os.unlink("out/a.nnc")


@pytest.mark.parametrize(
    "args",
    [
        "--output-dir d -c x",
        "--output-dir d -o y x",
        "--output-dir d -o - x",
        "--output-dir d",
        "--output-dir d -",
        "-r t -o y",
    ],
)
@pytest.mark.usefixtures("tree")
def test_wrong_usage(run: Run, args: str) -> None:
    """--output-dir needs named inputs and names all outputs itself; -o is for one input"""
    Path("x").write_bytes(TEXT)
    before = files()
    run(*args.split(), status=2)
    assert files() == before and not Path("d").exists()


@pytest.mark.usefixtures("tree")
def test_rm_in_a_tree(run: Run) -> None:
    """-r --rm: each file by itself; what failed stays"""
    os.link("t/b", "t/second")
    assert "hard link" in errors(run("-r", "--rm", "t", status=1))[1]
    regular = [name for name in files("t") if name not in ("link", "loop", "fifo")]
    assert regular == ["a.nnc", "b", "deep/er/c.nnc", "done.nnc", "second"]


def test_nothing_to_do(run: Run) -> None:
    """-r and a directory without files is not an error, unless a file is to come out of it"""
    os.mkdir("d")
    run("-r", "d", "-o", "x", status=2)
    for args in (["-r"], ["-dr"], ["-tr"], ["-lr"]):
        result = run(*args, "d")
        assert result.stdout == result.stderr == b""
    assert json.loads(run("-lr", "--json", "d").stdout) == []


@pytest.mark.usefixtures("tree")
def test_what_cannot_be_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """-r: a directory that cannot be read is an error, the rest is done"""
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("er"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (line,) = errors(run("-rq", "t", status=1))
    assert line == "nncomp: t/deep/er: Permission denied"
    assert Path("t/a.nnc").exists()


@pytest.mark.usefixtures("tree")
def test_what_cannot_be_examined(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """-r: a file whose status cannot be had is an error, not passed over; the rest is done"""
    original = os.lstat

    def lstat(path: str, **more: object) -> object:
        if str(path) == "t/b":
            raise PermissionError(13, "Permission denied", path)
        return original(path, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "lstat", lstat)
    assert errors(run("-rq", "t", status=1)) == ["nncomp: t/b: Permission denied"]
    assert Path("t/a.nnc").exists() and Path("t/deep/er/c.nnc").exists()


def test_paths_that_are_too_long(run: Run) -> None:
    """-r: what lies too deep to be opened is named"""
    here = os.getcwd()
    top = tempfile.mkdtemp(dir=here)  # not the working directory, which the tests search
    os.chdir(top)
    for _ in range(20):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    Path("a").write_bytes(TEXT)
    os.mkdir(f"{here}/empty")
    os.chdir(f"{here}/empty")
    Path(top, "a").write_bytes(TEXT)
    (line,) = errors(run("-rq", top, status=1))
    assert line.startswith(f"nncomp: {top}/ddd") and line.endswith("ddd: File name too long")
    assert Path(top, "a.nnc").exists()


@pytest.mark.usefixtures("tree")
def test_force_does_not_compress_again(run: Run) -> None:
    """-rf: of a directory only files without the suffix, however often"""
    for _ in range(3):
        run("-rf", "t", "-q")
    assert not [name for name in files() if name.endswith(".nnc.nnc")]
    run("-f", "t/done.nnc", "-q")  # what is named is meant
    assert Path("t/done.nnc.nnc").exists()


def test_output_directory_that_is_a_file(run: Run) -> None:
    Path("x").write_bytes(TEXT)
    (line,) = errors(run("x", "--output-dir", "x", status=1))
    assert line.startswith("nncomp: x: ")
    assert files() == ["x"]
