"""Signals, pipes that break, disks that are full: old state or complete new state, never a mix."""

from __future__ import annotations

import errno
import os
import random
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import commandline
import models
from commandline import Run, command, errors, limited
from conftest import some_quick
from nncomp.api import compress, decompress
from nncomp.cli.main import cli

TEXT = models.chained(1200)
NOISE = models.noise(300_000)  # more than the disks and pipes below take


def listing(directory: Path | str = ".") -> list[str]:
    return sorted(os.listdir(directory))


# ---- SIGKILL ----


@pytest.mark.slow
def test_killed_at_any_moment(run: Run) -> None:
    """SIGKILL leaves the old state or the complete new one, and at most one dot-file."""
    data = models.noise(150_000).translate(bytes(97 + i % 26 for i in range(256)))
    new, old = compress(data, 1), compress(b"old")
    ways = [("-1f",), ("-1", "--rm", "-f"), ("-1",)]
    draw = random.Random(1)
    duration = 0.0
    unfinished = finished = 0
    for i in range(-3, 45):
        way = ways[i % 3]
        for name in listing():
            os.unlink(name)
        Path("a").write_bytes(data)
        if way != ("-1",):
            Path("a.nnc").write_bytes(old)
        started = time.monotonic()
        process = subprocess.Popen(command(*way, "-q", "a"))
        if i < 0:  # how long does it take?
            assert process.wait(60) == 0
            duration = max(duration, time.monotonic() - started)
            continue
        time.sleep(draw.random() * duration * 1.1)
        process.kill()
        process.wait(60)

        names = listing()
        temporary = [name for name in names if name.startswith(".a.nnc.")]
        assert len(temporary) <= 1
        assert {*names} - {*temporary} <= {"a", "a.nnc"}
        found = Path("a.nnc").read_bytes() if "a.nnc" in names else None
        assert found in (new, None if way == ("-1",) else old)
        if "a" in names:
            assert Path("a").read_bytes() == data
        else:
            assert found == new and "--rm" in way
        unfinished += found != new and bool(temporary)
        finished += found == new
    assert unfinished >= 5  # else this has tested nothing
    print(f"{unfinished} killed at work, {finished} when done")


# ---- pipes ----


@pytest.mark.slow
def test_nobody_reads_the_list(run: Run) -> None:
    """broken pipe: dies by SIGPIPE, silent; not only what compresses"""
    Path("a.nnc").write_bytes(compress(TEXT))
    for args in (["list", "a.nnc"], ["-dc", "a.nnc"], ["models", "list"]):
        reading, writing = os.pipe()
        os.close(reading)
        result = run(*args, stdout=writing, status=-signal.SIGPIPE, process=True)
        os.close(writing)
        assert result.stderr == b""


@pytest.mark.slow
def test_pipes_of_unknown_length(run: Run) -> None:
    """stdin input: size unknown, and it comes in pieces of any size; the same bytes as a file"""
    Path("a").write_bytes(TEXT)
    nncomp = f"{sys.executable} {commandline.LAUNCH}"
    slowly = "for i in 0 1 2 3 4; do dd if=a bs=700 skip=$i count=1; done 2>/dev/null"
    line = f"({slowly}) | {nncomp} | tee packed | {nncomp} -d"
    assert subprocess.run(["sh", "-c", line], stdout=-1, check=True).stdout == TEXT
    assert Path("packed").read_bytes() == compress(TEXT)


# ---- space ----


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, which needs root."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(directory)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_disk_is_full(run: Run, disk: Path) -> None:
    """no space left: rc1, nothing left behind, the old target and the input survive"""
    Path("a").write_bytes(NOISE)
    Path("a.nnc").write_bytes(packed := compress(NOISE))
    target = disk / "a.nnc"
    for existing in (None, b"old"):
        if existing:
            target.write_bytes(existing)
        for args, data in (["-f", "--rm", "a"], b""), (["-f"], NOISE), (["-df"], packed):
            result = run(*args, "-o", target, input=data, status=1)
            assert errors(result) == [f"nncomp: {target}: No space left on device"]
            assert listing(disk) == (["a.nnc"] if existing else [])
    assert target.read_bytes() == b"old"
    assert Path("a").read_bytes() == NOISE and Path("a.nnc").read_bytes() == packed


