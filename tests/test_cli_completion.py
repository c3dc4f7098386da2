"""Completion: what nncomp answers, and what comes of it in the shells themselves."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import commandline
from commandline import Run, Terminal

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "nncomp/cli/completions"
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config"],
}
SETTINGS = {
    "bash": "bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'",
    "zsh": "autoload -Uz compinit; compinit -u -D; unsetopt list_ambiguous",
}


# ---- what nncomp answers ----


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tes", "test file:-"),
        ("li", "list file:-"),
        ("co", "compress completion file:-"),
        ("--v", "--version --verify --verbose"),
        ("-q tes", "file:-"),
        ("-d ", "file:.nnc"),
        ("-t ", "file:.nnc"),
        ("-l ", "file:.nnc"),
        ("-d -z ", "file:-"),
        ("test ", "file:.nnc"),
        ("list ", "file:.nnc"),
        ("info a.nnc ", "file:.nnc"),
        ("decompress -q ", "file:.nnc"),
        ("decompress -z ", "file:-"),
        ("compress ", "file:-"),
        ("decompress --o", "--output --output-dir"),
        ("--output-dir ", "dir:-"),
        ("-o ", "file:-"),
        ("--model n", "nano-1 nano-2 none file:.safetensors"),
        ("--model=s", "small-2 file:.safetensors"),
        ("-d --model=s", "small-2 file:.safetensors"),
        ("--device c", "cpu cuda"),
        ("--device=a", "auto"),
        ("models ", "add list path show"),
        ("models show n", "nano-1 nano-2 file:.safetensors"),
        ("models path b", "base-2 file:.safetensors"),
        ("models add ", "file:.safetensors"),
        ("completion f", "fish"),
    ],
)
def test_answers(run: Run, monkeypatch: pytest.MonkeyPatch, line: str, expected: str) -> None:
    monkeypatch.setenv("_NNCOMP_COMPLETE", "words")
    rows = [row.split("\t") for row in run(*line.split(" ")).stdout.decode().splitlines()]
    found = [value if kind == "plain" else f"{kind}:{value}" for kind, value, _ in rows]
    assert found == expected.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts(run: Run, shell: str) -> None:
    """completion bash|zsh|fish prints the script, which is one that is installed, too"""
    script = run("completion", shell).stdout
    assert script in [path.read_bytes() for path in SCRIPTS.iterdir()]
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, check=True)
    run("completion", "tcsh", status=2)
    page = ROOT.joinpath("CMakeLists.txt").read_text()
    assert all(f"{{completions}}/{path.name}" in page for path in SCRIPTS.iterdir())


# ---- what comes of it ----


@pytest.fixture
def words(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with nncomp in PATH, in a directory with files."""
    directory = tmp_path_factory.mktemp("bin")
    commandline.install(directory)
    os.mkdir("dir x")
    for name in ("a.nnc", "b c.nnc", "dir x/d.nnc", "plain", "my.safetensors", "testing"):
        Path(name).touch()
    path = f"{directory}{os.pathsep}{os.environ['PATH']}"
    home = str(tmp_path_factory.mktemp("home"))
    return {**os.environ, "PATH": path, "TERM": "dumb", "HOME": home, "XDG_DATA_HOME": home}


