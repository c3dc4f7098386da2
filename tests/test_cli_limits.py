"""Too little of something, or an error that nobody has foreseen: one line, and the rest is done."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import models
from commandline import Run, errors
from nncomp import api, info
from nncomp.api import compress
from nncomp.cli import inputs

TEXT = models.chained(1000)

NNCOMP = [sys.executable, "-m", "nncomp"]  # with the models that there are

ERRORS = {
    "out of memory": MemoryError("no room"),
    "a part of the program cannot be loaded: no such library": ImportError(
        "no such library\nat all"
    ),
    "can't start new thread": RuntimeError("can't start new thread"),
    "RecursionError: too deep": RecursionError("too deep"),
    "KeyError: 'x'": KeyError("x"),
    "Input/output error": OSError(5, "Input/output error"),
}


@pytest.mark.slow
@pytest.mark.parametrize("said", ERRORS)
def test_errors_of_any_kind(run: Run, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """A file for which something goes wrong is named, in one line, and the others are done"""
    for name in ("a", "b", "c"):
        Path(name).write_bytes(TEXT)
        Path(f"{name}.nnc").write_bytes(compress(TEXT))
    for module, function, args in (
        (api, "compress_stream", ["-f", "a", "b", "c"]),
        (api, "decompress_stream", ["-df", "a.nnc", "b.nnc", "c.nnc"]),
        (api, "decompress_stream", ["-t", "a.nnc", "b.nnc", "c.nnc"]),
        (info, "read_frame_infos", ["-l", "a.nnc", "b.nnc", "c.nnc"]),
    ):
        original = getattr(module, function)

        def fails(source: object, *args: object, **more: object) -> object:
            if str(source.name).startswith("b"):  # type: ignore[attr-defined]
                raise ERRORS[said]
            return original(source, *args, **more)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(module, function, fails)
            (line,) = errors(run("-q", *args, status=1))
        assert line.startswith(f"nncomp: b{'' if args[0] == '-f' else '.nnc'}: ") and said in line


@pytest.mark.parametrize("said", ERRORS)
def test_errors_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Where no file is at work, there is a line, too"""

    def fails(*args: object, **more: object) -> object:
        raise ERRORS[said]

    monkeypatch.setattr(inputs, "find", fails)
    for args in (["a"], ["info", "a"], ["bench", "a", "--peers", "none"]):
        (line,) = errors(run(*args, status=1))
        assert line.startswith("nncomp: ") and said in line


def test_developers_see_where(run: Run) -> None:
    """python -X dev: a traceback, but only of what is an error in the program"""
    script = (
        "from nncomp.cli import inputs, main\n"
        "def find(*args, **more): raise KeyError\n"
        "inputs.find = find\n"
        "main.main()"
    )
    for option, traceback in (("dev", True), ("utf8", False)):
        result = subprocess.run(
            [sys.executable, "-X", option, "-c", script, "a"], capture_output=True, check=False
        )
        assert result.returncode == 1
        assert (b"Traceback" in result.stderr) == traceback


_NOT_OURS = b"OpenBLAS", b"lost sys.stderr", b"Exception ignored in"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [40, 70, 150, 200])
@pytest.mark.parametrize(
    "args", [["-f", "--model=none", "a", "b"], ["-t", "a.nnc", "b.nnc"], ["-l", "a.nnc"]]
)
def test_little_address_space(run: Run, limit: int, args: list[str]) -> None:
    """ulimit -v: lines that say so, for each file, or all is well. Around 100 MiB, Python is at the
    end of its memory while it loads NumPy, and may wait for a lock of its own for ever."""
    for name in ("a", "b"):
        Path(name).write_bytes(TEXT)
        Path(f"{name}.nnc").write_bytes(compress(TEXT, model="none"))

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20))

    result = subprocess.run(
        [*NNCOMP, "-q", *args], capture_output=True, preexec_fn=few, check=False, timeout=60
    )
    lines = errors(result)
    files = [name for name in args if name[0] != "-"]
    if result.returncode == 0:
        assert lines == []
    elif result.returncode < 0 or any(said in result.stderr for said in _NOT_OURS):
        # NumPy's libraries end the process by themselves while they are being loaded, and Python
        # may have no memory to say what it had no memory for, and a status of its own.
        assert b"nncomp._native" not in result.stderr
    else:
        assert result.returncode == 1
        # Python itself may fail to load a module in any way, before a file is looked at.
        named = [line.split(": ")[:2] for line in lines]
        possible = [["nncomp", name] for name in ("error in the program", *files)]
        assert named and named == [one for one in possible if one in named]
    assert not [name for name in os.listdir() if name.endswith(".tmp")]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["-t", "a.nnc"], ["-c", "a"], ["cat", "a.nnc"], ["-l", "a.nnc"]])
def test_no_memory_at_all(run: Run, words: list[str]) -> None:
    """--memory 0 is wrong usage, said once."""
    assert b"must be 1 byte or more" in run(*words, "--memory", "0", status=2).stderr


def test_no_thread_to_be_had(run: Run) -> None:
    """ulimit -u: it works with the thread there is"""
    Path("a").write_bytes(TEXT * 8)
    os.chmod(".", 0o777)
    words = []
    if os.geteuid() == 0:  # whom the limit does not bind
        capability = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
        words = ["setpriv", "--reuid", "65534", "--clear-groups", *capability]
    words += ["prlimit", "--nproc=1"]
    python = [sys.executable, "-c", ""]
    if subprocess.run([*words, *python], capture_output=True, check=False).returncode:
        pytest.skip("cannot limit threads")
    for args in (
        ["-T4", "--model=none", "--block-size=1K", "a"],
        ["-tT4", "a.nnc"],
        ["-T4", "-l", "a.nnc"],
    ):
        result = subprocess.run([*words, *NNCOMP, *args], capture_output=True, check=False)
        assert result.returncode == 0, result
        assert len(errors(result)) == (0 if "-l" in args else 1)


@pytest.mark.slow
@pytest.mark.parametrize("args", [["-f", "a"], ["-df", "a.nnc"], ["-f", "--rm", "a"]])
def test_all_is_loaded_before_there_is_an_output(run: Run, args: list[str]) -> None:
    """A library that ends the process when it is imported leaves no unfinished file"""
    Path("a").write_bytes(models.text(100_000))
    run("-k", "a")
    script = (
        "import contextlib, sys\n"
        "from nncomp import fileio\n"
        "from nncomp.cli import main\n"
        "create = fileio.create\n"
        "@contextlib.contextmanager\n"
        "def spy(*args, **more):\n"
        "    before = set(sys.modules)\n"
        "    with create(*args, **more) as file:\n"
        "        yield file\n"
        "    print(*set(sys.modules) - before)\n"
        "fileio.create = spy\n"
        "main.main()"
    )
    result = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, check=True)
    assert result.stdout.split() == []
