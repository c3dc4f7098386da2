"""The amx kernel and the system, which has to let a process have tiles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nncomp import _native

pytestmark = pytest.mark.skipif("amx" not in _native.kernels(), reason="no tiles here")

ENCODE = """
import models
from nncomp import _native
from nncomp.engine import native

def encoded():
    return b"".join(native.encode_block(models.tiny(), models.text(500), 7, models.LEAN, threads=2))
"""
# A stack for signals that is too small to save tiles on: so Linux refuses them.
SMALL_STACK = """
import ctypes

class Stack(ctypes.Structure):
    _fields_ = ("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)

room = ctypes.create_string_buffer(4096)
stack = Stack(ctypes.addressof(room), 0, len(room))
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None) == 0
"""
FORK = """
import os, sys
before = encoded()
child = os.fork()
if child == 0:
    os._exit(0 if encoded() == before else 1)
assert os.waitpid(child, 0) == (child, 0)
"""
SHOW = """
print(_native.kernels()[0], encoded().hex())
"""


def run(program: str) -> list[str]:
    command = [sys.executable, "-c", program]
    folder = Path(__file__).parent
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=folder)
    return done.stdout.decode().split()


def test_without_permission_another_kernel_computes() -> None:
    kernel, coded = run(ENCODE + SHOW)
    assert kernel == "amx"
    assert run(SMALL_STACK + ENCODE + SHOW) == ["avx512", coded]


def test_a_process_that_was_forked() -> None:
    run(ENCODE + FORK)
