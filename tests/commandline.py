"""Running nncomp for tests: inside this process, which is quick, or as a process of its own.

Inside, file descriptors 0, 1 and 2 are replaced while it runs, so that it cannot tell the
difference; handlers of signals are not installed.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pytest

from nncomp import registry
from nncomp.cli import main

if sys.platform != "win32":
    import fcntl
    import pty
    import resource
    import termios

LAUNCH = str(Path(__file__).with_name("launch.py"))  # python LAUNCH … runs nncomp

_TIME = r", [0-9]+\.[0-9]+ s(, [0-9.]+ ([KMG]i)?B/s)?"  # and the speed, of what takes not long
_SCRIPT = """\
#!{python}
import os
from pathlib import Path
from nncomp import registry
registry.package_directories = lambda: [Path(os.environ["TEST_MODELS"])]
from {module} import {function}
{function}()
"""

Result = subprocess.CompletedProcess  # of bytes
Run = Callable[..., "Result[bytes]"]
Stream = IO[Any] | int | None


def use_models(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Let the models in ``directory`` stand for the released ones, here and in ``command``."""
    monkeypatch.setattr(registry, "package_directories", lambda: [directory])
    monkeypatch.setenv("TEST_MODELS", str(directory))


def install(directory: Path) -> set[str]:
    """Make the scripts that an installation has; returns their names."""
    page = Path(__file__).parent.parent.joinpath("pyproject.toml").read_text("utf-8")
    section = page.split("[project.scripts]\n")[1].split("\n\n")[0]
    table = re.findall(r'^(\w+) = "([\w.]+):(\w+)"$', section, re.MULTILINE)
    for name, module, function in table:
        path = directory / name
        path.write_text(_SCRIPT.format(python=sys.executable, module=module, function=function))
        path.chmod(0o755)
    return {name for name, *_ in table}


def command(*args: str | Path) -> list[str]:
    """What starts nncomp as a process."""
    return [sys.executable, LAUNCH, *map(str, args)]


def run(
    *args: str | Path,
    status: int = 0,
    input: bytes = b"",
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    process: bool = False,
    program: Callable[[list[str]], int] = main.run,
    **more: Any,
) -> Result[bytes]:
    """Run nncomp; checks its exit status, and that neither a trace nor a temporary file is left.

    ``program`` is another one to run in its place. With ``process``, or with more arguments for
    ``subprocess.run``, it is a process of its own.
    """
    if process or more:
        more |= {"stdout": stdout or subprocess.PIPE, "stderr": stderr or subprocess.PIPE}
        more |= {"input": input} if stdin is None else {"stdin": stdin}
        result = subprocess.run(command(*args), check=False, timeout=120, **more)
    else:
        result = _run_inside(program, [*map(str, args)], input, stdin, stdout, stderr)
    assert result.returncode == status, result
    assert b"Traceback" not in (result.stderr or b"")
    assert not list(Path().rglob(".*.tmp"))
    return result


def limited(size: int) -> dict[str, Any]:
    """Arguments of ``run`` for a process that writes files of ``size`` bytes at most, as with
    'ulimit -f'. Bytecode is none of them: Python would keep what was cut off of it."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return {"preexec_fn": limit, "env": {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}}


def _run_inside(
    program: Callable[[list[str]], int],
    args: list[str],
    input: bytes,
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
) -> Result[bytes]:
    with contextlib.ExitStack() as stack:
        source, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        source.write(input)
        source.seek(0)
        for number, stream in enumerate((stdin or source, stdout or out, stderr or err)):
            stack.enter_context(_redirected(number, stream))
        status = program(args)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        out.seek(0)
        err.seek(0)
        return Result(args, status, out.read(), err.read())


@contextlib.contextmanager
def _redirected(number: int, stream: IO[Any] | int) -> Iterator[None]:
    """A file descriptor, and Python's object for it, lead to ``stream``."""
    name, mode = [("stdin", "r"), ("stdout", "w"), ("stderr", "w")][number]
    saved = os.dup(number)
    os.dup2(stream if isinstance(stream, int) else stream.fileno(), number)
    try:
        with (
            open(number, mode, closefd=False, errors="surrogateescape") as file,
            mock.patch.object(sys, name, file),
        ):
            yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


def errors(result: Result[bytes]) -> list[str]:
    """What was said, line by line."""
    return result.stderr.decode().splitlines()


def untimed(result: Result[bytes]) -> list[str]:
    """What was said, but for the time that it took, and the speed."""
    return [re.sub(_TIME, "", line) for line in errors(result)]


class Terminal:
    """A pseudo-terminal: what is written to ``slave`` is seen in ``text``.

    It is read all the time, so that who writes much, as a bar on a slow machine does, never waits.
    """

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read_always, daemon=True)
        self._reader.start()

    def _read_always(self) -> None:
        while not self._closed.is_set():
            select.select([self.master], [], [], 0.05)
            self._read()

    def _read(self) -> None:
        with self._lock:
            while select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, 1 << 16)

    def text(self) -> str:
        self._read()
        return self.seen.decode("latin-1")

    def close(self) -> None:
        self._closed.set()
        self._reader.join()
        os.close(self.master)
        os.close(self.slave)
