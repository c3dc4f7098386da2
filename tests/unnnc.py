"""The program unnnc, built by the project's own CMakeLists.txt, for this machine or others.

It stays in ``build/``, so that the next time only what has changed is compiled.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILT_IN = ROOT / "models" / "nano-1.safetensors"

# Of each processor, what Debian calls it: s390x is one whose numbers have their highest byte first,
# and i386 one whose addresses have 32 bits.
PROCESSORS = {"x86-64": "", "arm64": "aarch64", "s390x": "s390x", "i386": "i686"}


@dataclass(frozen=True)
class Program:
    """How to run it."""

    command: tuple[str, ...]
    emulated: bool = False

    def run(
        self, *arguments: str | Path, stdin: bytes = b"", status: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """It ends with ``status``, and with a line for each thing that is wrong."""
        command = [*self.command, *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True)
        assert done.returncode == status, done.stderr.decode()
        lines = done.stderr.decode().splitlines()
        assert all(line.startswith("unnnc: ") for line in lines)
        assert bool(lines) == bool(status)
        return done


def build(processor: str = "x86-64") -> Program:
    """Skips the test without the tools."""
    name = PROCESSORS[processor]
    settings = {"STRICT": "ON", "UNNNC_MODELS": str(BUILT_IN)}
    emulator: tuple[str, ...] = ()
    if name:
        settings["CMAKE_SYSTEM_NAME"] = "Linux"
        settings["CMAKE_SYSTEM_PROCESSOR"] = name
        settings["CMAKE_CXX_COMPILER"] = f"{name}-linux-gnu-g++"
        settings["OPTIMIZE"] = "-O1"  # or compiling for s390x takes minutes
        emulator = (f"qemu-{name.replace('i686', 'i386')}",)
    for tool in ("cmake", settings.get("CMAKE_CXX_COMPILER", "c++"), *emulator):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here")
    folder = _made(f"unnnc-{processor}", settings)
    return Program((*emulator, str(folder / "unnnc" / "unnnc")), emulated=bool(emulator))


def build_sanitized() -> Program:
    """With AddressSanitizer and UndefinedBehaviorSanitizer."""
    folder = _made("unnnc-san", {"STRICT": "ON", "SAN": "ON"})
    return Program((str(folder / "unnnc" / "unnnc"),))


def _made(name: str, settings: dict[str, str]) -> Path:
    folder = ROOT / "build" / name
    defines = [f"-D{key}={value}" for key, value in {"UNNNC": "ON", **settings}.items()]
    for command in (["-S", ROOT, "-B", folder, *defines], ["--build", folder, "--parallel", 2]):
        done = subprocess.run(["cmake", *map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder
