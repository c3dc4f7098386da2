"""Names: other suffixes than .nnc, and lists of files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import commandline
import models
from commandline import Run, errors
from nncomp.api import compress, decompress

TEXT = models.chained(500)


def listing(directory: str = ".") -> list[str]:
    return sorted(os.listdir(directory))


# ---- -S ----


@pytest.mark.parametrize("option", [["-S", ".x"], ["-S.x"], ["--suffix", ".x"], ["--suffix=.x"]])
def test_suffix(run: Run, option: list[str]) -> None:
    """-S, --suffix: for the output, and besides .nnc for the input, as in xz"""
    Path("a").write_bytes(TEXT)
    run(*option, "a")
    assert listing() == ["a", "a.x"] and decompress(Path("a.x").read_bytes()) == TEXT
    os.unlink("a")
    run("-d", *option, "a.x")
    assert Path("a").read_bytes() == TEXT
    os.rename("a.x", "b.nnc")
    run("-d", *option, "b.nnc")
    assert Path("b").read_bytes() == TEXT
    (line,) = errors(run("-d", *option, "b", status=1))
    assert line == "nncomp: b: name does not end in .x or .nnc; use -o to name the output"
    (line,) = errors(run("-d", "b", status=1))
    assert line == "nncomp: b: name does not end in .nnc; use -o to name the output"


def test_suffix_is_not_put_twice(run: Run) -> None:
    for name in ("a.x", "b.nnc"):
        Path(name).write_bytes(TEXT)
    result = run("-S", ".x", "a.x", "b.nnc", status=1)
    assert errors(result) == [
        "nncomp: a.x: already has the suffix .x; use -f to compress it again",
        "nncomp: b.nnc: already has the suffix .nnc; use -f to compress it again",
    ]
    run("-f", "-S", ".x", "a.x")
    assert listing() == ["a.x", "a.x.x", "b.nnc"]
    Path(".x").write_bytes(compress(TEXT))
    assert "nothing in front of .x" in errors(run("-d", "-S.x", ".x", status=1))[0]


def test_suffix_in_trees(run: Run) -> None:
    """-r: what has either suffix is compressed already"""
    os.mkdir("t")
    for name in ("a", "b.x", "c.nnc"):
        Path("t", name).write_bytes(TEXT if name == "a" else compress(TEXT))
    run("-qr", "-S", ".x", "t")
    assert listing("t") == ["a", "a.x", "b.x", "c.nnc"]
    for command in (["-l"], ["list"], ["-t"]):
        found = json.loads(run(*command, "-r", "-S.x", "--json", "t").stdout)
        assert [entry["name"] for entry in found] == ["t/a.x", "t/b.x", "t/c.nnc"]
    os.unlink("t/a")
    run("-dqr", "-S", ".x", "t", "--output-dir", "out")
    assert listing("out/t") == ["a", "b", "c"]


@pytest.mark.parametrize("suffix", ["", "a/b", "/", ".x/"])
def test_what_is_no_suffix(run: Run, suffix: str) -> None:
    Path("a").write_bytes(TEXT)
    result = run("-S", suffix, "a", status=2)
    assert "must be the end of a file's name" in errors(result)[-1]
    assert listing() == ["a"]


# ---- --files-from ----


@pytest.fixture
def three(run: Run) -> None:
    for name in ("a", "b c", "--rm", "-"):
        Path(f"./{name}").write_bytes(TEXT)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("option", ["--files-from", "--files-from0"])
@pytest.mark.parametrize("given", ["stdin", "file"])
def test_names_from_a_list(run: Run, option: str, given: str) -> None:
    """Names are never options; '-' is a file; empty ones do not count; those of the command line
    come first"""
    end = "\0" if option.endswith("0") else "\n"
    names = [*("b c", "", "--rm", "-", "new\nline", "last")]
    for name in names[4:]:
        Path(name).write_bytes(TEXT)
    if end == "\n":
        names.remove("new\nline")
    data = end.join(names).encode()  # the last one has no end
    Path("list").write_bytes(data)
    place = "-" if given == "stdin" else "list"
    result = run(option, place, "a", input=data)
    expected = ["a", "b c", "--rm", "./-", *([] if end == "\n" else [r"new\nline"]), "last"]
    assert [line.split(" : ")[0] for line in errors(result)[:-1]] == expected
    assert errors(result)[-1].startswith(f"{len(expected)} files : ")
    for name in ["a", *names]:
        if name:
            assert decompress(Path(f"./{name}.nnc").read_bytes()) == TEXT
            assert Path(f"./{name}").exists()


@pytest.mark.usefixtures("three")
def test_lists_are_for_every_command(run: Run) -> None:
    Path("list").write_text("a.nnc\nmissing.nnc\nb c.nnc\n")
    run("-q", "a", "b c")
    for command in (["-d", "-f"], ["-t"], ["test"], ["decompress", "-f"], ["-l"], ["list"]):
        result = run(*command, "--files-from", "list", status=1)
        assert "nncomp: missing.nnc: No such file or directory" in errors(result)
    found = json.loads(run("-l", "--json", "--files-from=list", status=1).stdout)
    assert [entry["name"] for entry in found] == ["a.nnc", "missing.nnc", "b c.nnc"]
    assert run("-dc", "--files-from=list", status=1).stdout == TEXT * 2


@pytest.mark.usefixtures("three")
def test_directories_in_a_list(run: Run) -> None:
    os.mkdir("d")
    Path("d/x").write_bytes(TEXT)
    assert "use -r" in errors(run("--files-from", "-", input=b"d\n", status=1))[0]
    run("-r", "--files-from", "-", input=b"d\n")
    assert listing("d") == ["x", "x.nnc"]


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n\n"])
def test_empty_list(run: Run, data: bytes) -> None:
    """Nothing to do; above all, standard input is no file then"""
    Path("list").write_bytes(data)
    for args in ([], ["-d"], ["-t"], ["-l"], ["-c"], ["list"]):
        result = run(*args, "--files-from", "list", input=b"something")
        assert result.stdout == result.stderr == b""
        result = run(*args, "--files-from", "-", input=data)
        assert result.stdout == result.stderr == b""
    assert listing() == ["list"]


@pytest.mark.usefixtures("three")
def test_wrong_lists(run: Run) -> None:
    before = listing()
    for args in (
        ["--files-from", "-", "-"],
        ["--files-from0", "-", "a", "-"],
        ["--files-from", "a", "--files-from0", "b"],
        ["--files-from", "list", "-o", "out", "a"],
    ):
        Path("list").write_text("b c\n")
        assert b"Error: " in run(*args, status=2).stderr
        os.unlink("list")
    for option in ("--files-from", "--files-from0"):
        (line,) = errors(run(option, "missing", "a", status=1))
        assert line == "nncomp: missing: No such file or directory"
        (line,) = errors(run(option, ".", "a", status=1))
        assert line == "nncomp: .: Is a directory"
    (line,) = errors(run("--files-from", "-", "a", input=b"a\0b c\0", status=1))
    assert line == "nncomp: (stdin): has NUL characters: a list for --files-from0?"
    assert listing() == before


@pytest.mark.usefixtures("three")
def test_find_and_nncomp(run: Run) -> None:
    """The usual pipe"""
    nncomp = f"{sys.executable} {commandline.LAUNCH}"
    line = f"find . -type f -print0 | {nncomp} -q --files-from0 -"
    subprocess.run(["sh", "-c", line], check=True)
    assert listing() == ["-", "--rm", "--rm.nnc", "-.nnc", "a", "a.nnc", "b c", "b c.nnc"]
