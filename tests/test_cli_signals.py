"""Signals of every kind, in every phase: what is left, and how the process ends."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import models
from commandline import Run, command
from nncomp.cli import signals

TEXT = models.chained(1200)

# Ask the system which signals end a process that does nothing about them.
WHICH_END = """
import os, resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for number in sorted(signal.valid_signals()):
    child = os.fork()
    if child == 0:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(0)
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    elif os.WIFSIGNALED(status):
        print(number)
"""
FAULTS = {"SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS", "SIGEMT"}
OTHERS = {"SIGKILL", "SIGXFSZ"}  # the last is an error of write() instead


def no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def status_after(number: int) -> int:
    return 143 if number == signal.SIGTERM else -number


def test_all_that_end_a_process_are_handled() -> None:
    result = subprocess.run([sys.executable, "-c", WHICH_END], capture_output=True, check=True)
    left = {int(line) for line in result.stdout.split()} - set(signals.HANDLED)
    # The first few of the real-time signals are those of the C library.
    names = {signal.Signals(number).name for number in left if number in list(signal.Signals)}
    assert names <= FAULTS | OTHERS
    assert len(left) - len(names) <= 2


@pytest.mark.parametrize(
    "number",
    [
        *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU),
        *(pytest.param(number, marks=pytest.mark.slow) for number in signals.HANDLED),
    ],
)
def test_signals(run: Run, number: int) -> None:
    """Cleaned, dies by the signal, SIGTERM: exit 143; nothing is said; the old target survives"""
    Path("x.nnc").write_bytes(b"old")
    process = subprocess.Popen(
        command("-f", "-o", "x.nnc"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=no_core,
    )
    assert process.stdin is not None and process.stderr is not None
    process.stdin.write(TEXT)
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while len(os.listdir()) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) == status_after(number)
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()
    assert os.listdir() == ["x.nnc"] and Path("x.nnc").read_bytes() == b"old"


# A signal between the moment when the output is there and the one when its 'with' has begun.
BEFORE_WITH = """
import contextlib, os, signal
from nncomp.cli import entry
enter = contextlib._GeneratorContextManager.__enter__
def interrupted(self):
    value = enter(self)
    if self.gen.__name__ == "create":
        os.kill(os.getpid(), signal.SIGUSR2)
    return value
contextlib._GeneratorContextManager.__enter__ = interrupted
entry.nncomp()
"""


def test_between_creation_and_with(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    words = [sys.executable, "-c", BEFORE_WITH, "-q", "--model", "none", "a"]
    result = subprocess.run(words, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (-signal.SIGUSR2, b"")
    assert os.listdir() == ["a"]


# A signal while something is destroyed, where no exception can be raised.
IN_DESTRUCTOR = """
import contextlib, os, signal
from nncomp.cli import entry
enter = contextlib._GeneratorContextManager.__enter__
class Short:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        os.getpid()
def interrupted(self):
    if self.gen.__name__ == "create":
        Short()
    return enter(self)
contextlib._GeneratorContextManager.__enter__ = interrupted
entry.nncomp()
"""


def test_in_a_destructor(run: Run) -> None:
    """It is not lost, and nothing is said"""
    Path("a").write_bytes(TEXT)
    words = [sys.executable, "-c", IN_DESTRUCTOR, "-q", "--model", "none", "a"]
    result = subprocess.run(words, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (-signal.SIGINT, b"")
    assert set(os.listdir()) <= {"a", "a.nnc"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_ignored_signals_stay_ignored(run: Run, number: int) -> None:
    """What our parent wants ignored, or has left to somebody else"""
    Path("a").write_bytes(TEXT)
    script = (
        f"import os, signal; signal.signal({int(number)}, signal.SIG_IGN)\n"
        "from nncomp.cli import entry, signals\n"
        f"os.kill(os.getpid(), {int(number)}); signals.install()\n"
        f"os.kill(os.getpid(), {int(number)}); entry.nncomp()"
    )
    subprocess.run([sys.executable, "-c", script, "-q", "--model", "none", "a"], check=True)
    assert Path("a.nnc").exists()


# A module that interrupts whoever imports it, in the middle.
INTERRUPTED_IMPORT = """
import os, signal, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
from nncomp.cli import entry
entry.nncomp()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("click", "nncomp.cli.main", "nncomp.cli.files", "nncomp.api", "nncomp._native"),
        *("numpy", "numpy.linalg", "nncomp.engine.native"),
    ],
)
def test_interrupted_while_importing(run: Run, name: str) -> None:
    """SIGINT: dies of it at once, without a word, and leaves nothing"""
    Path("a").write_bytes(TEXT)
    script = INTERRUPTED_IMPORT.format(name=name)
    result = subprocess.run([sys.executable, "-c", script, "a"], capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (-signal.SIGINT, b"")
    assert os.listdir() == ["a"]


@pytest.mark.parametrize("ending", ["pass", "raise ImportError('a library') from error"])
def test_a_signal_that_gets_lost(run: Run, ending: str) -> None:
    """A library may take what a handler raises for a failure of its own: it ends all the same"""
    script = (
        "import os, signal\n"
        "from nncomp.cli import main\n"
        "def complete(args):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGUSR2)\n"
        "    except BaseException as error:\n"
        f"        {ending}\n"
        "    return 0\n"
        "main.cli.main = lambda *args, **more: complete(args)\n"
        "main.main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (-signal.SIGUSR2, b"")


def test_a_module_is_loaded_whole(tmp_path: Path) -> None:
    """A signal waits for it: numpy's would print that it was interrupted."""
    (tmp_path / "half.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(0.1)\n"
        "print('whole', flush=True)"
    )
    script = (
        f"import sys, time; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from nncomp.cli import signals\n"
        "def work():\n"
        "    import half\n"
        "    print('loaded', flush=True)\n"
        "    time.sleep(60)\n"
        "signals.obeying(work)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=50)
    assert result.returncode == -signal.SIGINT and result.stderr == b""
    assert result.stdout.splitlines()[0] == b"whole"


@pytest.mark.slow
def test_interrupted_at_any_moment(run: Run) -> None:
    """From its own first line on: silence, the old state or the complete new one"""
    Path("a").write_bytes(TEXT)
    script = (
        "from nncomp.cli import entry, signals; signals.at_once()\n"
        "import os; os.write(1, b'x'); entry.nncomp()"
    )
    draw = random.Random(1)
    ended = set()
    for _ in range(60):
        Path("a.nnc").unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", script, "-q", "--model", "none", "a"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.read(1)
        time.sleep(draw.random() * 0.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        ended.add(process.returncode)
        assert said == b"", said
        assert process.returncode in (0, -signal.SIGINT)
        assert set(os.listdir()) <= {"a", "a.nnc"}
    assert -signal.SIGINT in ended