# What is typed before Tab; what the line is then, or what a list shows; what it does not show.
Case = tuple[str, "str | list[str]", str]
FEW: list[Case] = [
    ("nncomp dec", "nncomp decompress ", ""),
    ("nncomp tes", ["test", "testing"], "plain"),
    ("nncomp -d ", ["a.nnc", r"b\\? c.nnc", r"dir\\? x/"], "plain"),
    ("nncomp --model=sm", "nncomp --model=small-2 ", ""),
    ("nncomp --device ", ["auto", "cpu", "cuda"], "plain"),
    ("nncomp models show m", "nncomp models show my.safetensors ", ""),
    ("nnccat b", r"nnccat b\ c.nnc ", ""),
]
MANY: list[Case] = [
    *FEW,
    ("nncomp compl", "nncomp completion ", ""),
    ("nncomp pl", "nncomp plain ", ""),
    ("nncomp -d b", r"nncomp -d b\ c.nnc ", ""),
    ("nncomp test di", r"nncomp test dir\ x/", ""),
    ("nncomp list a", "nncomp list a.nnc ", ""),
    ("nncomp --model sm", "nncomp --model small-2 ", ""),
    ("nncomp models sh", "nncomp models show ", ""),
    ("nncomp --output-dir ", r"nncomp --output-dir dir\ x/", ""),
    ("nncomp --embed", "nncomp --embed-model ", ""),
    ("nncgrep x ", ["a.nnc", r"b\\? c.nnc", r"dir\\? x/"], "plain"),
]


@pytest.mark.slow
def test_tab_in_bash(words: dict[str, str], terminal: Terminal) -> None:
    type_lines("bash", FEW, words, terminal)


@pytest.mark.slow
@pytest.mark.parametrize("shell", SETTINGS)
def test_tab(words: dict[str, str], terminal: Terminal, shell: str) -> None:
    """Lines typed to an interactive shell, with the script from 'eval'"""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    type_lines(shell, MANY, words, terminal)


def type_lines(shell: str, cases: list[Case], words: dict[str, str], terminal: Terminal) -> None:
    process = subprocess.Popen(
        SHELLS[shell],
        env=words,
        stdin=terminal.slave,
        stdout=terminal.slave,
        stderr=terminal.slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )

    def type_in(text: str) -> None:
        terminal.seen = b""
        os.write(terminal.master, text.encode())

    def seen() -> str:
        text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", "", terminal.text())
        while "\b" in text:  # zsh goes back to colour a word
            text = re.sub(r"[^\b]?\b", "", text, count=1)
        return text

    def wait_for(good: Callable[[str], object]) -> str:
        deadline = time.monotonic() + 60
        while not good(text := seen()):
            assert time.monotonic() < deadline and process.poll() is None, text
            time.sleep(0.02)
        return text

    try:
        type_in(
            f"PS1='> '; {SETTINGS[shell]}; eval \"$(nncomp completion {shell})\"; echo rea''dy\n"
        )
        wait_for(lambda text: "ready" in text)
        for line, wanted, unwanted in cases:
            type_in(f"{line}\t")
            if isinstance(wanted, str):
                wait_for(lambda text: wanted in text)  # noqa: B023
            else:
                listed = wait_for(
                    lambda text: all(re.search(f"\n.*{word}", text) for word in wanted)  # noqa: B023
                )
                assert not unwanted or unwanted not in listed
            type_in("\x15echo ne''xt\n")
            wait_for(lambda text: "next" in text)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish(words: dict[str, str]) -> None:
    """'complete -C' is what Tab does"""
    script = "nncomp completion fish | source\n"
    lines = [line for line, *_ in MANY] + ["nncomp --output-dir=d", r"nncomp -d dir\ x/"]
    script += "".join(f"echo '= {line}'; complete -C '{line}'\n" for line in lines)
    result = subprocess.run(
        [*SHELLS["fish"], "-c", script], env=words, capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    answers = {}
    for part in result.stdout.split("= ")[1:]:
        line, *found = part.splitlines()
        answers[line] = [row.split("\t")[0] for row in found]
    for line, wanted, _ in MANY:
        if isinstance(wanted, str):
            (word,) = answers[line]
            assert line.rsplit(" ", 1)[0] + " " + word == wanted.rstrip(" ").replace("\\", "")
        else:
            assert sorted(answers[line]) == [word.replace("\\\\?", "") for word in wanted]
    assert answers["nncomp --output-dir=d"] == ["--output-dir=dir x/"]
    assert answers[r"nncomp -d dir\ x/"] == ["dir x/d.nnc"]