def test_read_only_directory(run: Run, disk: Path) -> None:
    """A directory that takes no files: rc1, and the input survives"""
    (disk / "a").write_bytes(TEXT)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    (line,) = errors(run("--rm", disk / "a", status=1))
    assert line == f"nncomp: {disk / 'a.nnc'}: Read-only file system"
    run(disk / "a", "--output-dir", ".")
    assert decompress(Path("a.nnc").read_bytes()) == TEXT
    assert "Read-only" in errors(run("--rm", disk / "a", "-o", "x", status=1))[0]
    assert listing(disk) == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_of_somebody_else(run: Run) -> None:
    os.mkdir("d")
    Path("d/a").write_bytes(TEXT)
    os.chmod("d", 0o500)
    (line,) = errors(run("--rm", "d/a", status=1))
    assert line == "nncomp: d/a.nnc: Permission denied"
    assert listing("d") == ["a"]


def test_file_size_limit(run: Run) -> None:
    """ulimit -f: as a full disk"""
    Path("a").write_bytes(NOISE)
    result = run("--rm", "a", status=1, **limited(20_000))
    assert errors(result) == ["nncomp: a.nnc: File too large"]
    assert listing() == ["a"]


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Path]:
    """A file system that lets nobody change modes and owners, as vfat and many network's do."""
    directory = tmp_path / "strict"
    for path in (directory, tmp_path / "below"):
        path.mkdir()
    mount = ["bindfs", "--chmod-deny", "--chown-deny", str(tmp_path / "below"), str(directory)]
    if shutil.which("bindfs") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("cannot mount a file system with bindfs")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_attributes_are_refused(run: Run, strict: Path) -> None:
    """mount that refuses chmod: the file is written, and nobody complains"""
    (strict / "a").write_bytes(TEXT)
    run("-q", strict / "a")
    run("-fq", strict / "a")
    run("-dq", strict / "a.nnc", "-o", strict / "b")
    run("-q", "--rm", strict / "a", "--output-dir", strict / "new")
    assert listing(strict) == ["a.nnc", "b", "new"] and listing(strict / "new") == ["a.nnc"]
    assert decompress((strict / "new/a.nnc").read_bytes()) == TEXT


