"""Inputs in odd relations to outputs, inputs that cannot be read, and inputs that are no files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import click
import pytest

import models
from commandline import Run, command, errors
from conftest import peak_of
from nncomp import registry
from nncomp.api import compress, decompress
from nncomp.cli.main import cli

TEXT = models.chained(1000)
OTHER = models.chained(900)


def listing() -> list[str]:
    return sorted(os.listdir())


# ---- outputs that are inputs ----


def hard(name: str) -> str:
    os.link(name, "hard")
    return "hard"


def soft(name: str) -> str:
    os.symlink(name, "soft")
    return "soft"


def through_a_link(name: str) -> str:
    os.symlink(".", "here")
    return f"here/{name}"


SPELLINGS: list[Callable[[str], str]] = [
    str,
    "./{}".format,
    os.path.abspath,
    "../{}/../{{0}}".format,
    hard,
    soft,
    through_a_link,
]


@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
@pytest.mark.parametrize("order", [1, -1])
def test_an_output_is_no_other_input(run: Run, spelling: int, order: int) -> None:
    """-f: nobody's input is overwritten, before or after it is read, however it is spelt"""
    Path("a").write_bytes(TEXT)
    Path("a.nnc").write_bytes(OTHER)
    spell = SPELLINGS[spelling]
    if spelling == 3:
        spell = f"../{Path.cwd().name}/{{}}".format
    other = spell("a.nnc")
    result = run("-fq", *["a", other][::order], status=1)
    (line,) = errors(result)
    assert line == f"nncomp: a: its output would overwrite the input {other}"
    assert Path("a.nnc").read_bytes() == OTHER
    packed = "a.nnc.nnc" if other.endswith("a.nnc") else f"{other}.nnc"
    assert decompress(Path(packed).read_bytes()) == OTHER  # the rest is done


def test_an_output_is_no_input_that_is_yet_to_come(run: Run) -> None:
    """-f: neither is one that is not there before"""
    Path("a").write_bytes(TEXT)
    lines = errors(run("-fq", "a", "./a.nnc", status=1))
    assert lines[0] == "nncomp: a: its output would overwrite the input ./a.nnc"
    assert lines[1] == "nncomp: ./a.nnc: No such file or directory"
    assert listing() == ["a"]


def test_outputs_of_decompression(run: Run) -> None:
    """-d: the same; what is refused for its own name is no input"""
    Path("a.nnc").write_bytes(inner := compress(TEXT))
    Path("a.nnc.nnc").write_bytes(compress(compress(OTHER)))
    (line,) = errors(run("-dfq", "a.nnc.nnc", "a.nnc", status=1))
    assert line == "nncomp: a.nnc.nnc: its output would overwrite the input a.nnc"
    assert Path("a.nnc").read_bytes() == inner and Path("a").read_bytes() == TEXT
    Path("a").write_bytes(OTHER)
    (line,) = errors(run("-dfq", "a", "a.nnc", status=1))
    assert line.startswith("nncomp: a: name does not end in .nnc")
    assert Path("a").read_bytes() == TEXT


def test_what_else_is_read_is_no_output(run: Run) -> None:
    """-f: a model, and a list of names; they are there afterwards, to be used again"""
    Path("a").write_bytes(TEXT)
    shutil.copy(registry.lookup("nano-1"), "m")
    Path("list").write_text("a")
    before = Path("m").read_bytes()
    packed = compress(TEXT)
    for name, args in [
        ("m", ["--model", "./m", "-o", "m", "a"]),
        ("list", ["--files-from", "list", "-o", "./list"]),
        ("list", ["--files-from0", "list", "-o", "list"]),
    ]:
        (line,) = errors(run("-fq", *args, status=1))
        assert line.startswith("nncomp: a: its output would overwrite the input ")
        assert line.endswith(name)
    Path("m.nnc").write_bytes(packed)
    errors(run("-dfq", "--model", "./m", "m.nnc", status=1))
    assert Path("m").read_bytes() == before and Path("list").read_text() == "a"
    run("-fq", "--model", "none", "-o", "none", "a")
    assert Path("none").exists()


