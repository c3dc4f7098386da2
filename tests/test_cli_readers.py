"""nnccat, nncgrep and nncless: as the scripts that an installation makes, and inside."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import models
from commandline import Result, Run, errors, install
from nncomp.api import compress
from nncomp.cli import grep

ROOT = Path(__file__).parent.parent
CONTENT = {
    "a.nnc": b"hello\nworld\nfoo bar\n",
    "b c.nnc": b"nothing\nhello there\n",
    "-d.nnc": b"x\n",
    "it's 100%s $x\n.nnc": b"odd\n",
    "empty.nnc": b"",
}

needs_grep = pytest.mark.skipif(shutil.which("grep") is None, reason="no grep")
needs_less = pytest.mark.skipif(shutil.which("less") is None, reason="no less")


@pytest.fixture
def files(run: Run) -> None:
    """Compressed files in the current directory."""
    for name, data in CONTENT.items():
        Path(name).write_bytes(compress(data))


@pytest.fixture
def start(
    files: None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts one of the scripts that pyproject.toml names."""
    directory = tmp_path_factory.mktemp("bin %s")
    assert install(directory) == {"nncomp", "nnccat", "nncgrep", "nncless"}
    # As pipx has it: links to them are what is on PATH.
    links = tmp_path_factory.mktemp("links")
    for name in ("nnccat", "nncgrep", "nncless"):
        links.joinpath(name).symlink_to(directory / name)
    return lambda name, *args: subprocess.Popen(
        [links / name, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(process: subprocess.Popen[bytes], input: bytes = b"", status: int = 0) -> Result[bytes]:
    stdout, stderr = process.communicate(input, timeout=120)
    assert process.returncode == status, (process.returncode, stdout, stderr)
    assert b"Traceback" not in stderr
    return Result(process.args, status, stdout, stderr)


# ---- nnccat ----


@pytest.mark.slow
def test_cat(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The content, of several files and of standard input; options of nncomp -d; no other files."""
    assert end(start("nnccat", "a.nnc", "--", "-d.nnc")).stdout == CONTENT["a.nnc"] + b"x\n"
    assert end(start("nnccat", "-qT1"), compress(b"standard input")).stdout == b"standard input"
    Path("plain").write_bytes(b"plain")
    result = end(start("nnccat", "plain", "a.nnc"), status=1)
    assert result.stdout == CONTENT["a.nnc"]
    assert errors(result) == ["nncomp: plain: not an .nnc file"]
    assert b"Usage: nnccat" in end(start("nnccat", "--help")).stdout
    end(start("nnccat", "-o", "x", "a.nnc"), status=2)


# ---- nncgrep ----


@pytest.fixture
def search(files: None, run: Run) -> Run:
    return functools.partial(run, program=grep.run)


HERE = "a.nnc", "b c.nnc", "./-d.nnc"


@needs_grep
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["hello", "a.nnc"], "hello"),
        (["hello", *HERE], "a.nnc:hello|b c.nnc:hello there"),
        (["hello", "-h", *HERE], "hello|hello there"),
        (["-Hn", "hello", "a.nnc"], "a.nnc:1:hello"),
        (["-l", "hello", *HERE], "a.nnc|b c.nnc"),
        (["-L", "hello", *HERE], "./-d.nnc"),
        (["-c", "hello", *HERE, "empty.nnc"], "a.nnc:1|b c.nnc:1|./-d.nnc:0|empty.nnc:0"),
        (["-e", "foo", "-e", "x", "-n", "--", *HERE], "a.nnc:3:foo bar|./-d.nnc:1:x"),
        (["-x", "--", "x", "-d.nnc"], "x"),
        (["--regexp", "-d", "a.nnc", "-v", "-m1"], "hello"),
        (["-nA1", "hello", "a.nnc"], "1:hello|2-world"),
        (["-inB", "1", "WORLD", "a.nnc"], "1-hello|2:world"),
        (["-n1", "world", "a.nnc"], "1-hello|2:world|3-foo bar"),
        (["-10n", "world", "a.nnc"], "1-hello|2:world|3-foo bar"),
        (["world", "a.nnc", "--context=1"], "hello|world|foo bar"),
        (["--max", "1", "o", "a.nnc"], "hello"),
        (["-in", "-f", "patterns", "a.nnc", "b c.nnc"], "a.nnc:3:foo bar|b c.nnc:2:hello there"),
        (["-inf", "patterns", "--file=patterns", "a.nnc"], "3:foo bar"),
        (["-r", "hello"], "a.nnc:hello|b c.nnc:hello there|tree/e.nnc:hello"),
        (["-rl", "hello", "tree", "a.nnc"], "tree/e.nnc|a.nnc"),
        (["-rc", "hello", "a.nnc"], "1"),
        (["-rc", "hello", "tree"], "tree/e.nnc:1"),
        (["-Z", "-l", "odd", *HERE, "it's 100%s $x\n.nnc"], "it's 100%s $x\n.nnc\0"),
        (["-q", "hello", *HERE], ""),
        (["-q", "hello", "missing.nnc", "a.nnc"], ""),
        (["-q", "hello", "padded"], ""),
    ],
)
def test_grep_finds(search: Run, words: list[str], found: str) -> None:
    """Options of grep in all their forms; names where grep gives them; status 0"""
    Path("patterns").write_text("FOO\nthere\n")
    os.mkdir("tree")
    Path("tree/e.nnc").write_bytes(compress(b"hello"))
    Path("padded").write_bytes(compress(b"hello") + bytes(4))
    Path("tree/plain").write_bytes(b"hello")
    lines = [line + "\n" for line in found.split("|")] if found else []
    expected = "".join(lines).replace("\0\n", "\0")
    assert search(*words).stdout.decode() == expected


@needs_grep
def test_grep_reads_standard_input(search: Run) -> None:
    """Where no file or '-' is given; its name is grep's"""
    packed = compress(b"one\ntwo\n")
    assert search("two", input=packed).stdout == b"two\n"
    assert search("-H", "--", "two", input=packed).stdout == b"(standard input):two\n"
    result = search("-c", "o", "-", "a.nnc", input=packed)
    assert result.stdout == b"(standard input):2\na.nnc:3\n"


@needs_grep
def test_grep_reads_patterns_once(search: Run) -> None:
    """-f of a pipe: patterns are for every file"""
    result = search("-h", "-f", "-", "a.nnc", "b c.nnc", input=b"hello\n")
    assert result.stdout == b"hello\nhello there\n"
    reading, writing = os.pipe()
    os.write(writing, b"hello\n")
    os.close(writing)
    result = search("-hf", f"/dev/fd/{reading}", "a.nnc", "b c.nnc")
    os.close(reading)
    assert result.stdout == b"hello\nhello there\n"
    (line,) = errors(search("-f", "missing", "a.nnc", status=2))
    assert line == "nncgrep: missing: No such file or directory"


@needs_grep
def test_grep_finds_nothing(search: Run) -> None:
    """status 1"""
    for words in (["zzz", *HERE], ["-q", "zzz", "a.nnc"], ["x", "empty.nnc"]):
        result = search(*words, status=1)
        assert result.stdout == result.stderr == b""


@needs_grep
def test_grep_fails(search: Run) -> None:
    """status 2: one line for what is wrong, the rest is searched"""
    Path("plain").write_bytes(b"hello")
    packed = compress(b"hello\n" * 4000, block_size=4096, model="none")
    Path("cut.nnc").write_bytes(packed[:-40])
    result = search("-c", "hello", "plain", "missing", "cut.nnc", "a.nnc", status=2)
    assert result.stdout.splitlines()[-1] == b"a.nnc:1"  # of cut.nnc, what came before
    first, second, third = errors(result)
    assert first == "nncgrep: plain: not an .nnc file"
    assert second == "nncgrep: missing: No such file or directory"
    assert third.startswith("nncgrep: cut.nnc: ") and "end-of-stream" in third
    assert errors(search("-s", "hello", "missing", "a.nnc", status=2)) == []
    (line,) = errors(search("-f", "no\nfile", "a.nnc", status=2))
    assert line == "nncgrep: no\\nfile: No such file or directory"


@needs_grep
def test_grep_with_a_prime(search: Run) -> None:
    """What was written with it, and without; a wrong one is a line"""
    Path("p").write_bytes(b"hello world\n" * 30)
    Path("q").write_bytes(b"another")
    Path("primed.nnc").write_bytes(compress(b"hello\nyou\n", prime=b"hello world\n" * 30))
    for words in (["--prime", "p"], ["--prime=p"]):
        result = search(*words, "-c", "hello", "primed.nnc", "a.nnc")
        assert result.stdout == b"primed.nnc:1\na.nnc:1\n"
    assert search("hello", "primed.nnc", "--prime", "p").stdout == b"hello\n"
    assert search("--pri", "hello", "primed.nnc", status=2).stdout == b""  # it may not be shortened
    for words, said in (
        ([], "needs it: use --prime"),
        (["--prime", "q"], "written with another prime"),
        (["--prime", "no-such"], "nncgrep: no-such: No such file or directory"),
        (["--prime", "-"], "must be a file"),
        (["--prime", "empty"], "nncgrep: empty: a prime is empty"),
    ):
        Path("empty").touch()
        (line,) = errors(search("hello", "primed.nnc", *words, status=2))
        assert said in line


@needs_grep
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-i"],
        ["-e"],
        ["--regexp"],
        ["--include=*.nnc", "x", "a.nnc"],
        ["--exclude", "x", "x", "a.nnc"],
        ["-d", "skip", "x", "a.nnc"],
        ["--label=x", "x", "a.nnc"],
        ["--bogus", "x", "a.nnc", "b c.nnc"],
        ["--no", "x", "a.nnc"],
        ["[", "a.nnc", "b c.nnc"],
    ],
)
def test_grep_is_used_wrongly(search: Run, words: list[str]) -> None:
    """status 2, and said once"""
    result = search(*words, status=2)
    assert result.stdout == b"" and len(errors(result)) >= 1
    assert len([line for line in errors(result) if "grep: " in line]) == 1


@pytest.mark.slow
@needs_grep
def test_grep_as_a_program(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """Help; a reader that leaves kills it, as it does grep; a grep that has seen enough does not"""
    assert b"Usage: nncgrep" in end(start("nncgrep", "--help")).stdout
    assert end(start("nncgrep", "-l", "hello", "a.nnc")).stdout == b"a.nnc\n"
    Path("big.nnc").write_bytes(compress(models.noise(1 << 21)))  # stored, and more than pipes hold
    assert end(start("nncgrep", "-am1", "", "big.nnc")).stderr == b""
    process = start("nncgrep", "-a", "", "big.nnc", "big.nnc")
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(60) == -signal.SIGPIPE
    for stream in (process.stdin, process.stderr):
        assert stream is not None
        stream.close()


# ---- nncless ----


@pytest.mark.slow
@needs_less
def test_less(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The content of several files, with whatever names; of standard input; options of less"""
    names = ["a.nnc", "b c.nnc", "./-d.nnc", "it's 100%s $x\n.nnc", "empty.nnc"]
    assert end(start("nncless", *names)).stdout == b"".join(CONTENT.values())
    assert end(start("nncless"), compress(b"standard input\n")).stdout == b"standard input\n"
    assert end(start("nncless", "-N", "a.nnc")).stdout == CONTENT["a.nnc"]  # no terminal: no -N
    assert b"Usage: nncless" in end(start("nncless", "--help")).stdout


@pytest.mark.slow
@needs_less
def test_less_with_a_prime(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    Path("the prime").write_bytes(b"hello world\n" * 30)
    Path("primed.nnc").write_bytes(compress(b"hello\n", prime=b"hello world\n" * 30))
    for words in (["--prime", "the prime"], ["--prime=the prime"]):
        shown = end(start("nncless", *words, "primed.nnc", "a.nnc")).stdout
        assert shown == b"hello\n" + CONTENT["a.nnc"]
    for name, said in (("no-such", "No such file or directory"), (".", "is not a file")):
        result = end(start("nncless", "--prime", name, "primed.nnc"), status=1)
        assert errors(result) == [f"nncless: --prime {name}: {said}"]


@pytest.mark.slow
@needs_less
def test_less_shows_what_is_not_compressed_as_it_is(
    start: Callable[..., subprocess.Popen[bytes]],
) -> None:
    Path("plain").write_bytes(b"plain\n")
    result = end(start("nncless", "plain", "a.nnc"))
    assert result.stdout == b"plain\n" + CONTENT["a.nnc"]
    assert errors(result) == ["nncomp: plain: not an .nnc file"]


# ---- manual ----


def test_manuals() -> None:
    """Every program has a page, and every page is installed."""
    docs = ROOT / "docs"
    pages = {path.name for path in docs.glob("*.1")}
    names = ("classify", "distance", "estimate", "generate", "inspect", "prime")
    of_commands = {f"nncomp-{name}.1" for name in names}
    assert pages == {"nncomp.1", "nnccat.1", "nncgrep.1", "nncless.1", *of_commands}
    assert {f"{name}.1" for name in ("nncgrep", "nncless")} == {
        page for page in pages if docs.joinpath(page).read_text() == ".so man1/nnccat.1\n"
    }
    installed = set(re.findall(r"docs/([\w.-]+\.1)\b", ROOT.joinpath("CMakeLists.txt").read_text()))
    assert installed == pages
    manual = docs.joinpath("nnccat.1").read_text().replace("\\-", "-")
    for option in grep.REFUSED - {"directories", "devices"}:
        assert re.search(rf"--{option}(?![\w-])", manual) and f"--{option}" in grep.USAGE