@pytest.mark.parametrize("name", [".", "new", "new/er"])
def test_rm_waits_for_directories(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """--rm: an input stays until every directory that leads to the output is on disk"""
    original = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.exists(name) and os.path.samestat(os.fstat(descriptor), os.stat(name)):
            raise OSError(errno.EIO, "Input/output error")
        original(descriptor)

    for file in ("a", "b"):
        Path(file).write_bytes(TEXT)
    monkeypatch.setattr(os, "fsync", fsync)
    lines = errors(run("-q", "--rm", "a", "b", "--output-dir", "new/er", status=1))
    assert len(lines) == 2 and lines[0].endswith(": Input/output error")
    assert {"a", "b"} < {*listing(), "new"}
    monkeypatch.undo()


@pytest.mark.parametrize("args", some_quick([["-c"], ["-dc"], ["-l"]], ["-c"]))
def test_device_is_full(run: Run, args: list[str]) -> None:
    """no space left on standard output: rc1"""
    with open("/dev/full", "wb") as full:
        data = NOISE if args == ["-c"] else compress(NOISE)
        result = run(*args, input=data, stdout=full, status=1, process=True)
    assert errors(result) == ["nncomp: (stdout): No space left on device"]


@pytest.mark.slow
def test_devices_as_outputs(run: Run) -> None:
    """-o: a device only with -f, unless it is the null device; errors name it"""
    Path("a").write_bytes(TEXT)
    run("-q", "a", "-o", "/dev/null")
    (line,) = errors(run("a", "-o", "/dev/full", status=1))
    assert line == "nncomp: /dev/full: is not a regular file; use -f to write to it"
    (line,) = errors(run("-f", "a", "-o", "/dev/full", status=1))
    assert line == "nncomp: /dev/full: No space left on device"
    packed = run("-q", "a", "-o", "/dev/stdout", process=True).stdout
    assert decompress(packed) == TEXT
    assert run("-dqf", "-o", "/dev/fd/1", input=packed, process=True).stdout == TEXT


def test_links_as_outputs(run: Run) -> None:
    """-f: replaces a link, whoever made it, and leaves alone what it leads to"""
    Path("a").write_bytes(TEXT)
    Path("victim").write_bytes(b"old")
    for args in (["a"], ["a", "-o", "a.nnc"], ["a", "--output-dir", "."]):
        Path("a.nnc").unlink(missing_ok=True)
        os.symlink("victim", "a.nnc")
        assert "use -f" in errors(run(*args, status=1))[0]
        run("-f", *args)
        assert not os.path.islink("a.nnc")
        assert decompress(Path("a.nnc").read_bytes()) == TEXT
    assert Path("victim").read_bytes() == b"old"


# ---- standard streams ----


def in_shell(redirect: str, *args: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """nncomp as a shell starts it with its streams redirected."""
    words = shlex.join(command(*args))
    return subprocess.run(
        f"{words} {redirect}", shell=True, input=input, capture_output=True, check=False, timeout=60
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirect", "args", "stream"),
    [
        ("<&-", [], "(stdin)"),
        ("<&-", ["-d"], "(stdin)"),
        ("<&-", ["a", "-", "-o", "/dev/null"], None),
        (">&-", [], "(stdout)"),
        (">&-", ["-c", "a"], "(stdout)"),
        (">&-", ["-l", "a.nnc"], "(stdout)"),
        (">&-", ["models"], "(stdout)"),
        (">&-", ["--version"], "(stdout)"),
        ("<&- >&-", ["-c", "a"], "(stdout)"),
    ],
)
def test_closed_streams(run: Run, redirect: str, args: list[str], stream: str | None) -> None:
    """Reading or writing them fails, in one line; no file is taken for them"""
    Path("a").write_bytes(TEXT)
    Path("a.nnc").write_bytes(packed := compress(TEXT))
    result = in_shell(redirect, *args, input=TEXT)
    if stream is None:
        assert result.returncode == 2
    else:
        assert result.returncode == 1
        assert errors(result) == [f"nncomp: {stream}: Bad file descriptor"]
    assert Path("a").read_bytes() == TEXT and Path("a.nnc").read_bytes() == packed


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_streams_that_nobody_needs(run: Run, redirect: str) -> None:
    """They are no reason to fail, and get nothing that is meant for a file"""
    for name in ("a", "b"):
        Path(name).write_bytes(TEXT)
    assert in_shell(redirect, "a", "b", "--rm").returncode == 0
    assert in_shell(redirect, "-t", "a.nnc", "b.nnc").returncode == 0
    assert in_shell(redirect, "-dk", "a.nnc", "b.nnc").returncode == 0
    assert Path("a").read_bytes() == Path("b").read_bytes() == TEXT
    assert in_shell(redirect, "a", "missing", "-f").returncode == 1
    assert in_shell(redirect, "--bogus").returncode == 2
    assert in_shell("2>&-", "--bogus").stdout == b""


@pytest.mark.slow
def test_nowhere_to_complain(run: Run) -> None:
    """stderr is full: the work goes on, rc1 at the end"""
    for name in ("a", "b", "c"):
        Path(name).write_bytes(TEXT)
    assert in_shell("2>/dev/full", "a", "missing", "b").returncode == 1
    assert in_shell("2>/dev/full", "c").returncode == 1  # although nothing else was wrong
    assert listing() == ["a", "a.nnc", "b", "b.nnc", "c", "c.nnc"]
    assert in_shell("2>/dev/full", "-t", "a.nnc", "b.nnc").returncode == 1
    assert in_shell("2>/dev/full", "-qf", "a", "b").returncode == 0  # nothing was to be said
    assert in_shell("2>/dev/full", "--bogus").returncode == 2
    assert in_shell(">/dev/full 2>/dev/full", "-l", "a.nnc").returncode == 1


@pytest.mark.parametrize("program", ["nnccat", "nncgrep", "nncless"])
def test_help_that_does_not_fit(program: str) -> None:
    """The other programs: the same"""
    script = (
        f"import sys; from nncomp.cli import entry; sys.argv = ['x', '--help']; entry.{program}()"
    )
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert result.returncode == (2 if program == "nncgrep" else 1)
    (line,) = errors(result)
    assert line.endswith(": (stdout): No space left on device")


@pytest.mark.slow
def test_text_that_does_not_fit(run: Run) -> None:
    """stdout is full: said once, rc1"""
    for args in (["--help"], ["--version"], ["models"], ["completion", "bash"]):
        result = in_shell(">/dev/full", *args)
        assert result.returncode == 1
        assert errors(result) == ["nncomp: (stdout): No space left on device"]


@pytest.mark.slow
def test_streams_that_do_not_wait(run: Run) -> None:
    """O_NONBLOCK, set by whoever shares a pipe: nothing is lost, and nothing ends too early"""
    pipes = [os.pipe() for _ in range(3)]
    (source, feed), (result, sink), (said, speak) = pipes
    for descriptor in (source, sink, speak):
        os.set_blocking(descriptor, False)
    for args, data, expected in (
        (["--block-size=64K"], NOISE, compress(NOISE, block_size=1 << 16)),
        (["-d", "-v"], compress(NOISE), NOISE),
    ):
        process = subprocess.Popen(command(*args), stdin=source, stdout=sink, stderr=speak)
        sent = received = 0
        collected = bytearray()
        while received < len(expected):
            time.sleep(0.002)
            if sent < len(data) and select.select([], [feed], [], 0)[1]:
                sent += os.write(feed, data[sent : sent + 4096])
                if sent == len(data):
                    os.close(feed)
            while select.select([result], [], [], 0)[0]:
                collected += os.read(result, 3000)
            received = len(collected)
            assert process.poll() in (None, 0)
        assert process.wait(60) == 0 and bytes(collected) == expected
        os.close(source)
        source, feed = os.pipe()
        os.set_blocking(source, False)
    assert os.read(said, 1000).startswith(b"(stdin) : 300000 bytes, ")
    for descriptor in (source, feed, result, sink, said, speak):
        os.close(descriptor)


# ---- encodings ----


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["iso-8859-1:strict", "koi8-r", "ascii"])
def test_eight_bits(run: Run, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Whatever a terminal cannot show is escaped: help, names, models, errors"""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONUTF8", "1")
    name = "\N{SNOWMAN}-ä-名-\udcff"
    Path(name).write_bytes(TEXT)
    Path(f"{name}.nnc").write_bytes(compress(TEXT))
    for args in (
        *(["--help"], ["compress", "--help"], ["train", "--help"], ["bench", "--help"]),
        *(["models"], ["models", "-v"], ["models", "show", "nano-1"], ["models", "path"]),
        *(["-l", f"{name}.nnc"], ["-lv", f"{name}.nnc"], ["-l", "--json", f"{name}.nnc"]),
        *(["-t", f"{name}.nnc"], ["-fv", name], ["-dfv", f"{name}.nnc"]),
    ):
        result = run(*args, process=True)
        assert result.stdout or result.stderr
    for args in (["-d", name], [name], ["-l", f"{name}.nnc.nnc"]):
        said = run(*args, status=1, process=True).stderr
        (line,) = said.decode("latin-1").splitlines()
        assert r"\u2603-" in line and r"\udcff" in line
    run("--model", name, name, status=1, process=True)
    run(f"--{name}", status=2, process=True)


def test_what_is_printed_is_ascii() -> None:
    """Help of every command"""
    ctx = click.Context(cli, **cli.context_settings)
    for name in cli.list_commands(ctx):
        command_ = cli.get_command(ctx, name)
        assert command_ is not None
        assert command_.get_help(click.Context(command_, parent=ctx)).isascii()
    assert cli.get_help(ctx).isascii()


# ---- other programs ----


@pytest.mark.slow
@pytest.mark.parametrize("program", ["", " -9", " compress --fast"])
def test_tar(run: Run, program: str) -> None:
    """tar -I PROG: the same words, plus -d to read"""
    if subprocess.run(["tar", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no tar")
    os.mkdir("d")
    Path("d/a").write_bytes(TEXT)
    words = f"{sys.executable} {commandline.LAUNCH}{program}"
    tar = ["tar", "-I", words]
    subprocess.run([*tar, "-cf", "x.tar.nnc", "d"], check=True)
    os.unlink("d/a")
    subprocess.run([*tar, "-xf", "x.tar.nnc"], check=True)
    assert Path("d/a").read_bytes() == TEXT


# ---- torch ----

ROUND_TRIP = """
import sys
{first}
from nncomp.cli.main import run
import nncomp
assert run(["-q", "--rm", "a"]) == run(["-q", "test", "a.nnc"]) == run(["-dq", "a.nnc"]) == 0
data = open("a", "rb").read()
assert nncomp.decompress(nncomp.compress(data)) == data
{last}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("sys.modules['torch'] = None", ""),  # as where it is not installed
        ("", "assert not {'torch', 'triton'} & sys.modules.keys()"),
    ],
)
def test_torch_is_not_needed(run: Run, first: str, last: str) -> None:
    Path("a").write_bytes(TEXT)
    script = ROUND_TRIP.format(first=first, last=last)
    subprocess.run([sys.executable, "-c", script], check=True)
    assert Path("a").read_bytes() == TEXT