def test_output_directory(run: Run) -> None:
    """--output-dir: the same"""
    for name in ("d/a.nnc", "a"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(TEXT)
    (line,) = errors(run("-fq", "a", "d/a.nnc", "--output-dir", "./d", status=1))
    assert line == "nncomp: a: its output would overwrite the input d/a.nnc"
    assert Path("d/a.nnc").read_bytes() == TEXT


def test_two_inputs_whose_outputs_differ_in_case(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system takes both for one, the second is not written, and stays"""
    for name in ("README", "readme", "Stra\N{LATIN SMALL LETTER SHARP S}e", "STRASSE"):
        Path(name).write_text(name)
    args = ["-1fq", "--rm", "--output-dir", "out", "README", "readme", "other"]
    Path("other").write_bytes(b"")
    original = os.stat

    def stat(path: str | int, **more: Any) -> os.stat_result:
        try:
            return original(path, **more)
        except FileNotFoundError:
            parent, base = os.path.split(str(path))
            found = [n for n in os.listdir(parent or ".") if n.casefold() == base.casefold()]
            return original(os.path.join(parent, *(found or [base])), **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        (line,) = errors(run(*args, status=1))
    assert line == "nncomp: readme: out/readme.nnc is out/README.nnc here, another input's output"
    assert sorted(os.listdir("out")) == ["README.nnc", "other.nnc"] and Path("readme").exists()
    assert not Path("README").exists() and not Path("other").exists()
    Path("README").write_text("README")
    run("-1", "-f", "--rm", "--output-dir", "out", "README", "readme", *sorted(glob("S*")))
    assert len(os.listdir("out")) == 5 and os.listdir() == ["out"]


def test_two_inputs_with_one_output(run: Run) -> None:
    """Refused, by whatever way the outputs meet; one input twice is done once."""
    os.mkdir("d")
    os.symlink("d", "link")
    Path("a").write_bytes(TEXT)
    Path("d/a").write_bytes(OTHER)
    args = ["-fq", "a", "d/a", "--output-dir", "new/out"]
    assert errors(run(*args, status=1)) == ["nncomp: d/a: has the same output as a"]
    assert decompress(Path("new/out/a.nnc").read_bytes()) == TEXT
    assert len(errors(run("-f", "d/a", "link/a", "./d/a"))) == 1
    assert decompress(Path("d/a.nnc").read_bytes()) == OTHER
    run("-q", "--rm", "a", "./a")
    assert listing() == ["a.nnc", "d", "link", "new"]
    assert run("-dc", "a.nnc", "a.nnc").stdout == TEXT + TEXT  # a stream may have it twice


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--csv", "--plot"])
def test_bench_does_not_write_over_what_it_measures(run: Run, option: str) -> None:
    """bench: an output is no input either"""
    Path("a.csv" if option == "--csv" else "a.png").write_bytes(TEXT)
    (name,) = listing()
    result = run("bench", name, "--peers", "none", option, f"./{name}", status=1)
    assert errors(result) == [f"nncomp: ./{name}: is one of the files to measure"]
    assert Path(name).read_bytes() == TEXT


# ---- inputs that cannot be read ----


@pytest.fixture
def unprivileged(run: Run) -> Iterator[None]:
    """Root may read everything, so it is somebody else for a while."""
    if os.geteuid():
        yield
        return
    import nncomp.bench
    import nncomp.engine.native  # noqa: F401  perhaps only root may import it

    os.chmod(".", 0o777)
    os.setresuid(65534, 65534, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.fixture
def three(unprivileged: None) -> None:
    """Of three files, compressed and not, the second cannot be read."""
    for name in ("a", "b", "c"):
        Path(name).write_bytes(b"x" * 1000)
        Path(f"{name}.nnc").write_bytes(compress(b"x" * 1000, model="none"))
    for name in ("b", "b.nnc"):
        os.chmod(name, 0)


@pytest.mark.usefixtures("three")
def test_unreadable_among_others(run: Run) -> None:
    """What cannot be read is named; the others are done, whatever the command."""
    for args in (["-kf", "a", "b", "c"], ["-f", "compress", "a", "b", "c"]):
        lines = errors(run("--model=none", "-q", *args, status=1))
        assert lines == ["nncomp: b: Permission denied"]
    packed = ["a.nnc", "b.nnc", "c.nnc"]
    for args in (["-t"], ["-l"], ["-d", "-f"], ["test"], ["list"], ["info"], ["-dc"]):
        result = run(*args, "-q", *packed, status=1)
        assert errors(result) == ["nncomp: b.nnc: Permission denied"]
    for args in (["-t"], ["-l"], ["test"], ["info"]):
        names = [
            file["name"] for file in json.loads(run(*args, "--json", *packed, status=1).stdout)
        ]
        assert names == packed
    result = run("bench", "a", "b", "c", "--peers", "none", "--levels", "1", "-q", status=1)
    assert errors(result)[0] == "nncomp: b: Permission denied"


@pytest.mark.usefixtures("three")
def test_unreadable_outputs_are_replaced(run: Run) -> None:
    """-f: an old output needs not be readable; -o and --output-dir neither"""
    none = ["--model", "none", "-f"]  # models may be where only root may read
    run(*none, "a", "-o", "b.nnc")
    run(*none, "c", "-o", "b")
    os.mkdir("d", 0o300)
    run(*none, "a", "--output-dir", "d")
    run("models", "add", "b", status=1)


def test_no_option_asks_beforehand() -> None:
    """Parsing never asks whether a file can be read: that would be wrong usage, and end all."""

    def params(command: click.Command) -> Iterator[click.Parameter]:
        yield from command.params
        if isinstance(command, click.Group):
            ctx = click.Context(command)
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                assert found is not None
                yield from params(found)

    paths = [param.type for param in params(cli) if isinstance(param.type, click.Path)]
    assert len(paths) > 10
    for path in paths:
        assert not (path.readable or path.writable or path.executable or path.exists)


# ---- inputs that are no files ----


def test_fifo_among_inputs(run: Run) -> None:
    """Refused at once, without opening it; the others are done"""
    os.mkfifo("fifo")
    os.mkfifo("fifo.nnc")
    Path("a").write_bytes(TEXT)
    said = "is not a regular file; give it as standard input"
    assert errors(run("-fq", "fifo", "a", status=1)) == [f"nncomp: fifo: {said}"]
    for args in (["-df"], ["-t"], ["-l"], ["test"], ["info"]):
        lines = errors(run(*args, "-q", "fifo.nnc", "a.nnc", status=1))
        assert lines == [f"nncomp: fifo.nnc: {said}"]
    result = run("bench", "fifo", "--peers", "none", "--levels", "1", "-q", status=1)
    assert errors(result)[0] == f"nncomp: fifo: {said}"


@pytest.mark.slow
def test_fifo_that_is_asked_for(run: Run) -> None:
    """-c and -o take it; so does -t with -c"""
    os.mkfifo("fifo")
    for args, data in (
        (["-c", "fifo"], TEXT),
        (["fifo", "-o", "x"], TEXT),
        (["-dc", "fifo"], compress(TEXT)),
        (["-d", "fifo", "-o", "y"], compress(TEXT)),
        (["-tc", "fifo"], compress(TEXT)),
    ):
        process = subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=-1)
        with open("fifo", "wb") as fifo:
            fifo.write(data)
        assert process.wait(60) == 0
        assert process.stderr is not None
        process.stderr.close()
    assert decompress(Path("x").read_bytes()) == Path("y").read_bytes() == TEXT


def test_substituted_process(run: Run) -> None:
    """nncomp -t <(…): a pipe that the shell has opened for us"""
    for args in (["-t"], ["-l"], ["info"], ["-dc"]):
        reading, writing = os.pipe()
        os.write(writing, compress(TEXT))
        os.close(writing)
        run(*args, f"/dev/fd/{reading}")
        os.close(reading)


def test_socket_and_device(run: Run) -> None:
    """The same for what is not a FIFO either"""
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name in ("socket", "/dev/zero"):
            for args in ([], ["-t"], ["-l"]):
                assert "is not a regular file" in errors(run(*args, name, status=1))[0]


@pytest.mark.slow
def test_a_list_of_many_frames_is_bounded(run: Run) -> None:
    """3 MB can be 200,000 frames: sums need no memory for each, and rows no more than allowed."""
    count = 10_000
    Path("many.nnc").write_bytes(compress(b"", block_size=1024) * count)
    run("-l", "many.nnc")  # what is imported is no matter
    results = []
    assert peak_of(lambda: results.append(run("-l", "many.nnc"))) < 20 * count  # bytes
    assert results[0].stdout.decode().splitlines()[1].split()[:2] == [str(count), "0"]
    for more in (["-v"], ["--json"]):
        result = run("-l", "--memory=4MiB", *more, "many.nnc", status=1)
        assert errors(result) == [
            "nncomp: many.nnc: listing so many frames needs more than --memory"
        ]
    assert len(json.loads(run("-l", "--json", "many.nnc").stdout)[0]["frames"]) == count
