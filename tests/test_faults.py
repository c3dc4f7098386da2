"""Whatever call fails: the old file or the new one, and a source that stays until that is safe."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import faults
import models
from commandline import LAUNCH
from nncomp import compress

pytestmark = pytest.mark.slow  # many processes

DATA = models.text(20_000)
PACKED = compress(DATA, 1, model="none", block_size=1 << 12)
OLD = b"what was there before"
PACK = ["-1", "--model=none", "--block-size=4KiB", "-f", "-T1", "-q"]

# What is run, what it reads and makes.
JOBS = {
    "compress": ([*PACK, "a"], {"a": DATA, "a.nnc": OLD}, "a.nnc", PACKED),
    "remove": ([*PACK, "--rm", "a"], {"a": DATA, "a.nnc": OLD}, "a.nnc", PACKED),
    "decompress": (["-d", "-f", "-q", "a.nnc"], {"a.nnc": PACKED, "a": OLD}, "a", DATA),
    "new": (["-d", "-q", "a.nnc"], {"a.nnc": PACKED}, "a", DATA),
}
CALLS = {
    "write": [errno.ENOSPC, errno.EIO, 0],
    "fsync": [errno.EIO],
    "close": [errno.EIO],
    "fchmod": [errno.EPERM],
    "linkat": [errno.EIO],
    "renameat": [errno.EIO],
    "unlinkat": [errno.EIO],
}


# Calls that are certain to be made.
USED = {job: {"write", "fsync", "close", "fchmod", "renameat"} for job in JOBS}
USED["new"] ^= {"renameat", "linkat", "unlinkat"}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faults.build(tmp_path_factory.mktemp("shim"))


def lay_out(files: dict[str, bytes]) -> None:
    for path in Path().iterdir():
        path.unlink()
    for name, data in files.items():
        Path(name).write_bytes(data)


def check(job: str, status: int) -> None:
    """What must hold, however the command has ended."""
    _, files, target, new = JOBS[job]
    (source,) = files.keys() - {target}
    there = {path.name: path.read_bytes() for path in Path().iterdir()}
    found = there.get(target)
    assert found in (files.get(target), new)  # never another one
    if status == 0:
        assert found == new
    if source not in there:
        assert job == "remove" and found == new
    else:
        assert there[source] == files[source]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("job", JOBS)
def test_a_call_fails(
    shim: Path, job: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them, one after the other."""
    monkeypatch.chdir(tmp_path)
    arguments, files, _, _ = JOBS[job]
    for code in CALLS[call]:
        for number in range(1, 41):
            lay_out(files)
            outcome = faults.run(shim, f"{call}:{number}:{code}", *arguments)
            if not outcome.seen:
                assert outcome.status == 0
                assert number > 1 or call not in USED[job]
                break
            check(job, outcome.status)
            assert "Traceback" not in outcome.stderr
            if outcome.status:
                assert outcome.stderr.startswith("nncomp: ")
                # Nothing else is left, unless it could not be removed.
                assert call == "unlinkat" or {*os.listdir()} <= {"a", "a.nnc"}


@pytest.mark.parametrize("job", JOBS)
def test_no_memory(shim: Path, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python itself may end where it gets none; the files are what they should be all the same."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(job)
    for _ in range(12):
        lay_out(JOBS[job][1])
        fault = f"malloc:{int(2 ** draw.uniform(0, 14))}:{errno.ENOMEM}"
        check(job, faults.run(shim, fault, *JOBS[job][0]).status)


@pytest.mark.parametrize("job", JOBS)
def test_killed_at_any_time(job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, files, _, _ = JOBS[job]
    command = [sys.executable, LAUNCH, *arguments]
    lay_out(files)
    started = time.monotonic()
    subprocess.run(command, check=True)
    usual = time.monotonic() - started
    draw = random.Random(job)
    for _ in range(10):
        lay_out(files)
        process = subprocess.Popen(command)
        time.sleep(draw.uniform(0.3, 1.1) * usual)
        process.send_signal(signal.SIGKILL)
        check(job, process.wait())


@pytest.mark.parametrize("force", [True, False])
def test_two_at_one_target(force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One or both succeed, and the file is whole."""
    monkeypatch.chdir(tmp_path)
    lay_out({"a": DATA})
    words = [word for word in PACK if force or word != "-f"]
    command = [sys.executable, LAUNCH, *words, "a"]
    for _ in range(4):
        Path("a.nnc").unlink(missing_ok=True)
        both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
        said = [process.communicate()[1] for process in both]
        good = [process.returncode == 0 for process in both]
        assert all(good) if force else any(good)
        assert all(ok or b"already exists" in text for ok, text in zip(good, said, strict=True))
        assert Path("a.nnc").read_bytes() == PACKED
        assert len(os.listdir()) == 2
