"""Runs nncomp while a call of the system's fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SHIM = Path(__file__).with_name("shim.c")
_LAUNCH = Path(__file__).parent.parent / "launch.py"


def build(folder: Path) -> Path:
    """The library to preload; skips the test without the tools."""
    compiler = shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no gcc, or no Linux")
    shim = folder / "shim.so"
    command = [compiler, "-O1", "-Wall", "-fPIC", "-shared", str(SHIM), "-o", str(shim)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the library to preload cannot be built: {done.stderr[-200:]}")
    return shim


@dataclass(frozen=True)
class Outcome:
    """How it ended."""

    seen: bool  # whether there were so many calls that one has failed
    status: int
    stderr: str


def run(shim: Path, fault: str, *arguments: str | Path) -> Outcome:
    """``nncomp`` with ``fault``: name of the function, number of the call, error."""
    seen = shim.with_name("seen")
    seen.unlink(missing_ok=True)
    environment = {"LD_PRELOAD": str(shim), "FAULT": fault, "FAULT_SEEN": str(seen)}
    done = subprocess.run(
        [sys.executable, str(_LAUNCH), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Outcome(seen.exists(), done.returncode, done.stderr)
